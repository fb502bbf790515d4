"""AWS clients, in one place, so that a change of SDK is a change of one file.

Endpoint, region and credentials come from the SDK's own chain (`AWS_ENDPOINT_URL`, task role, …).
"""

import ssl
from contextlib import AsyncExitStack
from functools import cache
from types import TracebackType
from typing import Any, Self

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import get_session
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.loaders import create_loader

CONNECTIONS = 64
_service_models = create_loader()
"""Parsed once a process: reading the models is most of what a client costs."""


@cache
def _trust(bundle: str) -> ssl.SSLContext:
    """Who may sign AWS's certificates: read once a process, because that takes 30 ms, and every client asks."""
    context: ssl.SSLContext = create_urllib3_context()
    context.load_verify_locations(bundle)
    return context


class _Http(AIOHTTPSession):  # type: ignore[misc]
    """The SDK's own, but all clients share their `_trust`. Those with a proxy or a certificate of theirs do not."""

    def _create_connector(self, proxy_url: str | None) -> Any:
        if proxy_url or not self._verify or self._cert_file:
            return super()._create_connector(proxy_url)
        context = _trust(get_cert_path(self._verify))
        return aiohttp.TCPConnector(limit=self._max_pool_connections, ssl=context, **self._connector_args)


_config = AioConfig(
    http_session_cls=_Http,
    connect_timeout=1,
    read_timeout=25,
    max_pool_connections=CONNECTIONS,
    retries={"mode": "adaptive", "max_attempts": 3},
)

_s3_config = _config.merge(
    AioConfig(signature_version="s3v4", request_checksum_calculation="when_required", retries={"mode": "standard"})
)
"""Signatures of version 4 hold a presigned request to its headers; the SDK's own checksums would be among them."""

_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
    }
)
SERVER_ERROR = 500


def is_unavailable(error: Exception) -> bool:
    """Whether the same call may succeed later: AWS was not reached, failed, or asked for patience."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= SERVER_ERROR or error.response.get("Error", {}).get("Code") in _THROTTLED
    return isinstance(error, HTTPClientError | AwsConnectionError)


class Aws:
    """The process's clients, one a service, opened when first asked for and closed together."""

    def __init__(self, region: str, **credentials: str) -> None:
        session = get_session()
        session.register_component("data_loader", _service_models)
        self._session = aioboto3.Session(region_name=region, botocore_session=session, **credentials)
        self._stack = AsyncExitStack()
        self._clients: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def client(self, service: str, endpoint_url: str | None = None) -> Any:
        """The client of an AWS service, by the SDK's name for it; at an address of its own, if one is given."""
        name = f"{service} {endpoint_url or ''}"
        if name not in self._clients:
            config = _s3_config if service == "s3" else _config
            client = self._session.client(service, config=config, endpoint_url=endpoint_url)
            self._clients[name] = await self._stack.enter_async_context(client)
        return self._clients[name]

    async def credentials(self) -> Any:
        """What requests are signed with at the moment: `access_key`, `secret_key`, `token`."""
        found = await self._session.get_credentials()
        return await found.get_frozen_credentials()
