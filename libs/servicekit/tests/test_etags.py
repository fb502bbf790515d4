"""Which `If-Match` lets a change through."""

import pytest

from servicekit.etags import PreconditionFailed, etag, require_match


@pytest.mark.parametrize("if_match", [None, "*", " * ", '"7"', '"6", "7"', '"6","7"', 'W/"6", "7"'])
def test_a_change_goes_through_when_its_version_is_among_those_demanded(if_match: str | None) -> None:
    require_match(if_match, 7)


@pytest.mark.parametrize("if_match", ["", "7", '"6"', 'W/"7"', '"77"', '"7', "\xff"])
def test_a_change_is_refused_for_any_other_version(if_match: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        require_match(if_match, 7)
    assert refused.value.code.status == 412


def test_a_tag_that_was_given_is_the_one_that_matches() -> None:
    require_match(etag("3-1700"), "3-1700")
