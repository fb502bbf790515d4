"""Asks auth whether there is such a person. Who was found is remembered: an id never changes its owner."""

from chat_service.conversations.errors import invalid
from messenger_contracts.shapes import Shape
from servicekit.http import ServiceClient

CACHE_SIZE = 50_000


class Person(Shape):
    """A person, as auth names one to other services."""

    id: str
    username: str


class PeopleService:
    """Looks people up on behalf of the caller, with the identity that the request came with."""

    def __init__(self, auth: ServiceClient, known: dict[str, Person], identity: str) -> None:
        self._auth = auth
        self._known = known
        self._identity = identity

    async def require(self, user_id: str, pointer: str) -> Person:
        """The person of an id; raises `ValidationFailed` at `pointer` when there is none."""
        if user_id not in self._known:
            response = await self._auth.request("GET", "/internal/people", self._identity, params={"id": user_id})
            if response.status_code == 404:
                raise invalid(pointer, "is nobody's id")
            if len(self._known) >= CACHE_SIZE:
                self._known.clear()
            self._known[user_id] = Person.model_validate_json(response.raise_for_status().content)
        return self._known[user_id]
