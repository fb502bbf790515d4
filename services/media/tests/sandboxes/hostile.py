"""What a file might have a decoder do; loaded into a sandbox by its tests."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def work(order: Any) -> str:
    """Do what is asked for."""
    deed, *more = order
    return str(DEEDS[deed](*more))


def devour() -> int:
    return len(bytearray(2 << 30))


def spin() -> None:
    while True:
        pass


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    raise RuntimeError("a fault of ours")


def linger(path: str) -> None:
    """Write down who one is, whom one started and who started one, and stay."""
    child = subprocess.Popen(SLEEPER)
    part = Path(path + ".part")
    part.write_text(f"{os.getpid()} {child.pid} {os.getppid()}")
    part.rename(path)
    time.sleep(600)


def leave_behind() -> int:
    return subprocess.Popen(SLEEPER).pid


def write_much(path: str) -> None:
    with Path(path).open("wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))


def open_many(path: str) -> int:
    return len([Path(path).open("wb") for _ in range(1000)])


def handles() -> str:
    return ",".join(str(number) for number in range(3, 64) if is_open(number))


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


DEEDS = {
    "chatter": lambda: "x" * (8 << 20),
    "crash": crash,
    "devour": devour,
    "echo": str,
    "environment": lambda: ",".join(sorted(os.environ)),
    "fail": fail,
    "handles": handles,
    "leave behind": leave_behind,
    "linger": linger,
    "open many": open_many,
    "spin": spin,
    "write much": write_much,
}
