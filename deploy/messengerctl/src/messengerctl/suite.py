"""The suite that runs on this machine: where it answers, and which processes it is made of.

What is here is for people and tests that stand beside the suite; a client needs none of it but the gateway's address.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.paths import Layout
from localcloud.processes import Identity, answers
from localcloud.provision import ClientFactory, connect
from localcloud.state import State, load_state
from messenger_contracts.identity import MODERATORS
from messengerctl.errors import CommandError

NOT_UP = "no suite is up here: start it with `make up`, or name one with --gateway"
LOCAL_ONLY = "this looks behind the gateway, which only works beside a suite that runs on this machine"
ROOT_KEY = "test"
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Suite:
    """A local suite, by the state file that its supervisor keeps, and the emulator's key for a look at everything."""

    path: Path
    key: str = ROOT_KEY

    @property
    def state(self) -> State:
        """What is true now: pids change when a process is started again."""
        return load_state(self.path)

    @property
    def up(self) -> bool:
        """Whether a supervisor looks after it and all was ready once."""
        state = self.state
        return bool(state.ready and state.supervisor and state.supervisor.identity.alive)

    @property
    def logs(self) -> Path:
        """The folder with one log a process."""
        return Layout(home=self.path.parent).logs

    @property
    def gateway(self) -> str:
        """The public address."""
        return self.state.public_origin

    @property
    def aws(self) -> ClientFactory:
        """Clients of the emulator, as root: no service's policy lets it read all that the audit reads."""
        return connect(self.state.addresses["AWS_ENDPOINT_URL"], self.key, ROOT_KEY)

    def database_url(self, service: str) -> str:
        """The PostgreSQL URL of a service's database."""
        environment = self.state.services[service].environment
        url = environment[f"{service.upper().replace('-', '_')}_DATABASE_URL"]
        return url.replace("postgresql+asyncpg://", "postgresql://")

    def resource(self, service: str, name: str) -> str:
        """The name of a table or queue."""
        return f"{self.state.resources['resource_prefix']}-{service}-{name}"

    def make_moderator(self, username: str) -> None:
        """Let somebody look into reports: access tokens that are issued from now on say so."""
        pool_id = self.state.resources["user_pool.id"]
        self.aws("cognito-idp").admin_add_user_to_group(UserPoolId=pool_id, Username=username, GroupName=MODERATORS)

    def process(self, name: str) -> Identity:
        """The process of this name that runs now."""
        try:
            return self.state.processes[name].identity
        except KeyError:
            raise CommandError(f"no process is called {name!r}") from None

    def signal(self, name: str, number: signal.Signals = signal.SIGKILL) -> Identity:
        """Send a signal to a process, by default the one that nobody survives; returns who got it."""
        identity = self.process(name)
        if not identity.alive:
            raise CommandError(f"{name} is not running")
        os.kill(identity.pid, number)
        return identity

    async def healed(self, name: str, killed: Identity, seconds: float = 60.0) -> None:
        """Return when another process has taken the place of a killed one and is ready."""

        def replaced() -> bool:
            record = self.state.processes.get(name)
            if record is None or record.identity == killed or not record.identity.alive:
                return False
            return not record.url.startswith("http") or answers(_probe(name, record.url))

        await until(replaced, f"{name} did not come back", seconds)


def _probe(name: str, url: str) -> str:
    return f"{url}/_ministack/health" if name == "emulator" else f"{url}/readyz"


async def until(condition: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    """Return when a condition, asked off the event loop, holds; raises `CommandError` when it takes too long."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            raise CommandError(f"{otherwise} within {seconds:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)
