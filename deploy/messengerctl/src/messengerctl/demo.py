"""The demonstration: two people talk while the processes between them are killed, and nothing is lost or doubled.

Meanwhile one of them sends the other a picture.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import httpx

from messenger_contracts.media import Media
from messenger_contracts.problem import ErrorCode
from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.audit import Report, audit
from messengerctl.client import Client, Refused, Unreachable, Uploads
from messengerctl.client.uploads import ROUNDS, Held
from messengerctl.errors import CommandError
from messengerctl.mailbox import await_code
from messengerctl.pictures import paint, wish_of
from messengerctl.suite import Suite, until
from messengerctl.traffic import Meeting, Sending, meet

PACE_SECONDS = 0.1
PICTURE = (1280, 800)
PICTURE_SECONDS = 60.0
_POLL_SECONDS = 0.1
VICTIMS = ("chat", "gateway")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outage:
    """A process that was killed: when, and when another had taken its place and both people were live again."""

    process: str
    began: float
    ended: float


@dataclass(frozen=True)
class Picture:
    """A picture that one sent to the other.

    Attributes:
        size: its bytes.
        ready: seconds from its announcement until it was looked at.
        seen: seconds from the message until the other had fetched it, in a size made for screens.
        seq: the message's place in the log.
    """

    size: int
    ready: float
    seen: float
    seq: int


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
    picture: Picture
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
            outages, picture = await asyncio.gather(
                _talk(suite, meeting, messages, VICTIMS if kill else (), progress),
                _show_a_picture(ada_s_client, bob_s_client, meeting),
            )
            progress("waiting until both have heard everything")
            await meeting.caught_up(at_least=picture.seq)
        report = await audit(suite, progress=progress)
    return _outcome(meeting, messages, outages, picture, report)


async def _show_a_picture(mine: Client, theirs: Client, meeting: Meeting) -> Picture:
    """Upload a picture, send it, and have the other fetch what the message told of."""
    content = paint(*PICTURE, seed=time.time_ns())
    began = time.perf_counter()
    async with Uploads(mine) as uploads:
        media = await uploads.upload(wish_of(content, "message"), Held(content), str(uuid4()))
    if media.status != "ready":
        raise CommandError(f"the picture was rejected: {media.reason}")
    ready = time.perf_counter()
    sent = await mine.put_message(meeting.conversation_id, str(uuid4()), None, [media.id], attempts=ROUNDS)
    other = meeting.speakers[1]
    await until(lambda: media.id in other.shown, "the other did not hear of the picture", PICTURE_SECONDS)
    async with asyncio.timeout(PICTURE_SECONDS):
        await _fetch(theirs, media.id)
    return Picture(len(content), ready - began, time.perf_counter() - ready, sent.seq)


async def _fetch(client: Client, media_id: str) -> bytes:
    """The picture in a size made for screens; who may see it is told to media a moment after the message."""
    while True:
        try:
            answer = await client.request("GET", f"/v1/media/{media_id}", attempts=ROUNDS)
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused) and error.code != ErrorCode.NOT_FOUND:
                raise
            await asyncio.sleep(_POLL_SECONDS)
        else:
            break
    shown = Media.model_validate_json(answer.content)
    async with httpx.AsyncClient() as bucket:
        fetched = await bucket.get(shown.variants["large"].url)
    if not fetched.is_success or not fetched.headers["content-type"].startswith("image/"):
        raise CommandError(f"the picture could not be fetched: {fetched.status_code} {fetched.reason_phrase}")
    return fetched.content


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


def _outcome(meeting: Meeting, messages: int, outages: list[Outage], picture: Picture, report: Report) -> Outcome:
    arrived = [sending for sending in meeting.sendings.values() if sending.arrivals]
    outcome = Outcome(
        wanted=messages,
        acknowledged=meeting.acknowledged,
        delivered=len(arrived),
        twice=len(meeting.doubled),
        retries=sum(speaker.session.retries for speaker in meeting.speakers),
        reconnects=sum(speaker.session.reconnects for speaker in meeting.speakers),
        same_log=meeting.same_and_dense,
        picture=picture,
        audit=report,
        outages=outages,
    )
    for sending in arrived:
        crossed = any(_crosses(sending, outage) for outage in outages)
        (outcome.disturbed if crossed else outcome.undisturbed).append(sending.delay)
    return outcome


def _crosses(sending: Sending, outage: Outage) -> bool:
    return sending.called <= outage.ended and sending.arrivals[0] >= outage.began
