"""Asks the other services, in auth's own name. What they answer stands in `messenger_contracts.personal_data`."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from messenger_contracts.personal_data import PersonalPage, Remains
from servicekit.errors import ServiceError
from servicekit.http import Answer, ServiceClient
from servicekit.identity import ServiceSigner
from servicekit.telemetry import record_failure


class Keepers:
    """The services, by name."""

    def __init__(self, services: Mapping[str, ServiceClient], signer: ServiceSigner) -> None:
        self._services = services
        self._signer = signer

    @property
    def names(self) -> list[str]:
        """Who they are."""
        return list(self._services)

    async def remains(self, user_id: str) -> dict[str, dict[str, int] | None]:
        """What each has left of a person, by kind; None for one that does not answer."""
        answers = await asyncio.gather(*(self._remains(name, user_id) for name in self._services))
        return dict(zip(self._services, answers, strict=True))

    async def pages(self, name: str, user_id: str) -> AsyncIterator[PersonalPage]:
        """All that one of them keeps of a person, a page at a time; raises `DependencyUnavailable`."""
        cursor: str | None = None
        while True:
            answer = await self._ask(name, f"/internal/exports/{user_id}", {"cursor": cursor} if cursor else {})
            page = PersonalPage.model_validate_json(answer.content)
            yield page
            cursor = page.next
            if cursor is None:
                return

    async def _remains(self, name: str, user_id: str) -> dict[str, int] | None:
        try:
            answer = await self._ask(name, f"/internal/erasures/{user_id}", {})
        except ServiceError as error:
            record_failure("keepers", error, service=name)
            return None
        return Remains.model_validate_json(answer.content).left

    async def _ask(self, name: str, path: str, params: Mapping[str, str]) -> Answer:
        answer = await self._services[name].request("GET", path, await self._signer.sign(), params=params or None)
        return answer.raise_for_status()
