"""The demonstration: two people talk while the processes between them are killed, and nothing is lost or doubled."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.audit import Report, audit
from messengerctl.mailbox import await_code
from messengerctl.suite import Suite, until
from messengerctl.traffic import Meeting, Sending, meet

PACE_SECONDS = 0.1
VICTIMS = ("chat", "gateway")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outage:
    """A process that was killed: when, and when another had taken its place and both people were live again."""

    process: str
    began: float
    ended: float


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        undisturbed, disturbed: seconds from send to arrival, of the messages whose way no outage crossed, and the rest.
    """

    wanted: int
    acknowledged: int
    delivered: int
    twice: int
    retries: int
    reconnects: int
    same_log: bool
    audit: Report
    outages: list[Outage] = field(default_factory=list)
    undisturbed: list[float] = field(default_factory=list)
    disturbed: list[float] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Messages that were not acknowledged or did not arrive, and events that the audit misses."""
        return self.wanted - min(self.acknowledged, self.delivered) + self.audit.lost

    @property
    def doubled(self) -> int:
        """Messages that arrived twice, and events that the audit found twice or out of place."""
        return self.twice + self.audit.doubled

    @property
    def good(self) -> bool:
        """Whether it went as promised."""
        return not self.lost and not self.doubled and self.same_log


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of the values does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


async def demonstrate(suite: Suite, *, messages: int, kill: bool, progress: Progress) -> Outcome:
    """Let two fresh people send so many messages in all, kill what is between them, and audit."""
    progress("two people sign up")
    read_code = partial(await_code, suite)
    ada, bob = [await sign_up(suite.gateway, Wishes(), read_code) for _ in range(2)]
    async with client_of(ada) as ada_s_client, client_of(bob) as bob_s_client:
        async with meet((ada_s_client, ada), (bob_s_client, bob)) as meeting:
            outages = await _talk(suite, meeting, messages, VICTIMS if kill else (), progress)
            progress("waiting until both have heard everything")
            await meeting.caught_up()
        report = await audit(suite, progress=progress)
    return _outcome(meeting, messages, outages, report)


async def _talk(
    suite: Suite, meeting: Meeting, messages: int, victims: tuple[str, ...], progress: Progress
) -> list[Outage]:
    """Talk to the end, while one process after another is killed at equal distances."""
    talking = asyncio.create_task(meeting.talk(messages, PACE_SECONDS))
    watching = asyncio.create_task(_watch(meeting, messages, progress))
    try:
        outages = []
        for number, victim in enumerate(victims, start=1):
            await _until_acknowledged(meeting, messages * number // (len(victims) + 1))
            outages.append(await _kill(suite, meeting, victim))
        await talking
        return outages
    finally:
        for task in (talking, watching):
            task.cancel()
        await asyncio.gather(talking, watching, return_exceptions=True)


async def _until_acknowledged(meeting: Meeting, number: int) -> None:
    await until(lambda: meeting.acknowledged >= number, "messages are not acknowledged any more")


async def _kill(suite: Suite, meeting: Meeting, process: str) -> Outage:
    began = time.perf_counter()
    killed = suite.signal(process)
    await suite.healed(process, killed)
    await until(lambda: meeting.live, "the people did not come back")
    return Outage(process, began, time.perf_counter())


async def _watch(meeting: Meeting, messages: int, progress: Progress) -> None:
    while True:
        states = ", ".join(f"{speaker.person.username} is {speaker.session.state}" for speaker in meeting.speakers)
        progress(f"{len(meeting.sendings)} of {messages} sent, {meeting.acknowledged} acknowledged; {states}")
        await asyncio.sleep(0.1)


def _outcome(meeting: Meeting, messages: int, outages: list[Outage], report: Report) -> Outcome:
    arrived = [sending for sending in meeting.sendings.values() if sending.arrivals]
    outcome = Outcome(
        wanted=messages,
        acknowledged=meeting.acknowledged,
        delivered=len(arrived),
        twice=len(meeting.doubled),
        retries=sum(speaker.session.retries for speaker in meeting.speakers),
        reconnects=sum(speaker.session.reconnects for speaker in meeting.speakers),
        same_log=meeting.same_and_dense,
        audit=report,
        outages=outages,
    )
    for sending in arrived:
        crossed = any(_crosses(sending, outage) for outage in outages)
        (outcome.disturbed if crossed else outcome.undisturbed).append(sending.delay)
    return outcome


def _crosses(sending: Sending, outage: Outage) -> bool:
    return sending.called <= outage.ended and sending.arrivals[0] >= outage.began
