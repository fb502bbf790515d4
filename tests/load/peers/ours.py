"""Ours, in a suite that is started for each turn as `make bench` starts it, beside a process that measures it."""

import asyncio
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter

from localcloud.errors import LocalCloudError
from localcloud.processes import attend, exit_on_signals
from messengerctl.suite import Suite

from .. import limit, pace, saturation
from ..figures import Results
from ..stage import UNLIMITED, set_stage
from .peer import PACES, Size

_TURN_SECONDS = 600


def take_turn(home: Path, size: Size) -> Results:
    """Measure a fresh suite; it ends with the turn."""
    home.mkdir(parents=True, exist_ok=True)
    wish, answer = home / "size.json", home / "results.json"
    wish.write_bytes(TypeAdapter(Size).dump_json(size))
    answer.unlink(missing_ok=True)
    measurer = [sys.executable, "-m", __spec__.name, str(wish), str(answer)]
    beside_a_suite = [sys.executable, "-m", "localcloud", "run", "--suite", "--"]
    if attend([*beside_a_suite, *measurer], UNLIMITED, _TURN_SECONDS):
        raise LocalCloudError("the suite could not be measured; the reason stands above")
    return TypeAdapter(Results).validate_json(answer.read_bytes())


async def _measure(suite: Suite, size: Size) -> Results:
    results, stage = Results(), await set_stage(suite)
    for rate, times in PACES.items():
        await stage.settle()
        await pace.measure(stage, results, times * size.seconds, 1, rate)
    for width in size.widths:
        await stage.settle()
        name, first = f"{width} conversations", await limit.next_transaction(stage)
        await saturation.measure(stage, results, name, width, size.seconds, 1)
        await limit.measure(stage, results, name, await limit.groups_since(stage, first), 1)
    return results


def _main(wish: Path, answer: Path) -> None:
    size = TypeAdapter(Size).validate_json(wish.read_bytes())
    results = asyncio.run(_measure(Suite(Path(os.environ["MESSENGER_STATE"])), size))
    answer.write_bytes(TypeAdapter(Results).dump_json(results))


if __name__ == "__main__":
    exit_on_signals()
    _main(*map(Path, sys.argv[1:]))
