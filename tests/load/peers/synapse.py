"""Synapse, Matrix's reference server: one process, its rate limits out of the way, presence and previews off."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import orjson

from localcloud.bootstrap import find_uv
from localcloud.processes import Program, answers, free_port

from ..figures import Results
from ..generators import crew
from ..meters import cpu_seconds
from ..stage import LINES, PEOPLE
from ..wire import Gateway, Http, Lost
from .matrix_loads import API, Line, Pace, Saturation
from .peer import PACES, TOOLS, Running, Size, fetch, note_delays, note_sends

CONNECTIONS = 32
PACE = min(PACES)
PACE_LINES = 10
_AT_ONCE = 4
_HOST = "localhost"
_FREE = {"per_second": 1e6, "burst_count": 1_000_000}
_LIMITS = {
    **dict.fromkeys(("rc_message", "rc_registration", "rc_joins_per_room", "rc_room_creation"), _FREE),
    "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _FREE),
    "rc_joins": dict.fromkeys(("local", "remote"), _FREE),
    "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), _FREE),
}
_LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "disable_existing_loggers": False,
}


class Synapse:
    """The peer."""

    name = "synapse"

    def __init__(self) -> None:
        self._python = TOOLS / "synapse" / "bin" / "python"
        self._server = Gateway("127.0.0.1", free_port())
        self._lines: list[Line] = []

    def install(self) -> str:
        """Fetch it from PyPI into an environment of its own; returns its version."""
        uv = str(find_uv())
        if not self._python.with_name("synapse_homeserver").exists():
            fetch([uv, "venv", "--quiet", "--clear", "--python", sys.executable, "synapse"], TOOLS)
            fetch([uv, "pip", "install", "--python", str(self._python), "matrix-synapse", "psycopg2-binary"], TOOLS)
        ask = "from importlib.metadata import version; print(version('matrix-synapse'))"
        return fetch([str(self._python), "-c", ask], TOOLS).strip()

    def program(self, home: Path, database: str) -> Program:
        """Return the server."""
        settings = home / "homeserver.yaml"  # JSON is YAML
        settings.write_bytes(orjson.dumps(_settings(home, database, self._server.port)))
        (home / "logging.yaml").write_bytes(orjson.dumps(_LOGGING))
        module = (str(self._python), "-m", "synapse.app.homeserver", "--config-path", str(settings))
        return Program(
            name=self.name,
            argv=module,
            cwd=home,
            log=home / "synapse.log",
            ready=partial(answers, f"http://127.0.0.1:{self._server.port}/health"),
            prepare=partial(_generate_key, module, home),
        )

    async def furnish(self, running: Running) -> None:
        """Register people and let every two of them have a room."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> str:
            async with gate:
                http = await Http.open(self._server)
                auth = {"username": f"person{number}", "password": "only-here", "auth": {"type": "m.login.dummy"}}
                answer = await http.ask("POST", f"{API}/register", orjson.dumps(auth))
                http.close()
                return str(answer["access_token"])

        tokens = await asyncio.gather(*map(one, range(PEOPLE)))

        async def converse(first: int, second: int) -> Line:
            async with gate:
                http, other = [await Http.open(self._server, tokens[person]) for person in (first, second)]
                wish = {"preset": "private_chat", "invite": [f"@person{second}:{_HOST}"], "is_direct": True}
                room = (await http.ask("POST", f"{API}/createRoom", orjson.dumps(wish)))["room_id"]
                await other.ask("POST", f"{API}/rooms/{quote(room)}/join", b"{}")
                http.close()
                other.close()
                return Line(room, tokens[first], tokens[second])

        self._lines = list(await asyncio.gather(*(converse(*line) for line in LINES)))

    async def measure(self, running: Running, results: Results, size: Size) -> None:
        """Take one turn."""
        for width in size.widths:
            await self._saturate(running, results, self._lines[:width], size)
        with crew([Pace(self._server, self._lines[:PACE_LINES], PACE)]) as generator:
            generator.round(size.warm_up)
            note_delays(results, PACE, generator.round(PACES[PACE] * size.seconds)[0])

    async def _saturate(self, running: Running, results: Results, lines: Sequence[Line], size: Size) -> None:
        """Measure one width; raises `Lost` unless the database has every event that was acknowledged."""
        kind = "events WHERE type = 'm.room.message'"
        with crew([Saturation(self._server, lines, CONNECTIONS)]) as generator:
            generator.round(size.warm_up)
            had, processes = await running.count(kind), {**running.processes, **generator.processes}
            before = cpu_seconds(processes)
            elapsed, events = generator.round(size.seconds)[0]
            after = cpu_seconds(processes)
        if await running.count(kind) != had + len(events):
            raise Lost(f"{len(events)} were acknowledged, {await running.count(kind) - had} are there")
        cost = {process: spent - before[process] for process, spent in after.items()}
        note_sends(results, f"{len(lines)} conversations", len(events), elapsed, cost)


def _generate_key(module: Sequence[str], home: Path) -> None:
    """Let it make the key without which it does not start."""
    if not (home / "signing.key").exists():
        fetch([*module, "--generate-keys"], home, 120)


def _settings(home: Path, database: str, port: int) -> dict[str, object]:
    url = urlsplit(database)
    arguments = {"user": url.username, "password": url.password, "host": url.hostname, "port": url.port}
    return {
        "server_name": _HOST,
        "signing_key_path": str(home / "signing.key"),
        "media_store_path": str(home / "media"),
        "log_config": str(home / "logging.yaml"),
        "pid_file": str(home / "synapse.pid"),
        "macaroon_secret_key": "only-here",
        "form_secret": "only-here",
        "trusted_key_servers": [],
        "report_stats": False,
        "presence": {"enabled": False},
        "bcrypt_rounds": 4,
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "listeners": [
            {"port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{"names": ["client"]}]}
        ],
        "database": {"name": "psycopg2", "args": {**arguments, "dbname": url.path[1:], "cp_min": 5, "cp_max": 20}},
        **_LIMITS,
    }
