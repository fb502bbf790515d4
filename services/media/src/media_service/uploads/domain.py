"""Which file may stand for which, and how a file is cut into parts. Without I/O."""

from collections.abc import Iterable, Sequence

from media_service.files.models import SHOWN_TO_ALL, Purpose

MIB = 1024 * 1024
PART_BYTES = 16 * MIB
MOST_PARTS = 1000
"""S3 takes ten times as many; this many URLs still fit into one answer."""


def stands_for(existing: Purpose, wanted: Purpose) -> bool:
    """Whether a file that was uploaded for one purpose may serve another: who sees it must not change by that."""
    return existing == wanted or not {existing, wanted} & SHOWN_TO_ALL


def part_size_of(size: int) -> int:
    """How large each part is but the last: whole mebibytes, so that there are not too many."""
    return max(PART_BYTES, -(-size // (MOST_PARTS * MIB)) * MIB)


def parts_of(size: int, part_size: int) -> list[int]:
    """The sizes of a file's parts; the first has the number 1."""
    return [min(part_size, size - start) for start in range(0, size, part_size)]


def missing_parts(wanted: Sequence[int], arrived: Iterable[tuple[int, int]]) -> list[int]:
    """The numbers of the parts that have not arrived in the size that they should have."""
    there = dict(arrived)
    return [number for number, size in enumerate(wanted, 1) if there.get(number) != size]
