"""The harness notices when what it counts is not what was asked for."""

import pytest

from .figures import percentile
from .saturation import Ack, check
from .wire import Lost


def test_dense_acknowledgements_count() -> None:
    check([Ack("c", 4, 2), Ack("c", 3, 1), Ack("d", 1, 1)], {"c": 2, "d": 0})


@pytest.mark.parametrize(
    "acks",
    [
        [Ack("c", 3, 1), Ack("c", 5, 2)],
        [Ack("c", 3, 1), Ack("c", 3, 1)],
        [Ack("c", 4, 1)],
        [Ack("c", 3, 1), Ack("c", 4, 1)],
    ],
    ids=["a hole", "the same twice", "a late start", "one number for two"],
)
def test_acknowledgements_out_of_place_end_the_run(acks: list[Ack]) -> None:
    with pytest.raises(Lost):
        check(acks, {"c": 2})


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile([5, 1, 4, 2, 3], 0.99) == 5
