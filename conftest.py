"""Real servers for every test: started once per session, unless the environment names some already.

Fixtures do not belong here: servicekit.testing has the shared ones, and each service its own.
"""

import os
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from localcloud.ephemeral import VARIABLES, servers
from localcloud.errors import LocalCloudError
from localcloud.paths import Layout
from localcloud.processes import log_end

_EACH_ITS_OWN = "each its own"
_SERVERS = pytest.StashKey[ExitStack]()

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
"""How long an example takes says how busy the machine is. All else is Hypothesis's own, which where `CI` is set tries
the same examples every time."""


@pytest.hookimpl(optionalhook=True)  # without xdist as well
def pytest_xdist_auto_num_workers() -> int:
    """A worker more than there are cores: tests wait for servers now and then."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Start what is missing. Workers of xdist share the emulator, where every test has an account of its own.

    Each has its own PostgreSQL: how far a reader of a log may go is known per server, not per database, and what one
    worker's test has open, or the copying of a database, would hold up another's. And its own Valkey: tests' people
    have the same names, and what is published to one test's ada would reach another's.
    """
    is_controller = not hasattr(config, "workerinput") and config.getoption("numprocesses", None)
    given = dict.fromkeys(("DATABASE_URL", "VALKEY_URL"), _EACH_ITS_OWN) | os.environ if is_controller else os.environ
    if config.option.collectonly or all(map(given.get, VARIABLES)):
        return
    exits = config.stash[_SERVERS] = ExitStack()
    try:
        addresses = exits.enter_context(servers(Layout(), given))
    except LocalCloudError as error:
        raise pytest.UsageError(f"{error.message}\n{log_end(error.log) if error.log else ''}") from error
    os.environ.update({name: address for name, address in addresses.items() if address != _EACH_ITS_OWN})


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    if _SERVERS in config.stash:
        config.stash[_SERVERS].close()
