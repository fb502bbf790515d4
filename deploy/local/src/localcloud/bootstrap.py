"""From a bare Python to the project's environment: find or fetch uv, sync, and hand over.

The first thing that runs, before any dependency exists: standard library only, and importable without installing.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from localcloud.errors import LocalCloudError

CHECKOUT = Path(__file__).resolve().parents[4]
UV_HOME = Path(".local") / "uv"
MINIMUM_PYTHON = (3, 11)


def find_uv(checkout: Path = CHECKOUT) -> Path:
    """Return the uv that runs us, the one on PATH, or the checkout's own; fetch the last if there is none."""
    running = os.environ.get("UV") or shutil.which("uv")
    own = checkout / UV_HOME / "package" / "bin" / "uv"
    if running:
        return Path(running)
    return own if own.exists() else _install_uv(own.parents[1])


def _install_uv(target: Path) -> Path:
    """Install uv into `target` with pip; from a virtual environment if this Python has no pip of its own."""
    print("installing uv into .local/uv", file=sys.stderr, flush=True)
    python = sys.executable
    if not _runs(python, "-m", "pip", "--version"):
        environment = target.parent / "pip"
        if not _runs(python, "-m", "venv", str(environment)):
            raise LocalCloudError(
                "uv is missing, and this Python has neither pip nor venv to fetch it: install uv, or python3-pip"
            )
        python = str(environment / "bin" / "python")
    quietly = ("--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-warn-script-location")
    command = [python, "-m", "pip", "install", *quietly, "--target", str(target), "uv"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise LocalCloudError(f"pip could not install uv: {_last_line(outcome.stderr)}")
    return target / "bin" / "uv"


def _runs(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def uv_environment(checkout: Path = CHECKOUT) -> dict[str, str]:
    """Return the environment for uv: what it writes stays inside the checkout, unless a cache is named."""
    return {"UV_CACHE_DIR": str(checkout / UV_HOME / "cache"), **os.environ, "TMPDIR": str(_temporary(checkout))}


def _temporary(checkout: Path) -> Path:
    folder = checkout / ".local" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sync(checkout: Path = CHECKOUT) -> None:
    """Bring .venv to what uv.lock says."""
    uv = find_uv(checkout)
    command = [str(uv), "sync", "--frozen", "--quiet", "--python", sys.executable]
    if not (checkout / ".venv").exists():
        command.remove("--quiet")
    environment = uv_environment(checkout)
    environment.pop("VIRTUAL_ENV", None)
    if subprocess.run(command, cwd=checkout, env=environment, check=False).returncode:
        raise LocalCloudError("uv could not make .venv; its reason stands above")


def main() -> None:
    """Sync the environment, then become the command given, run inside it."""
    if sys.version_info < MINIMUM_PYTHON:
        raise LocalCloudError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    sync()
    os.environ.pop("PYTHONPATH", None)  # it was only there to find us
    places = [str(CHECKOUT / ".venv" / "bin"), os.environ.get("PATH", os.defpath), str(find_uv().parent)]
    os.environ["PATH"] = os.pathsep.join(places)
    os.environ["TMPDIR"] = str(_temporary(CHECKOUT))  # what tests and tools leave behind stays inside the checkout
    if sys.argv[1:]:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the same pid keeps signals simple


if __name__ == "__main__":
    try:
        main()
    except LocalCloudError as error:
        sys.exit(f"error: {error.message}")
