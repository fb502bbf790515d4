"""What the gateway asks of chat."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway_service.topics.models import Resumed
from messenger_contracts.identity import service
from messenger_contracts.realtime import Live
from servicekit.fanout import live
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

    async def run(self, commands: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Run commands of many people in one request; gives a `CommandResult` for each, as it came."""
        body = orjson.dumps({"commands": commands})
        results: list[dict[str, Any]] = orjson.loads(await self._post("commands", body))["results"]
        return results

    async def resume(self, resumes: Sequence[dict[str, Any]]) -> list[Resumed]:
        """What returning clients missed, asked as `ResumeOf` JSON of each."""
        lines = (await self._post("resumes", orjson.dumps({"resumes": resumes}))).split(b"\n")
        resumed, at = [], 1
        for told in orjson.loads(lines[0]):
            resumed.append(Resumed(told, lines[at : at + told["frames"]]))
            at += told["frames"]
        return resumed

    async def positions(self, topics: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Where conversations stand: a `Position` of each, as it came."""
        answer = await self._post("positions", orjson.dumps({"ids": topics}))
        standing: dict[str, dict[str, Any]] = orjson.loads(answer)["conversations"]
        return standing

    async def missed(self, after: Mapping[str, int], reader: str | None = None) -> dict[str, list[Live]]:
        """The next events of conversations behind positions, at most `PAGE` of each: all, or as a reader may see them.

        Where there are none, the conversation is not named.
        """
        body = orjson.dumps({"after": after, "limit": PAGE, "reader": reader})
        events: defaultdict[str, list[Live]] = defaultdict(list)
        for each in orjson.loads(await self._post("missed", body))["events"]:
            about = {name: each.get(name) for name in ("author", "target", "audience", "readers")}
            events[each["event"]["c"]].append(live(each["event"], **about))
        return events

    async def relations(self, people: Sequence[str], after: int) -> dict[str, Any]:
        """Who of some people blocks whom, where that changed since a version: a `RelationsAnswer`, as it came."""
        body = orjson.dumps({"user_ids": people, "after": after})
        answer: dict[str, Any] = orjson.loads(await self._post("relations", body))
        return answer

    async def joins(self, people: Sequence[str], after: int) -> dict[str, Any]:
        """Into which conversations some people came since a version: a `JoinsAnswer`, as it came."""
        body = orjson.dumps({"user_ids": people, "after": after})
        answer: dict[str, Any] = orjson.loads(await self._post("joins", body))
        return answer

    async def _post(self, name: str, body: bytes) -> bytes:
        identity = await self._signer.sign(self._self)
        answer = await self._chat.request("POST", f"/internal/{name}", identity, content=body, headers=JSON, retry=True)
        return answer.raise_for_status().content
