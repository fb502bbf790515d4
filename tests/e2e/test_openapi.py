"""Every route of chat and auth, asked whatever its OpenAPI description allows, and much that it does not.

No answer may be a 5xx, and every one is as described. Half of the requests go to things that exist.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from messengerctl.accounts import client_of
from messengerctl.people import Person
from messengerctl.suite import Suite

DOCUMENT = Path(__file__).parents[2] / "services" / "gateway" / "openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "15"))
ANY_WAY = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

document = schemathesis.openapi.from_path(str(DOCUMENT))
described = document.include(tag="chat")
ENDING = r"/v1/auth/(me|sign-out|sessions|password/change)"
"""What may end the session that asks: after it everything is 401, which is no good for the rest."""
keeping = document.include(tag="auth").exclude(path_regex=ENDING)
ending = document.include(tag="auth", path_regex=ENDING)


@dataclass
class Place:
    """Things that exist, by the path parameters that name them, and the people who ask for them in turn."""

    url: str
    tokens: list[str]
    real: dict[str, str]
    turns: int = field(default=0)

    def direct(self, case: schemathesis.Case) -> dict[str, str]:
        """Lead every other request to what exists, and none into a long wait; gives the headers of whose turn it is."""
        self.turns += 1
        if self.turns % 2 and case.path_parameters:
            case.path_parameters.update({name: self.real[name] for name in case.path_parameters if name in self.real})
        if case.path.endswith("/sync"):
            case.query = {**(case.query or {}), "timeout": 0}
        return {"Authorization": f"Bearer {self.tokens[self.turns % len(self.tokens)]}"}


@pytest.fixture
def place(suite: Suite, ada: Person, bob: Person, carol: Person) -> Place:
    """A group with a message, for one route."""

    async def begin() -> dict[str, str]:
        async with client_of(ada) as client:
            group = await client.create_group("everything", [bob.user_id])
            message = await client.put_message(group.id, str(uuid4()), "hello")
        return {"conversation_id": group.id, "message_id": message.id, "user_id": bob.user_id, "emoji": "👍"}

    tokens = [person.access_token for person in (ada, bob, carol)]
    return Place(suite.gateway, tokens, asyncio.run(begin()))


@described.parametrize()
@ANY_WAY
def test_a_route_answers_as_it_is_described(case: schemathesis.Case, place: Place) -> None:
    response = case.call(base_url=place.url, headers=place.direct(case))
    case.validate_response(response, checks=CHECKS)


@pytest.fixture(scope="module")
def visitor(suite: Suite, newcomer: Callable[[], Person], leaver: Place) -> Place:
    """Somebody whose session is asked with. The leaver comes before, for after these questions nobody may sign up."""
    person = newcomer()
    return Place(suite.gateway, [person.access_token, "nonsense"], {"session_id": "mine", "provider": "kakao"})


@pytest.fixture(scope="module")
def leaver(suite: Suite, newcomer: Callable[[], Person]) -> Place:
    """Somebody who does not mind being signed out, or erased."""
    person = newcomer()
    return Place(suite.gateway, [person.access_token], {})


@keeping.parametrize()
@ANY_WAY
def test_a_route_of_auth_answers_as_it_is_described(case: schemathesis.Case, visitor: Place) -> None:
    response = case.call(base_url=visitor.url, headers=visitor.direct(case), allow_redirects=False)
    case.validate_response(response, checks=CHECKS)


@ending.parametrize()
@ANY_WAY
def test_a_route_that_ends_sessions_answers_as_it_is_described(case: schemathesis.Case, leaver: Place) -> None:
    response = case.call(base_url=leaver.url, headers=leaver.direct(case))
    case.validate_response(response, checks=CHECKS)
