"""What the gateway asks of chat."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from messenger_contracts.commands import Command, CommandBatch, Positions
from messenger_contracts.identity import Principal, service
from servicekit.errors import DependencyUnavailable
from servicekit.http import ServiceClient
from servicekit.identity import IdentitySigner

PAGE = 500
JSON = {"content-type": "application/json"}


class ChatRepository:
    """Chat's internal routes. All of them are safe to ask again."""

    def __init__(self, chat: ServiceClient, signer: IdentitySigner) -> None:
        self._chat = chat
        self._signer = signer
        self._self = service("gateway")

    async def run(self, commands: Sequence[Command]) -> Sequence[dict[str, Any]]:
        """Run commands of many people in one request; gives a `CommandResult` for each, as it came."""
        batch = CommandBatch.model_construct(commands=list(commands)).model_dump_json().encode()
        results: list[dict[str, Any]] = orjson.loads(await self._post("commands", self._self, batch))["results"]
        return results

    async def resume(self, principal: Principal, positions: Mapping[str, int], limit: int) -> dict[str, Any]:
        """What a returning client missed: `messenger_contracts.commands.Resumed`, as it came."""
        body = orjson.dumps({"positions": positions, "limit": limit})
        resumed: dict[str, Any] = orjson.loads(await self._post("resume", principal, body))
        return resumed

    async def positions(self, topics: Sequence[str]) -> Positions:
        """Where conversations stand."""
        body = orjson.dumps({"ids": topics})
        return Positions.model_validate_json(await self._post("positions", self._self, body))

    async def missed(self, topic: str, after: int) -> list[dict[str, Any]]:
        """The next events of a conversation behind a position, at most `PAGE`."""
        body = orjson.dumps({"after": {topic: after}, "limit": PAGE})
        events: list[dict[str, Any]] = orjson.loads(await self._post("missed", self._self, body))["events"]
        return events

    async def _post(self, name: str, principal: Principal, body: bytes) -> bytes:
        identity = await self._signer.sign(principal)
        answer = await self._chat.request("POST", f"/internal/{name}", identity, content=body, headers=JSON, retry=True)
        if not answer.is_success:
            raise DependencyUnavailable
        return answer.content
