"""The whole system in containers, under a project name and a port of its own, and gone without a trace at the end.

Where no engine answers these tests fail instead of being skipped: whoever runs them wants to know.
"""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.processes import free_port
from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.client import Client
from messengerctl.people import Person
from messengerctl.suite import until

ROOT = Path(__file__).parents[2]
IMAGES = sorted(path.parent.name for path in ROOT.glob("services/*/Dockerfile"))
PROJECT = "messenger-test"
LOG = ROOT / ".local/log/containers.log"
LABEL = f"label=com.docker.compose.project={PROJECT}"
MAILS = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:4566/_ministack/ses/messages').read().decode())"

Docker = Callable[..., str]
Speaker = tuple[Client, Person]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `service` once for each that has an image."""
    if "service" in metafunc.fixturenames:
        metafunc.parametrize("service", IMAGES)


def run_docker(*arguments: str, **variables: str) -> str:
    """Run a command of the engine and return what it printed; a failure tells what the engine said."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"docker {' '.join(arguments)}: {done.stderr[-4000:]}")
    return done.stdout


@pytest.fixture(scope="session")
def docker() -> Docker:
    """The engine's command line; fails where there is none."""
    try:
        run_docker("info")
    except FileNotFoundError:
        pytest.fail("no container engine here: docker is not installed")
    return run_docker


@dataclass(frozen=True)
class Stack:
    """The containers of this test session."""

    docker: Docker
    port: int

    @property
    def gateway(self) -> str:
        """The public address."""
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose for this project."""
        return self.docker("compose", "--project-name", PROJECT, *arguments, PORT=str(self.port))

    def up(self) -> None:
        """Start whatever does not run, and wait until all of it is ready."""
        self.compose("up", "--detach", "--wait", "--quiet-pull")

    def container(self, service: str) -> str:
        """The id of a container, running or not."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of every container, by the name of its Compose service."""
        ids = self.compose("ps", "--all", "--quiet").split()
        known = json.loads(self.docker("inspect", *ids))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in known}

    async def start_again(self, service: str) -> None:
        """Start one container that ended, and return when it is ready."""
        container = self.container(service)
        await asyncio.to_thread(self.docker, "start", container)

        def healthy() -> bool:
            return bool(json.loads(self.docker("inspect", container))[0]["State"]["Health"]["Status"] == "healthy")

        await until(healthy, f"{service} did not come back")

    async def code_mailed_to(self, address: str) -> str:
        """Return the code in the mail to an address. The emulator has it, and only the inside reaches the emulator."""
        codes: list[str] = []

        def arrived() -> bool:
            answer = json.loads(self.compose("exec", "-T", "emulator", "python", "-c", MAILS))
            mails = [mail for account in answer["messages"].values() for mail in account if address in mail["To"]]
            texts = [mail["BodyText"] or mail["BodyHtml"] for mail in mails]
            codes[:] = [code for text in texts for code in re.findall(r"\b\d{6}\b", text)]
            return bool(codes)

        await until(arrived, f"no code was mailed to {address}")
        return codes[-1]

    def traces(self) -> list[str]:
        """What the engine holds of this project: containers, volumes, networks."""
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for kind in kinds for line in self.docker(*kind, "--quiet", "--filter", LABEL).split()]


@pytest.fixture(scope="session")
def images(docker: Docker) -> None:
    """Images of this checkout, for all of the system."""
    docker("compose", "--project-name", PROJECT, "build", "--quiet")


@pytest.fixture(scope="session")
def stack(docker: Docker, images: None) -> Iterator[Stack]:
    """The whole system, ready; what it said stays in LOG. What a killed session left behind is removed first."""
    stack = Stack(docker, free_port())
    stack.compose("down", "--volumes", "--timeout", "1")
    try:
        stack.up()
        yield stack
    finally:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        LOG.write_text(stack.compose("logs", "--no-color", "--timestamps"))
        stack.compose("down", "--volumes", "--timeout", "20")
    assert stack.traces() == []


@pytest.fixture
async def speakers(stack: Stack) -> AsyncIterator[tuple[Speaker, Speaker]]:
    """Two people who have just signed up, each with a client of their own."""
    async with AsyncExitStack() as exits:
        people = [await sign_up(stack.gateway, Wishes(), stack.code_mailed_to) for _ in range(2)]
        one, other = [(await exits.enter_async_context(client_of(person)), person) for person in people]
        yield one, other
