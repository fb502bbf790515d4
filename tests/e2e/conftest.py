"""The whole suite, and the people who use it: signed up once, because the gateway limits how often one may."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.client import Client
from messengerctl.mailbox import await_code
from messengerctl.people import Person
from messengerctl.suite import Suite

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that is in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """The suite beside which `make e2e` runs this, or one of its own."""
    if given := os.environ.get("MESSENGER_STATE"):
        yield Suite(Path(given))
        return
    hold = ["sh", "-c", 'echo "state $MESSENGER_STATE"; exec cat']
    command = [sys.executable, "-m", "localcloud", "run", "--suite", "--", *hold]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        path = next((line for line in process.stdout if line.startswith("state ")), None)
        assert path, "the suite did not come up"
        yield Suite(Path(path.removeprefix("state ").strip()))
        process.stdin.close()


def new_person(suite: Suite) -> Person:
    """Somebody who just signed up."""
    return asyncio.run(sign_up(suite.gateway, Wishes(), partial(await_code, suite)))


@pytest.fixture(scope="session")
def ada(suite: Suite) -> Person:
    """Somebody who signed up."""
    return new_person(suite)


@pytest.fixture(scope="session")
def bob(suite: Suite) -> Person:
    """Somebody else."""
    return new_person(suite)


@pytest.fixture(scope="session")
def carol(suite: Suite) -> Person:
    """Somebody who has nothing to do with the other two."""
    return new_person(suite)


@pytest.fixture
def stranger(suite: Suite) -> Person:
    """Somebody new for one test."""
    return new_person(suite)


@pytest.fixture
def short_lived(suite: Suite) -> Iterator[Person]:
    """Somebody whose access token expires in a few seconds."""
    cognito = suite.aws("cognito-idp")
    resources = suite.state.resources
    ids = {"UserPoolId": resources["user_pool.id"], "ClientId": resources["user_pool.client_id"]}
    kept = cognito.describe_user_pool_client(**ids)["UserPoolClient"]
    updatable = cognito.meta.service_model.operation_model("UpdateUserPoolClient").input_shape.members
    settings = {name: value for name, value in kept.items() if name in updatable and value}
    units = {**kept.get("TokenValidityUnits", {}), "AccessToken": "seconds"}
    cognito.update_user_pool_client(**{**settings, "AccessTokenValidity": 5, "TokenValidityUnits": units})
    try:
        yield new_person(suite)
    finally:
        cognito.update_user_pool_client(**settings)


@pytest.fixture
async def clients() -> AsyncIterator["Clients"]:
    """Clients that are closed at the end of the test."""
    async with AsyncExitStack() as exits:
        yield Clients(exits)


class Clients:
    """Makes clients."""

    def __init__(self, exits: AsyncExitStack) -> None:
        self._exits = exits

    async def of(self, person: Person) -> Client:
        """A client that speaks as somebody."""
        return await self._exits.enter_async_context(client_of(person))
