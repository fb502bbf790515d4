"""Holds what the suite keeps against what the witnesses know. No I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .ledger import Heard, Ledger, Sending, Stream


class Kept(NamedTuple):
    """A message in a conversation's history."""

    client_id: str
    id: str
    seq: int
    msg_no: int


@dataclass(frozen=True)
class Record:
    """A conversation as the suite shows it afterwards, from its start: history, log, and who is in it."""

    history: Sequence[Kept]
    log: Sequence[Heard]
    members: Sequence[str]


@dataclass
class Verdict:
    """What is wrong, in words; nothing when the promise was kept.

    Attributes:
        lost: acknowledged and not there, or not where the acknowledgement said; or never acknowledged at all.
        doubled: there more than once, or though nobody sent it.
        holes: places of a log or of a member's stream that are missing, came again, or tell something else.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.doubled or self.holes)


def judge(ledger: Ledger, records: Mapping[str, Record]) -> Verdict:
    """Judge a whole run."""
    verdict = Verdict(lost=list(ledger.refused))
    found: defaultdict[str, list[tuple[str, Kept]]] = defaultdict(list)
    for conversation, record in records.items():
        for kept in record.history:
            found[kept.client_id].append((conversation, kept))
    for client_id, sending in ledger.sendings.items():
        _judge_sending(verdict, client_id, sending, found.pop(client_id, []))
    verdict.doubled += [f"{client_id}: nobody sent it" for client_id in found]
    for conversation, record in records.items():
        _judge_record(verdict, ledger, conversation, record)
    return verdict


def _judge_sending(verdict: Verdict, client_id: str, sending: Sending, found: list[tuple[str, Kept]]) -> None:
    if len(found) > 1:
        verdict.doubled.append(f"{client_id}: at {', '.join(f'{c} {kept.seq}' for c, kept in found)}")
    if sending.sent is None:
        verdict.lost.append(f"{client_id}: never acknowledged")
        return
    promised = sending.conversation, Kept(client_id, sending.sent.id, sending.sent.seq, sending.sent.msg_no)
    if promised not in found:
        verdict.lost.append(f"{client_id}: acknowledged as {promised}, is {found or 'nowhere'}")


def _judge_record(verdict: Verdict, ledger: Ledger, conversation: str, record: Record) -> None:
    numbers = [kept.msg_no for kept in record.history]
    if numbers != list(range(1, len(numbers) + 1)):
        verdict.holes.append(f"{conversation}: its messages are not numbered from 1 on without a hole")
    verdict.holes += (f"{conversation}, the log: {what}" for what in breaks(record.log))
    by_place = {heard.seq: heard for heard in record.log}
    end = record.log[-1].last if record.log else 0
    for member in record.members:
        stream = ledger.streams[conversation, member]
        told = (*breaks(stream), *_differences(stream, by_place), *_end(stream, end))
        verdict.holes += (f"{conversation}, told to {member}: {what}" for what in told)


def breaks(stream: Iterable[Heard]) -> Iterable[str]:
    """Name each place where a stream does not go on with the next position; one event may cover several."""
    position = 0
    for heard in stream:
        if heard.seq > position + 1:
            yield f"{position + 1} to {heard.seq - 1} are missing"
        elif heard.seq <= position:
            yield f"{heard.seq} came after {position}"
        position = max(position, heard.last)


def _differences(stream: Stream, log: Mapping[int, Heard]) -> Iterable[str]:
    for heard in stream:
        if heard.about != "skip" and heard != log.get(heard.seq):
            yield f"{heard} where the log has {log.get(heard.seq)}"


def _end(stream: Stream, end: int) -> Iterable[str]:
    last = stream[-1].last if stream else 0
    if last != end:
        yield f"ends at {last}, not at {end}"
