"""How a person with several devices is."""

import pytest

from gateway_service.presence.domain import together


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], None),
        (["away"], "away"),
        (["away", "online", "away"], "online"),
        (["online", "offline"], "offline"),
    ],
)
def test_the_liveliest_device_counts_unless_one_hides(states, expected) -> None:
    assert together(states) == expected
