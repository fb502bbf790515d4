"""Errors have a name and a code, and one place turns them into problem+json.

A service raises a `ServiceError`, most often a named subclass from its own `errors.py`; nobody raises `HTTPException`.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from messenger_contracts.problem import PROBLEM_MEDIA_TYPE, ErrorCode, FieldError, Problem
from servicekit.aws import is_unavailable
from servicekit.telemetry import current_trace_id, record_failure

log = logging.getLogger(__name__)


class ServiceError(Exception):
    """Something that the caller should hear of. The status follows from the code."""

    code: ErrorCode = ErrorCode.INTERNAL
    detail: str = "The service failed."

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: ErrorCode | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code or type(self).code
        self.detail = detail or type(self).detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class ValidationFailed(ServiceError):
    """The request's content is wrong."""

    code = ErrorCode.VALIDATION_FAILED
    detail = "The request is not valid."


class Unauthenticated(ServiceError):
    """Nobody knows who asks."""

    code = ErrorCode.UNAUTHENTICATED
    detail = "Sign in first."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class TokenExpired(Unauthenticated):
    """The credential was good once."""

    code = ErrorCode.TOKEN_EXPIRED
    detail = "The token has expired."


class Forbidden(ServiceError):
    """The caller may know of the thing, but not do this."""

    code = ErrorCode.FORBIDDEN
    detail = "This is not allowed."


class NotFound(ServiceError):
    """There is no such thing, or the caller may not know of it."""

    code = ErrorCode.NOT_FOUND
    detail = "There is no such thing."


class Conflict(ServiceError):
    """The state of things does not allow it."""

    code = ErrorCode.CONFLICT
    detail = "This does not fit the present state."


class RateLimited(ServiceError):
    """Too many requests."""

    code = ErrorCode.RATE_LIMITED
    detail = "Too many requests."


class DependencyUnavailable(ServiceError):
    """Something that the service needs does not answer."""

    code = ErrorCode.DEPENDENCY_UNAVAILABLE
    detail = "A part of the service is not available at the moment."

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


def problem_of(error: ServiceError, path: str) -> Problem:
    """The body that stands for an error."""
    return Problem.of(error.code, error.detail, instance=path, trace_id=current_trace_id(), errors=error.errors)


CLIENT_GONE = 499
"""The status of an answer that nobody reads; for the metrics alone."""


def problem_response(error: ServiceError, path: str) -> Response:
    """The HTTP answer that stands for an error."""
    return Response(
        orjson.dumps(problem_of(error, path).model_dump(mode="json")),
        status_code=error.code.status,
        headers=error.headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )


def install_error_handlers(app: FastAPI) -> None:
    """Make every failure of an app a problem+json answer."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_client_gone)
    app.add_exception_handler(BotoCoreError, _on_aws_error)
    app.add_exception_handler(ClientError, _on_aws_error)


async def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)  # noqa: S101 - registered for this class alone
    return problem_response(error, request.url.path)


async def _on_client_gone(request: Request, error: Exception) -> Response:
    """A client that goes away in the midst of its own request is nobody's failure, and reads no answer."""
    return Response(status_code=CLIENT_GONE)


async def _on_aws_error(request: Request, error: Exception) -> Response:
    """An AWS that is away or throttles is a dependency; any other refusal of AWS is our own mistake."""
    if not is_unavailable(error):
        raise error
    record_failure("aws", error)
    return problem_response(DependencyUnavailable(), request.url.path)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    fields = [FieldError(pointer=_pointer(item, error.body), detail=said_of(item)) for item in error.errors()]
    return problem_response(ValidationFailed(errors=fields), request.url.path)


def said_of(mistake: Mapping[str, Any]) -> str:
    """What pydantic says of a mistake, without its name for those that our own rules find."""
    said: str = mistake["msg"]
    return said.removeprefix("Value error, ")


def _pointer(item: Mapping[str, Any], body: Any) -> str:
    location: Sequence[str | int] = item["loc"]
    place, *path = location
    if item["type"] == "json_invalid":  # the location is an offset in the text: no part of the body is to blame
        return ""
    if place == "body":
        path = _without_tags(path, body)
        if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            path.append(item["ctx"]["discriminator"].strip("'"))
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
        return "".join(f"/{part}" for part in escaped)
    return "/".join(str(part) for part in location)


def _without_tags(path: Sequence[str | int], body: Any) -> list[str | int]:
    """A path as it is in the body: pydantic puts the tag of a union between, where the union was told apart by one."""
    kept: list[str | int] = []
    for number, part in enumerate(path, 1):
        if isinstance(body, Mapping) and part not in body and number < len(path):
            continue
        kept.append(part)
        with suppress(LookupError, TypeError):
            body = body[part]
    return kept


_HTTP_CODES = {
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.PAYLOAD_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA,
}


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """The framework's own refusals: no such route, wrong method, a body that is no JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    code = _HTTP_CODES.get(error.status_code)
    if code is None:
        code = ErrorCode.VALIDATION_FAILED if error.status_code < 500 else ErrorCode.INTERNAL
    refusal = ServiceError(_HTTP_DETAILS.get(code), code=code, headers=error.headers)
    return problem_response(refusal, request.url.path)


_HTTP_DETAILS = {
    ErrorCode.NOT_FOUND: "There is no such route.",
    ErrorCode.METHOD_NOT_ALLOWED: "The route does not take this method.",
    ErrorCode.VALIDATION_FAILED: "The body cannot be read.",
}
