"""How much one answer to many returning clients holds."""

from hypothesis import given
from hypothesis import strategies as st

from chat_service.commands.domain import have_room


def test_who_finds_no_room_asks_later_and_leaves_room_for_others() -> None:
    assert have_room([2, 3, 1, 1], room=3) == [True, False, True, False]


@given(missed=st.lists(st.integers(0, 50), min_size=1, max_size=20), room=st.integers(0, 60))
def test_each_round_tells_somebody_and_never_much_more_than_there_is_room_for(missed: list[int], room: int) -> None:
    told = have_room(missed, room)

    assert told[0]
    assert sum(count for count, now in zip(missed, told, strict=True) if now) <= max(room, missed[0])
