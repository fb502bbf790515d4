"""Which faults there are, and in which order they come: drawn by lot from a seed, so that a run can be repeated."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice


class Kind(StrEnum):
    """What is done to a process."""

    KILL = "killed"
    """SIGKILL: no good-bye."""
    END = "ended in order"
    """What a deploy does: it may drain, and is replaced."""
    HANG = "hung"
    """SIGSTOP for a while, then SIGCONT: it comes back as if nothing had been."""
    CRASH = "lost a backend"
    """One of PostgreSQL's own processes is killed, which makes it cut all connections and recover."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and for how many seconds where that is for us to say."""

    kind: Kind
    victim: str
    seconds: float = 0.0

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.victim} {self.kind}" + (f" for {self.seconds:.0f} s" if self.seconds else "")


FIRST = tuple(
    Fault(Kind.KILL, victim)
    for victim in ("chat", "gateway", "chat worker", "notification worker", "media worker", "valkey", "postgres")
)
"""What no run goes without, however short."""

END_OF_EMULATOR = Fault(Kind.END, "emulator")
# The emulator is never killed: it may lose its last second then, which AWS does not. Hangs outlast what waits for the
# victim: requests (10 s), the relay's database lock, a queue's visibility (30 s).
FAULTS = (
    *FIRST,
    *(Fault(Kind.KILL, victim) for victim in ("auth", "auth worker", "media", "notification")),
    *(Fault(Kind.END, victim) for victim in ("chat", "gateway", "chat worker", "notification worker")),
    *(Fault(Kind.END, victim) for victim in ("media", "media worker")),
    Fault(Kind.END, "postgres"),
    END_OF_EMULATOR,
    Fault(Kind.CRASH, "postgres"),
    Fault(Kind.HANG, "gateway", 12.0),
    Fault(Kind.HANG, "chat", 12.0),
    Fault(Kind.HANG, "chat worker", 12.0),
    Fault(Kind.HANG, "notification worker", 35.0),
    Fault(Kind.HANG, "media", 12.0),
    Fault(Kind.HANG, "media worker", 35.0),
    Fault(Kind.HANG, "valkey", 8.0),
    Fault(Kind.HANG, "emulator", 12.0),
)
_SHORT_SECONDS = 3.0
SHORT = tuple(Fault(fault.kind, fault.victim, min(fault.seconds, _SHORT_SECONDS)) for fault in FAULTS)
"""The same, with hangs that a short run can bear."""


def draw(faults: tuple[Fault, ...], seed: int, count: int) -> list[Fault]:
    """So many faults: `FIRST` in some order among what begins the run, and all others about equally often."""
    lot = random.Random(seed)
    others = [fault for fault in faults if fault not in FIRST]
    beginning = [*FIRST, *lot.sample(others, max(0, min(count, 10) - len(FIRST)))]
    lot.shuffle(beginning)
    if count <= len(FIRST):
        return beginning[:count]
    return [*beginning, *islice(_rounds(faults, lot), count - len(beginning))]


def _rounds(faults: tuple[Fault, ...], lot: random.Random) -> Iterator[Fault]:
    while True:
        yield from lot.sample(faults, len(faults))
