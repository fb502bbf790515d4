"""A plan can be repeated, and leaves nothing out."""

from collections import Counter

import pytest

from .plan import FAULTS, FIRST, SHORT, Kind, draw


def test_the_same_seed_gives_the_same_plan():
    assert draw(FAULTS, 7, 100) == draw(FAULTS, 7, 100)


def test_another_seed_gives_another_plan():
    assert draw(FAULTS, 7, 100) != draw(FAULTS, 8, 100)


@pytest.mark.parametrize("faults", [FAULTS, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("count", [len(FIRST), 10, 100])
def test_every_plan_kills_what_no_run_goes_without(faults, count):
    for seed in range(20):
        plan = draw(faults, seed, count)
        assert len(plan) == count
        assert set(FIRST) <= set(plan[:10])


def test_a_long_plan_has_every_fault_about_equally_often():
    times = Counter(draw(FAULTS, 7, 100))
    assert set(times) == set(FAULTS)
    assert max(times.values()) - min(times.values()) <= 3


def test_a_plan_may_be_shorter_than_what_every_run_should_have():
    assert len(draw(FAULTS, 7, 2)) == 2


def test_the_emulator_is_never_killed():
    assert {fault.kind for fault in FAULTS if fault.victim == "emulator"} == {Kind.END, Kind.HANG}
