"""Provisioning as the first step of a start in containers: told by the environment, its results in files.

Each service finds what it must know in `NAME.env`; credentials stay the same from run to run.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from localcloud.databases import create_databases
from localcloud.errors import LocalCloudError
from localcloud.provision import connect, provision
from localcloud.state import load_state, save_state
from localcloud.suite import Wiring, discover

_PORT = 8000
_NEEDED = ("AWS_ENDPOINT_URL", "DATABASE_URL", "VALKEY_URL", "PUBLIC_ORIGIN")


def provision_containers(services: Path, out: Path, prefix: str, given: Mapping[str, str]) -> list[str]:
    """Create databases and resources, write one env file a service, and return what changed."""
    if missing := [name for name in _NEEDED if not given.get(name)]:
        raise LocalCloudError(f"the environment lacks {', '.join(missing)}")
    members = discover(services)
    state = load_state(out / "state.json")
    databases = create_databases(members, given["DATABASE_URL"], state.credentials.databases)
    key = given.get("AWS_ACCESS_KEY_ID", "test"), given.get("AWS_SECRET_ACCESS_KEY", "test")
    outputs = provision(
        connect(given["AWS_ENDPOINT_URL"], *key),
        [member.folder for member in members],
        prefix,
        identities=state.credentials.identities,
        public_origin=given["PUBLIC_ORIGIN"],
    )
    state.credentials.identities = outputs.identities
    save_state(out / "state.json", state)
    wiring = Wiring(
        host="0.0.0.0",
        log_format="json",
        endpoint_url=given["AWS_ENDPOINT_URL"],
        values={
            **outputs.values,
            **{f"service.{member.name}.url": f"http://{member.name}:{_PORT}" for member in members},
            "environment": "local",
            "valkey.url": given["VALKEY_URL"],
            "public_origin": given["PUBLIC_ORIGIN"],
        },
        databases=databases,
        identities=outputs.identities,
    )
    for member in members:
        _write(out / f"{member.name}.env", wiring.environment(member))
    return list(outputs.changed)


def _write(file: Path, environment: Mapping[str, str]) -> None:
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())))
