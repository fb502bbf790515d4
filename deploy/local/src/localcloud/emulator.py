"""The AWS emulator, in an environment of its own because its boto3 and ours exclude each other."""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from localcloud.bootstrap import CHECKOUT, find_uv, uv_environment
from localcloud.errors import LocalCloudError
from localcloud.processes import Program, answers

_REQUIREMENTS = Path(__file__).resolve().parents[2] / "emulator" / "requirements.txt"
_ENVIRONMENT = CHECKOUT / ".local" / "emulator" / "venv"
_STAMP = "requirements.sha256"
_SERVER = _REQUIREMENTS.with_name("server.py")


@dataclass(frozen=True)
class Emulator:
    """One emulator: its folder, its loopback port, whether its state is kept, and how far it gives way to others."""

    home: Path
    port: int
    durable: bool = True
    niceness: int = 0

    @property
    def url(self) -> str:
        """The endpoint of every AWS service."""
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Make the environment if it is not what the requirements say."""
        ensure_environment()
        for folder in ("state", "s3", "tmp"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)

    def program(self, log: Path) -> Program:
        """Return the emulator as a program."""
        kept = "1" if self.durable else "0"
        return Program(
            name="emulator",
            argv=(str(_ENVIRONMENT / "bin" / "python"), str(_SERVER), f"127.0.0.1:{self.port}"),
            cwd=self.home,
            log=log,
            ready=lambda: answers(f"{self.url}/_ministack/health"),
            url=self.url,
            server=True,
            niceness=self.niceness,
            prepare=self.prepare,
            env={
                "AUTH": "true",
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "PERSIST_STATE": kept,
                "S3_PERSIST": kept,
                "STATE_DIR": str(self.home / "state"),
                "S3_DATA_DIR": str(self.home / "s3"),
                "TMPDIR": str(self.home / "tmp"),
                # It removes containers that it believes to be its own: keep it away from any engine.
                "DOCKER_HOST": f"unix://{self.home}/no-engine",
                "LOG_LEVEL": "WARNING",
            },
            stop_signal=signal.SIGTERM if self.durable else signal.SIGKILL,
            orphan_signal=signal.SIGTERM if self.durable else signal.SIGKILL,
        )


def ensure_environment(environment: Path = _ENVIRONMENT) -> None:
    """Make the emulator's environment from its pinned requirements, once, even if several of us come at a time."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_made(environment):
            return
        uv = str(find_uv())
        python = str(environment / "bin" / "python")
        _uv(uv, "venv", "--quiet", "--clear", "--python", os.path.realpath(sys.executable), str(environment))
        _uv(uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", str(_REQUIREMENTS))
        (environment / _STAMP).write_text(_wanted())


def is_made(environment: Path = _ENVIRONMENT) -> bool:
    """Tell whether the emulator's environment is what the requirements say."""
    stamp = environment / _STAMP
    return stamp.exists() and stamp.read_text() == _wanted()


def _wanted() -> str:
    return hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()


def _uv(*command: str) -> None:
    outcome = subprocess.run(command, cwd=CHECKOUT, env=uv_environment(), capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise LocalCloudError(f"the emulator's environment cannot be made: {outcome.stderr.strip()}")
