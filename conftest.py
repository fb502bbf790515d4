"""Real servers for every test: started once per session, unless the environment names some already.

Fixtures do not belong here: servicekit.testing has the shared ones, and each service its own.
"""

import os
from contextlib import ExitStack

import pytest

from localcloud.ephemeral import VARIABLES, servers
from localcloud.errors import LocalCloudError
from localcloud.paths import Layout
from localcloud.processes import log_end

_SERVERS = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Start what is missing; workers of xdist inherit the addresses from their controller."""
    if hasattr(config, "workerinput") or config.option.collectonly or all(map(os.environ.get, VARIABLES)):
        return
    exits = config.stash[_SERVERS] = ExitStack()
    try:
        os.environ.update(exits.enter_context(servers(Layout(), os.environ)))
    except LocalCloudError as error:
        raise pytest.UsageError(f"{error.message}\n{log_end(error.log) if error.log else ''}") from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()
