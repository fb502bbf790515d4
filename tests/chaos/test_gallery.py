"""A picture that was acknowledged is ready and whole, or is named."""

import pytest

from .gallery import PARTS_ABOVE, Gallery, Painter, Shown, _picture, differences


def test_what_came_back_as_it_was_sent_is_not_named():
    assert differences({"a": "1", "b": "2"}, {"a": Shown("ready", "1"), "b": Shown("ready", "2")}) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Shown("not looked at", ""), "picture a: acknowledged, is not looked at"),
        (Shown("failed", ""), "picture a: acknowledged, is failed"),
        (Shown("ready", "2"), "picture a: other bytes came back than were sent"),
    ],
    ids=["never ended", "rejected", "of other bytes"],
)
def test_what_did_not_is_named(found, told):
    assert differences({"a": "1"}, {"a": found}) == [told]


async def test_uploads_are_forgotten_by_the_emulator_alone():
    gallery = Gallery([Painter(None, None), Painter(None, None)], per_second=1.0)
    gallery.begun_again = 3
    assert await gallery.lost(ends=2) == []
    assert await gallery.lost(ends=1) == ["1 uploads in parts: forgotten, and not by the emulator"]


def test_some_pictures_go_in_parts_and_few_in_two():
    sizes = [len(_picture(number)) for number in range(12)]
    assert sizes[0] > 16 * 1024 * 1024
    assert sum(size > PARTS_ABOVE for size in sizes) == 3


def test_no_two_pictures_are_the_same():
    assert len({_picture(number) for number in range(1, 50)}) == 49
