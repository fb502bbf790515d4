"""Asks auth whether there are such people. Who was found is remembered for a moment.

An id never changes its owner, but its owner may go: an erasure takes longer than anybody is remembered here.
"""

import re
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from pydantic import TypeAdapter

from messenger_contracts.problem import FieldError
from messenger_contracts.shapes import Shape
from servicekit.errors import ValidationFailed
from servicekit.http import ServiceClient

CACHE_SIZE = 50_000
KNOWN_SECONDS = 10.0
"""Less than auth's `AUTH_SETTLE_SECONDS`."""
MOST_AT_ONCE = 100
"""Ids that auth looks up in one request."""
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
"""What an id looks like; auth need not be asked about anything else."""


class Person(Shape):
    """A person, as auth names one to other services."""

    id: str
    username: str


_PEOPLE = TypeAdapter(list[Person])
KnownPeople = dict[str, tuple[float, Person]]
"""Who was found, by id, and until when that is good by the monotonic clock."""


class PeopleService:
    """Looks people up on behalf of the caller, with the identity that the request came with."""

    def __init__(self, auth: ServiceClient, known: KnownPeople, identity: str) -> None:
        self._auth = auth
        self._known = known
        self._identity = identity

    async def find(self, user_id: str) -> Person | None:
        """The person of an id, if there is one."""
        return (await self._find([user_id])).get(user_id)

    async def require_all(self, user_ids: Sequence[str], pointer: str) -> list[Person]:
        """The people of a list of ids; raises `ValidationFailed` at each place below `pointer` where there is none."""
        found = await self._find(user_ids)
        lacking = [place for place, user_id in enumerate(user_ids) if user_id not in found]
        if lacking:
            raise ValidationFailed(
                errors=[FieldError(pointer=f"{pointer}/{place}", detail="is nobody's id") for place in lacking]
            )
        return [found[user_id] for user_id in user_ids]

    async def _find(self, user_ids: Sequence[str]) -> dict[str, Person]:
        now = time.monotonic()
        known = ((user_id, self._known.get(user_id)) for user_id in user_ids)
        found = {user_id: entry[1] for user_id, entry in known if entry and entry[0] > now}
        unknown = [user_id for user_id in user_ids if user_id not in found and _ID.fullmatch(user_id)]
        for start in range(0, len(unknown), MOST_AT_ONCE):
            asked = await self._ask(unknown[start : start + MOST_AT_ONCE])
            found |= asked
            if len(self._known) + len(asked) > CACHE_SIZE:
                self._known.clear()
            self._known |= {user_id: (now + KNOWN_SECONDS, person) for user_id, person in asked.items()}
        return found

    async def _ask(self, user_ids: Sequence[str]) -> dict[str, Person]:
        query = urlencode([("id", user_id) for user_id in user_ids]).encode()
        response = await self._auth.request("GET", "/internal/people", self._identity, params=query)
        if len(user_ids) > 1:
            return {each.id: each for each in _PEOPLE.validate_json(response.raise_for_status().content)}
        if response.status_code == 404:
            return {}
        person = Person.model_validate_json(response.raise_for_status().content)
        return {person.id: person}
