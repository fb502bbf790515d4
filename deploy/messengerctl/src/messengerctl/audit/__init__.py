"""Reconciles log, outbox, ledger and inbox, what chat accepted against what everybody was told; and media's stores.

Reads the stores directly, which only an operator may. It changes nothing, so it can run at any time; under load it
first waits, within limits, until what was on its way has arrived.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from messengerctl.audit import files
from messengerctl.audit.inbox import Received, queue_depths, read_received, split_dead
from messengerctl.audit.log import read_log
from messengerctl.audit.membership import Audience
from messengerctl.audit.report import Fault, Finding, Place, Report
from messengerctl.suite import Suite

__all__ = ["Fault", "Finding", "Place", "Report", "audit"]

PATIENCE_SECONDS = 120.0
KEPT_DAYS = 29
"""Ledger entries and deleted notifications expire after 30 days: what is older cannot be held against them."""
_POLL_SECONDS = 0.25

Progress = Callable[[str], None]


def _silent(line: str) -> None:
    """Show no progress."""


async def audit(suite: Suite, *, seconds: float = PATIENCE_SECONDS, progress: Progress = _silent) -> Report:
    """Compare what was accepted until now with what became of it; waits `seconds` at most for what is on its way."""
    report, began = Report(), datetime.now(UTC)
    database_url = suite.database_url("chat")
    report.waiting = await _settle(suite, database_url, began, seconds, progress)
    progress("reading the log")
    async with read_log(database_url) as log:
        report.findings += await log.check()
        expected = await log.expected(KEPT_DAYS)
        unpublished = await log.unpublished()
        heads = await log.heads()
    progress("reading ledger and inboxes")
    received = await asyncio.to_thread(read_received, suite)
    async with read_log(database_url) as log:  # what was accepted meanwhile is in place, too
        newest = await log.heads()
    report.findings += [Finding(Place.OUTBOX, Fault.MISSING, event) for event in unpublished]
    report.findings += _undelivered(expected, received, set(unpublished))
    report.findings += _unexpected(expected, received, newest)
    progress("reading media's records and objects")
    held, of_media = await _look_at_files(suite, began)
    report.findings += of_media
    _, report.dead_letters = split_dead(await asyncio.to_thread(queue_depths, suite))
    report.counts = Counter(
        conversations=len(heads),
        events=sum(heads.values()),
        messages=len(expected),
        ledger=len(received.ledger),
        inbox=received.inbox.total(),
        files=len(held.files),
        objects=len(held.objects),
    )
    return report


async def _settle(
    suite: Suite, database_url: str, began: datetime, seconds: float, progress: Progress
) -> dict[str, int]:
    """Wait until outbox and queues are empty and files have ended; returns what is left when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        async with read_log(database_url) as log:
            unpublished = len(await log.unpublished())
        queues, _ = split_dead(await asyncio.to_thread(queue_depths, suite))
        unended = len(await asyncio.to_thread(files.unended, suite, began))
        waiting = queues | {what: left for what, left in (("outbox", unpublished), ("media", unended)) if left}
        if not waiting or time.monotonic() > deadline:
            return waiting
        progress("on its way: " + ", ".join(f"{depth} in {name}" for name, depth in sorted(waiting.items())))
        await asyncio.sleep(_POLL_SECONDS)


async def _look_at_files(suite: Suite, began: datetime) -> tuple[files.Holdings, list[Finding]]:
    """Read what media holds, and name what is wrong with it: what only one of two looks sees was on its way."""
    held = await asyncio.to_thread(files.read_holdings, suite)
    if found := files.check(held):
        await asyncio.sleep(_POLL_SECONDS)
        again = set(files.check(await asyncio.to_thread(files.read_holdings, suite)))
        found = [finding for finding in found if finding in again]
    unended = await asyncio.to_thread(files.unended, suite, began)
    return held, [*(Finding(Place.FILES, Fault.MISSING, f"the end of {each}") for each in unended), *found]


def _undelivered(expected: dict[str, Audience], received: Received, unpublished: set[str]) -> list[Finding]:
    """Name what did not arrive, and what a person was told more than once."""
    findings = []
    for event, audience in expected.items():
        if event in unpublished:
            continue
        if event not in received.ledger:
            findings.append(Finding(Place.LEDGER, Fault.MISSING, event))
        for user in sorted(audience.may):
            copies = received.inbox[event, user]
            if copies > 1:
                findings.append(Finding(Place.INBOX, Fault.DOUBLED, f"{event} for {user}"))
            elif not copies and user in audience.must:
                findings.append(Finding(Place.INBOX, Fault.MISSING, f"{event} for {user}"))
    return findings


def _unexpected(expected: dict[str, Audience], received: Received, heads: dict[str, int]) -> list[Finding]:
    """Name what arrived though it never happened, or at somebody whom it does not concern."""
    findings = [
        Finding(Place.LEDGER, Fault.MISPLACED, entry)
        for entry in sorted(received.ledger)
        if not _happened(entry.partition("#")[0], heads)
    ]
    for event, user in sorted(received.inbox):
        audience = expected.get(event)
        if not _happened(event, heads) or (audience is not None and user not in audience.may):
            findings.append(Finding(Place.INBOX, Fault.MISPLACED, f"{event} for {user}"))
    return findings


def _happened(event: str, heads: dict[str, int]) -> bool:
    _, conversation, seq = event.split(":")
    return 1 <= int(seq) <= heads.get(conversation, 0)
