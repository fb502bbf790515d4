"""A range of times is a range of ids."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis.strategies import datetimes, integers
from uuid_utils import UUID

from media_service.library.domain import FIRST, LAST, first_id_at


def _id_at(at: datetime) -> str:
    """The lowest UUIDv7 of a millisecond (RFC 9562, 5.7)."""
    return str(UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0x2 << 62))


@given(integers(1, 200_000_000_000))
def test_ids_made_at_an_instant_or_later_are_not_below_it(seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)

    assert _id_at(at - timedelta(milliseconds=1)) < first_id_at(at) <= _id_at(at)


@given(datetimes())
def test_every_time_has_a_place(naive: datetime) -> None:
    assert FIRST <= first_id_at(naive.replace(tzinfo=UTC)) < LAST
