"""The SDK that is installed is the one that we mean, and its failures are told apart."""

from importlib.metadata import version

import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from fastapi import FastAPI

from servicekit.errors import install_error_handlers
from servicekit.middleware import RequestContext
from servicekit.telemetry import Tracing


def _refusal(code: str, status: int) -> ClientError:
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")  # type: ignore[arg-type]


def test_the_sdk_is_a_present_one() -> None:
    """Beside newer users of boto3 a resolver falls back to aioboto3 7, of 2020, without a word."""
    assert tuple(map(int, version("aioboto3").split(".")[:2])) >= (15, 5)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (_refusal("ThrottlingException", 400), 503),
        (_refusal("ProvisionedThroughputExceededException", 400), 503),
        (_refusal("InternalServerError", 500), 503),
        (EndpointConnectionError(endpoint_url="http://nowhere"), 503),
        (_refusal("ValidationException", 400), 500),
        (_refusal("AccessDeniedException", 400), 500),
    ],
    ids=str,
)
async def test_an_aws_that_is_away_is_told_from_a_mistake_of_ours(error: Exception, status: int) -> None:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def ask() -> None:
        raise error

    app.add_middleware(RequestContext, tracing=Tracing(0.0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.json()["retryable"]) == (status, True)
