"""AWS clients, in one place, so that a change of SDK is a change of one file.

Endpoint, region and credentials come from the SDK's own chain (`AWS_ENDPOINT_URL`, task role, …).
"""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import aioboto3
from aiobotocore.config import AioConfig

CONNECTIONS = 64
_config = AioConfig(
    connect_timeout=2,
    read_timeout=25,
    max_pool_connections=CONNECTIONS,
    retries={"mode": "adaptive", "max_attempts": 4},
)


class Aws:
    """The process's clients, one a service, opened when first asked for and closed together."""

    def __init__(self, region: str, **credentials: str) -> None:
        self._session = aioboto3.Session(region_name=region, **credentials)
        self._stack = AsyncExitStack()
        self._clients: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def client(self, service: str) -> Any:
        """The client of an AWS service, by the SDK's name for it."""
        if service not in self._clients:
            client = self._session.client(service, config=_config)
            self._clients[service] = await self._stack.enter_async_context(client)
        return self._clients[service]
