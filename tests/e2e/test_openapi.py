"""Every route of chat, asked whatever its OpenAPI description allows, and much that it does not.

No answer may be a 5xx, and every one is as described. Half of the requests go to things that exist.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import pytest
import schemathesis
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
CHAT = ("conversations", "members", "invites", "messages", "marks", "reactions", "pins", "schedules", "reports")
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "20"))

described = schemathesis.openapi.from_path(str(DOCUMENT))


@dataclass
class Place:
    """Things that exist, by the name of the path parameter that names them, and who asks for them."""

    real: dict[str, str]
    askers: Iterator[str]
    url: str
    turn: int = 0


@pytest.fixture(scope="session")
def place(suite: Suite, ada: Person, bob: Person, carol: Person) -> Place:
    """A conversation with a message."""

    async def begin() -> dict[str, str]:
        async with client_of(ada) as client:
            conversation = await client.rest.begin_direct(bob.user_id)
            sent = await client.rest.send(conversation, str(uuid4()), "hello")
        return {"conversation_id": conversation, "message_id": sent["id"], "user_id": bob.user_id, "emoji": "👍"}

    tokens = [person.access_token for person in (ada, bob, carol)]
    return Place(asyncio.run(begin()), cycle(tokens), suite.gateway)
