"""How much one answer to many returning clients holds, without I/O."""

from collections.abc import Sequence

ROOM = 20_000
"""Events that one answer holds, unless a single client missed more."""


def have_room(missed: Sequence[int], room: int = ROOM) -> list[bool]:
    """Of clients who missed so many events each, who is told them now. The others ask again; the first never has to."""
    told = []
    for number, count in enumerate(missed):
        told.append(number == 0 or count <= room)
        room -= count if told[-1] else 0
    return told
