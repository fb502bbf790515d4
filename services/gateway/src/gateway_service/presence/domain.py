"""How a person is who may have several devices, without I/O."""

from collections.abc import Collection

from messenger_contracts.realtime import PresenceState

_LEAST_FIRST: tuple[PresenceState, ...] = ("away", "online", "offline")


def together(states: Collection[PresenceState]) -> PresenceState | None:
    """How a person is whose devices say these: who chose to look offline on one does so, and else the liveliest counts.

    None: no device says anything.
    """
    return max(states, key=_LEAST_FIRST.index, default=None)
