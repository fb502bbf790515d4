"""The state file: how the supervisor, the other commands, messengerctl and tests know what runs and how to reach it.

Readable by its owner alone, for it holds credentials. They outlive the run; what runs is emptied when it ends.
"""

import os
from pathlib import Path

from pydantic import BaseModel, ValidationError

from localcloud.errors import LocalCloudError
from localcloud.processes import Identity
from localcloud.provision import AccessKey


class Recorded(BaseModel):
    """A process: enough to know it again, and where it answers."""

    pid: int
    started: str
    url: str = ""
    log: Path

    @property
    def identity(self) -> Identity:
        """Who it was when it was recorded."""
        return Identity(self.pid, self.started)


class Credentials(BaseModel):
    """What must stay the same over restarts."""

    postgres: str = ""
    databases: dict[str, str] = {}
    identities: dict[str, AccessKey] = {}


class Service(BaseModel):
    """A service as its own processes see it."""

    url: str
    environment: dict[str, str]


class State(BaseModel):
    """The whole file.

    Attributes:
        supervisor: who started all this; None when it is down.
        ready: every process has answered once.
        addresses: `DATABASE_URL` (superuser), `VALKEY_URL`, `AWS_ENDPOINT_URL`.
        resources: `resource_prefix`, `region`, `account_id`, `user_pool.*`.
        processes: by name, oldest first.
    """

    supervisor: Recorded | None = None
    ready: bool = False
    public_origin: str = ""
    addresses: dict[str, str] = {}
    resources: dict[str, str] = {}
    services: dict[str, Service] = {}
    processes: dict[str, Recorded] = {}
    credentials: Credentials = Credentials()


def load_state(path: Path) -> State:
    """Read the state; an absent file is the state of a checkout where nothing ever ran."""
    try:
        return State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return State()
    except ValidationError as error:
        raise LocalCloudError(f"{path} cannot be read; `make clean` starts afresh") from error


def save_state(path: Path, state: State) -> None:
    """Replace the file in one step, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(state.model_dump_json(indent=2))
    draft.replace(path)
