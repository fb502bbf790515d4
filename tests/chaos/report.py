"""What a run comes to: faults by kind, what became of the sends, and what is wrong by name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localcloud.console import say, table
from messengerctl.audit import Report

from .crowd import Crowd
from .gallery import Gallery
from .strike import Outage
from .verdict import Verdict

_SHOWN = 20


@dataclass(frozen=True)
class Outcome:
    """A run that is over; `seconds` is how long load and faults lasted."""

    crowd: Crowd
    gallery: Gallery
    outages: Sequence[Outage]
    verdict: Verdict
    lost_pictures: Sequence[str]
    audit: Report
    seconds: float

    @property
    def wrong(self) -> list[str]:
        """Everything that is wrong, by name."""
        unexplained = [f"{one.person.username}: {what}" for one in self.crowd.witnesses for what in one.surprises]
        stuck = [f"{number} still in {where}" for where, number in self.audit.waiting.items()]
        given_up = [f"{number} in {queue}" for queue, number in self.audit.dead_letters.items()]
        verdict = self.verdict
        return [
            *verdict.lost,
            *verdict.doubled,
            *verdict.holes,
            *self.lost_pictures,
            *map(str, self.audit.findings),
            *stuck,
            *given_up,
            *unexplained,
        ]


def show(outcome: Outcome, faults: int, sends: int) -> int:
    """Print the outcome; returns the exit code, which also says whether there were as many as was asked for."""
    table(("fault", "times", "slowest to be over"), _by_fault(outcome.outages))
    for name, value in _sums(outcome):
        say(f"{name:36} {value}")
    for what in outcome.wrong[:_SHOWN]:
        say(f"wrong: {what}")
    if len(outcome.wrong) > _SHOWN:
        say(f"wrong: {len(outcome.wrong) - _SHOWN} more")
    enough = len(outcome.outages) >= faults and outcome.crowd.ledger.acknowledged >= sends
    if not enough:
        say(f"the time was over before {faults:,} faults and {sends:,} sends")
    return 0 if enough and not outcome.wrong else 1


def _by_fault(outages: Sequence[Outage]) -> Iterable[tuple[str, ...]]:
    recoveries: defaultdict[str, list[float]] = defaultdict(list)
    for outage in outages:
        recoveries[str(outage.fault)].append(outage.recovery)
    return [(name, str(len(each)), f"{max(each):.1f} s") for name, each in sorted(recoveries.items())]


def _sums(outcome: Outcome) -> Iterable[tuple[str, str]]:
    verdict, ledger = outcome.verdict, outcome.crowd.ledger
    figures = outcome.crowd.figures()
    counts = ", ".join(f"{number:,} {what}" for what, number in outcome.audit.counts.items())
    slowest = max(outcome.outages, key=lambda outage: outage.recovery, default=None)
    return [
        ("faults", f"{len(outcome.outages)} in {outcome.seconds:.0f} s"),
        ("acknowledged", f"{ledger.acknowledged:,}"),
        ("lost", str(len(verdict.lost) + outcome.audit.lost)),
        ("doubled", str(len(verdict.doubled) + outcome.audit.doubled)),
        ("holes", str(len(verdict.holes))),
        ("pictures", _pictures(outcome)),
        ("audited", counts),
        ("slowest recovery", f"{slowest.recovery:.1f} s, {slowest.fault}" if slowest else "none"),
        ("longest without an acknowledgement", f"{ledger.silence:.1f} s"),
        ("of the clients", ", ".join(f"{number:,} {what}" for what, number in figures.items())),
    ]


def _pictures(outcome: Outcome) -> str:
    gallery = outcome.gallery
    told = f"{len(gallery.acknowledged):,} acknowledged, {gallery.in_parts:,} of them in parts"
    return f"{told}, {gallery.begun_again} begun again, {len(outcome.lost_pictures)} lost"
