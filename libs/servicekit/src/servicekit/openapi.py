"""What an app says of itself: its endpoints, its OpenAPI document, and the public document of all services together.

Pure functions of apps that were built and not started. Files and folders belong in `documents`.
"""

import inspect
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Route, WebSocketRoute

from messenger_contracts.identity import IDENTITY_HEADER
from messenger_contracts.problem import PROBLEM_MEDIA_TYPE
from servicekit.identity import CallingService, CurrentUser, require_identity

METHODS = {"GET", "PUT", "POST", "PATCH", "DELETE"}
SOCKET_RESPONSES = {"101": {"description": "The connection is a WebSocket from here on"}}
"""OpenAPI has no word for a socket: the handshake is described, and the rest in prose.

A route whose status is 101 stands for a socket that its app serves by other means.
"""
SERVERS = [{"url": "/", "description": "The origin that served this document"}]
INTERNAL_SECURITY = {
    "identity": {
        "type": "apiKey",
        "in": "header",
        "name": IDENTITY_HEADER,
        "description": "The principal, signed by the gateway (PASETO v4.public)",
    }
}
PUBLIC_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Cognito access token, for programs",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-session",
        "description": "The session of a browser (PASETO v4.local); unsafe methods need a known `Origin` too",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "A realtime ticket, good for one use within 30 seconds",
    },
}


class OpenApiError(Exception):
    """The documents of two services contradict each other."""


class Audience(StrEnum):
    """Who may call an endpoint."""

    ANYONE = "anyone"
    PERSON = "a signed-in person"
    SERVICE = "our services"


@dataclass(frozen=True)
class Endpoint:
    """One operation of an app."""

    method: str
    path: str
    name: str
    audience: Audience
    summary: str
    description: str = ""
    socket: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Path and method, as an OpenAPI document nests them."""
        return self.path, self.method.lower()


@dataclass(frozen=True)
class ServiceApi:
    """A service's part of the public document."""

    name: str
    summary: str
    document: dict[str, Any]
    endpoints: Sequence[Endpoint]


def endpoints_of(app: FastAPI) -> list[Endpoint]:
    """Every operation of an app, hidden ones too, in the order of the table that people read."""
    found = [endpoint for context in iter_route_contexts(app.routes) for endpoint in _endpoints(context)]
    return sorted(found, key=lambda endpoint: (endpoint.path, endpoint.method))


def _endpoints(context: RouteContext) -> Iterator[Endpoint]:
    summary, _, rest = (inspect.getdoc(context.endpoint) or "").partition("\n")
    path, name = str(context.path_format or context.path), _name(context)
    if isinstance(context.original_route, WebSocketRoute):
        yield Endpoint("GET", path, name, Audience.PERSON, summary, rest.strip(), socket=True)
    elif isinstance(context.original_route, Route):
        socket = getattr(context, "status_code", None) == HTTPStatus.SWITCHING_PROTOCOLS
        audience = Audience.PERSON if socket else _audience(getattr(context, "dependant", None))
        for method in sorted((context.methods or set()) & METHODS):
            yield Endpoint(method, path, name, audience, summary, rest.strip(), socket=socket)


def _name(context: RouteContext) -> str:
    """The function, with its room in front: a service may have a `get` in each."""
    package, *rooms = str(getattr(context.endpoint, "__module__", "")).split(".")
    rooms = rooms[:-1] if package.endswith("_service") else []
    return "_".join([*rooms, str(context.name)])


def _audience(dependant: Dependant | None) -> Audience:
    calls = set(_calls(dependant)) if dependant else set()
    if _dependency(CurrentUser) in calls:
        return Audience.PERSON
    return Audience.SERVICE if _dependency(CallingService) in calls else Audience.ANYONE


def _calls(dependant: Dependant) -> Iterator[Any]:
    for part in dependant.dependencies:
        yield part.call
        yield from _calls(part)


def _dependency(alias: Any) -> Any:
    return get_args(alias)[1].dependency


def demands_identity(app: FastAPI) -> set[tuple[str, str]]:
    """The operations, by path and method, that refuse a request without a signed identity."""
    return {
        endpoint.key
        for context in iter_route_contexts(app.routes)
        if (dependant := getattr(context, "dependant", None)) and require_identity in set(_calls(dependant))
        for endpoint in _endpoints(context)
    }


def describe(app: FastAPI, name: str, summary: str) -> ServiceApi:
    """A service's own document, as its peers see it behind the gateway, and its endpoints."""
    document = deepcopy(app.openapi())
    document["info"]["description"] = summary
    document["tags"] = [{"name": name, "description": summary}]
    endpoints = endpoints_of(app)
    for socket in filter(lambda endpoint: endpoint.socket, endpoints):
        document["paths"].setdefault(socket.path, {}).setdefault("get", {})["responses"] = SOCKET_RESPONSES
    known = {endpoint.key: endpoint for endpoint in endpoints}
    for path, method, operation in operations(document):
        operation |= _prose(name, known[path, method])
        _keep_problem_json(operation)
    document.setdefault("components", {})["securitySchemes"] = INTERNAL_SECURITY
    document["security"] = [{"identity": []}]
    return ServiceApi(name, summary, document, endpoints)


def _prose(service: str, endpoint: Endpoint) -> dict[str, Any]:
    """The docstring is the text; service, room and function name the operation."""
    return {
        "tags": [service],
        "operationId": f"{service.replace('-', '_')}_{endpoint.name}",
        "summary": endpoint.summary.partition(". ")[0].removesuffix("."),
        "description": "\n\n".join(filter(None, (endpoint.summary, endpoint.description))),
    }


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of everything in a document."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            yield path, method, operation


def _keep_problem_json(operation: Mapping[str, Any]) -> None:
    """Drop `application/json` beside `application/problem+json`: FastAPI adds it to every answer with a model."""
    for response in operation.get("responses", {}).values():
        content = response.get("content", {})
        if PROBLEM_MEDIA_TYPE in content:
            response["content"] = {PROBLEM_MEDIA_TYPE: content[PROBLEM_MEDIA_TYPE]}


def merge(title: str, summary: str, parts: Sequence[ServiceApi]) -> dict[str, Any]:
    """The public document: what the services offer to people and programs outside, under one origin.

    Components of one name and different content get the service's name in front.
    Raises `OpenApiError` when two services claim the same operation or name.
    """
    renamed = [_with_own_names(part, _contested(parts)) for part in parts]
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for part, document in zip(parts, renamed, strict=True):
        schemas |= document.get("components", {}).get("schemas", {})
        offered = {endpoint.key: endpoint for endpoint in part.endpoints if endpoint.audience is not Audience.SERVICE}
        for path, method, operation in operations(document):
            if (path, method) not in offered:
                continue
            if method in paths.setdefault(path, {}):
                raise OpenApiError(f"{method.upper()} {path} is offered twice; {part.name} is one of the two")
            paths[path][method] = operation | {"security": _public_security(offered[path, method])}
    document = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": summary},
        "servers": SERVERS,
        "tags": [{"name": part.name, "description": part.summary} for part in parts],
        "security": _public_security(None),
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": PUBLIC_SECURITY},
    }
    _refuse_doubled_operations(document)
    return document


def _public_security(endpoint: Endpoint | None) -> list[dict[str, list[str]]]:
    if endpoint and endpoint.socket:
        return [{"bearer": []}, {"session": []}, {"ticket": []}]
    if endpoint and endpoint.audience is Audience.ANYONE:
        return []
    return [{"bearer": []}, {"session": []}]


def _contested(parts: Sequence[ServiceApi]) -> set[str]:
    contents: dict[str, set[str]] = {}
    for part in parts:
        for name, schema in part.document.get("components", {}).get("schemas", {}).items():
            contents.setdefault(name, set()).add(json.dumps(schema, sort_keys=True))
    return {name for name, different in contents.items() if len(different) > 1}


def _with_own_names(part: ServiceApi, contested: set[str]) -> dict[str, Any]:
    prefix = part.name.title().replace("-", "")
    text = json.dumps(part.document)
    for name in contested:
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{prefix}{name}"')
    document: dict[str, Any] = json.loads(text)
    schemas = document.get("components", {}).get("schemas", {})
    for name in contested & schemas.keys():
        schemas[f"{prefix}{name}"] = schemas.pop(name)
    return document


def _refuse_doubled_operations(document: Mapping[str, Any]) -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations(document))
    if doubled := [name for name, count in names.items() if count > 1]:
        raise OpenApiError(f"these operations have the same name: {', '.join(sorted(doubled))}")
