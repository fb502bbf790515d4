"""Sizes, times, colours and blurhashes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from media_service.contents.errors import Refused
from media_service.pictures.domain import PictureLimits, blurhash, dominant, taken_at
from messenger_contracts.media import RejectReason

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (50_000, 50_000), (40_000, 1), (1, 40_000)])
def test_a_picture_that_is_too_large_is_refused(width: int, height: int) -> None:
    with pytest.raises(Refused) as refused:
        PictureLimits().check(width, height)

    assert refused.value.reason is RejectReason.TOO_LARGE


def test_a_hundred_megapixels_are_not_too_large() -> None:
    PictureLimits().check(10_000, 10_000)


def test_a_time_with_its_zone() -> None:
    found = taken_at("2024:05:06 07:08:09", "+02:00")

    assert found == datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize("offset", ["", "somewhere", "+2"])
def test_a_time_without_a_zone_is_utcs(offset: str) -> None:
    assert taken_at("2024:05:06 07:08:09", offset) == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize("time", ["", "0000:00:00 00:00:00", "2024:13:45 07:08:09", "yesterday"])
def test_a_clock_that_was_never_set_tells_no_time(time: str) -> None:
    assert taken_at(time, "") is None


def test_the_dominant_colour_is_what_most_of_the_picture_has() -> None:
    assert dominant([(250, 10, 0), (254, 12, 4), WHITE]) == "#fc0b02"


def test_a_blurhash_is_the_one_that_other_programs_make() -> None:
    """The value is that of `blurhash-python` 1.2.2, which wraps Wolt's encoder in C."""
    gradient = [(x * 36, y * 36, 128) for y in range(8) for x in range(8)]

    assert blurhash(gradient, 8, 8) == "LxH.QA3Aa|xtuvRnfQnSf7fQfQfQ"
    assert blurhash([WHITE] * 64, 8, 8) == "LfTSUA~qfQ~q~qt7fQt7fQfQfQfQ"


def test_the_blurhash_of_a_tall_picture_has_its_terms_along_it() -> None:
    assert len(blurhash([RED] * 32, 4, 8)) == len(blurhash([RED] * 32, 8, 4)) == 28
    assert blurhash([RED] * 32, 4, 8)[0] == "T"


def test_a_blurhash_tells_left_from_right() -> None:
    left = blurhash([WHITE, WHITE, BLACK, BLACK] * 4, 4, 4)
    right = blurhash([BLACK, BLACK, WHITE, WHITE] * 4, 4, 4)

    assert left[2:6] == right[2:6]  # their means are the same
    assert left[6:] != right[6:]
