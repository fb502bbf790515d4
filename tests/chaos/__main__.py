"""The command line: a fresh suite with its limits out of the way, load and faults on it, then the count."""

import asyncio
import os
import random
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from localcloud.console import say, step
from localcloud.processes import attend, exit_on_signals
from messengerctl.audit import audit
from messengerctl.audit.log import read_log
from messengerctl.errors import CommandError
from messengerctl.suite import Suite, until

from .crowd import Crowd, gather
from .gallery import PARTS_ABOVE, Gallery, open_gallery
from .plan import END_OF_EMULATOR, FAULTS, SHORT, Fault, draw
from .pressure import Pace
from .record import read_back
from .report import Outcome, show
from .strike import Outage, Striker
from .verdict import judge

_UNLIMITED = {
    "GATEWAY_USER_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_ADDRESS_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_SECRET_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_SOCKET_OPERATIONS_PER_SECOND": "1000000",
    "MEDIA_MULTIPART_ABOVE": str(PARTS_ABOVE),
}
_LAST_SENDS_SECONDS = 120.0
_AUDIT_SECONDS = 600.0
_TELL_SECONDS = 15.0


@dataclass(frozen=True)
class Size:
    """How much of everything.

    Sends are the least number, messages and pictures so many a second, and load and faults last `minutes` at most.
    """

    faults: int
    sends: int
    people: int
    per_second: float
    pictures: float
    minutes: float
    kinds: tuple[Fault, ...]


_FULL = Size(faults=100, sends=100_000, people=12, per_second=400, pictures=2, minutes=20, kinds=FAULTS)
_SHORT = Size(faults=10, sends=2_000, people=6, per_second=100, pictures=2, minutes=4, kinds=SHORT)


async def _run(suite: Suite, size: Size, seed: int) -> Outcome:
    async with (
        gather(suite, size.people) as crowd,
        open_gallery([witness.client for witness in crowd.witnesses], size.pictures) as gallery,
    ):
        groups = sum(len(conversation.members) > 2 for conversation in crowd.conversations)
        say(f"{len(crowd.witnesses)} people in {len(crowd.conversations)} conversations, {groups} of them groups")
        began = time.monotonic()
        striker = Striker(suite, lambda: crowd.ledger.acknowledged, seed)
        await _press(crowd, gallery, striker, size)
        pressed = time.monotonic() - began
        with step("everybody hears everything"):
            await _caught_up(suite, crowd)
        with step("the consumers finish, and the audit"):
            report = await audit(suite, seconds=_AUDIT_SECONDS)
        with step("reading back"):
            verdict = judge(crowd.ledger, await read_back(crowd))
            lost_pictures = await gallery.lost(sum(outage.fault == END_OF_EMULATOR for outage in striker.outages))
        return Outcome(crowd, gallery, striker.outages, verdict, lost_pictures, report, pressed)


async def _press(crowd: Crowd, gallery: Gallery, striker: Striker, size: Size) -> None:
    """Send, upload and strike until there was enough, or the time is over; then have the last ones acknowledged."""
    seconds = size.minutes * 60
    deadline = time.monotonic() + seconds
    pace, stopping = Pace(size.per_second), asyncio.Event()
    following = asyncio.create_task(pace.follow(striker.suite))
    writing = asyncio.create_task(crowd.write(pace, stopping))
    painting = asyncio.create_task(gallery.paint(stopping))
    telling = asyncio.create_task(_tell(crowd, gallery, pace))

    def over(outage: Outage) -> None:
        told = f"{outage.fault!s:38} over after {outage.recovery:4.1f} s"
        say(f"{len(striker.outages):3} {told}  {_standing(crowd, gallery, pace)}")

    try:
        await striker.run(draw(size.kinds, striker.seed, size.faults), over, size.sends, seconds)
        with suppress(CommandError):  # that there were too few is said at the end
            enough = "the time was over"
            await until(lambda: crowd.ledger.acknowledged >= size.sends, enough, deadline - time.monotonic())
        stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SENDS_SECONDS):
                await asyncio.gather(writing, painting)
    finally:
        tasks = (following, writing, painting, telling)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tell(crowd: Crowd, gallery: Gallery, pace: Pace) -> None:
    while True:
        await asyncio.sleep(_TELL_SECONDS)
        say(f"    {_standing(crowd, gallery, pace)}")


def _standing(crowd: Crowd, gallery: Gallery, pace: Pace) -> str:
    pictures = f"{len(gallery.acknowledged):,} pictures"
    return f"{crowd.ledger.acknowledged:,} acknowledged, {pictures}, {pace.pending:,} pending, {crowd.live} live"


async def _caught_up(suite: Suite, crowd: Crowd) -> None:
    async with read_log(suite.database_url("chat")) as log:
        heads = await log.heads()
    with suppress(CommandError):  # who has not heard all by then is named by the verdict
        await until(lambda: crowd.behind(heads) == 0, "not everybody heard everything", 120.0)


def chaos(
    short: Annotated[bool, typer.Option(help="As much as a check before a commit can bear.")] = False,
    seed: Annotated[int | None, typer.Option(help="Of the faults' order; by chance if left out.")] = None,
    faults: Annotated[int | None, typer.Option(min=0, help="How many in all.")] = None,
    sends: Annotated[int | None, typer.Option(min=0, help="How many acknowledged ones at least.")] = None,
    people: Annotated[int | None, typer.Option(min=2, help="How many, each with a socket.")] = None,
    minutes: Annotated[float | None, typer.Option(help="The longest that load and faults may last.")] = None,
) -> None:
    """Break every part of a fresh suite under load; exit 1 if anything was lost, doubled or left out."""
    state = os.environ.get("MESSENGER_STATE")
    if state is None:
        command = ["localcloud", "run", "--suite", "--", sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
        raise typer.Exit(attend(command, _UNLIMITED))
    usual = _SHORT if short else _FULL
    size = replace(
        usual,
        faults=usual.faults if faults is None else faults,
        sends=usual.sends if sends is None else sends,
        people=people or usual.people,
        minutes=minutes or usual.minutes,
    )
    chosen = random.randrange(10**6) if seed is None else seed
    say(f"seed {chosen}: --seed {chosen} strikes in the same order again")
    outcome = uvloop.run(_run(Suite(Path(state)), size, chosen))
    raise typer.Exit(show(outcome, size.faults, size.sends))


if __name__ == "__main__":
    exit_on_signals()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(chaos)
    app()
