"""The program that sandboxes are forked from: it has the decoders loaded, and never touches a file itself.

A fork of it is ready within milliseconds, where a new Python would take longer to start than most pictures take. It
is started with an empty environment: no credentials are there to be found. Orders come as lines on standard input,
reports leave as lines on standard output; when its input ends, it ends, with all that it started.

    order   {"id": 1, "module": "…", "work": …, "limits": {…}}    or, to end one early,    {"id": 1, "stop": true}
    report  {"id": 1, "status": 0, "answer": "…"}                  status: the exit code, or minus the signal
"""

import importlib
import json
import os
import selectors
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from media_service.sandboxes.limits import Limits

MOST_ANSWERED = 1 << 20
_PIECE = 1 << 16
_FAILED = 70
"""The exit code, EX_SOFTWARE of sysexits.h, of work that raised."""


@dataclass(slots=True)
class _Child:
    id: int
    pid: int
    answer: bytearray = field(default_factory=bytearray)


class Nursery:
    """Forks a child for each order, and reports what became of it."""

    def __init__(self, works: Mapping[str, Callable[[Any], str]]) -> None:
        self._works = works
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}
        self._orders = bytearray()
        self._open = True

    def run(self) -> None:
        """Work until the input ends; then end what is still at work."""
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while self._open:
            for key, _ in self._selector.select():
                if key.fd == sys.stdin.fileno():
                    self._take_orders()
                else:
                    self._listen(key.fd)
        for child in self._children.values():
            _stop(child)

    def _take_orders(self) -> None:
        piece = os.read(sys.stdin.fileno(), _PIECE)
        self._open = bool(piece)
        self._orders += piece
        *lines, self._orders = self._orders.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if order.get("stop"):
                for child in self._children.values():
                    if child.id == order["id"]:
                        _stop(child)
            else:
                self._fork(order)

    def _fork(self, order: Mapping[str, Any]) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            self._be_the_child(order, writing)
        os.close(writing)
        self._children[reading] = _Child(order["id"], pid)
        self._selector.register(reading, selectors.EVENT_READ)

    def _be_the_child(self, order: Mapping[str, Any], writing: int) -> NoReturn:
        status = _FAILED
        try:
            os.setsid()
            self._selector.close()
            for inherited in (*self._children, sys.stdin.fileno(), sys.stdout.fileno()):
                os.close(inherited)
            Limits.model_validate(order["limits"]).impose()
            answer = self._works[order["module"]](order["work"]).encode()
            while answer:
                answer = answer[os.write(writing, answer) :]
            status = 0
        except MemoryError:
            os.abort()  # a limit was passed, as where the system ends the process itself
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(status)

    def _listen(self, reading: int) -> None:
        child = self._children[reading]
        piece = os.read(reading, _PIECE)
        child.answer += piece
        if len(child.answer) > MOST_ANSWERED:
            _stop(child)
        if piece:
            return
        self._selector.unregister(reading)
        del self._children[reading]
        os.close(reading)
        _, status = os.waitpid(child.pid, 0)
        _stop(child)  # programs that it left behind
        report = {"id": child.id, "status": os.waitstatus_to_exitcode(status), "answer": child.answer.decode("latin-1")}
        os.write(sys.stdout.fileno(), json.dumps(report).encode() + b"\n")


def _stop(child: _Child) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main(modules: list[str]) -> None:
    """Load the modules whose `work` may be ordered, and serve."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of a terminal's processes; the worker drains first
    Nursery({name: importlib.import_module(name).work for name in modules}).run()


if __name__ == "__main__":
    main(sys.argv[1:])
