"""A log is delivered in order, without holes, each event once: whatever arrives, however often, in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from messengerctl.client.log import MAX_AHEAD, Event, Log


def event(seq: int, to: int | None = None, epoch: str = "e") -> Event:
    return Event(c="c", epoch=epoch, seq=seq, to=to, type="skip" if to else "message.created")


@given(st.data(), st.integers(1, 12))
def test_any_order_and_any_repetition_give_the_same_log(data, size):
    arrivals = data.draw(st.permutations([*range(1, size + 1), *data.draw(st.lists(st.integers(1, size)))]))
    log = Log()
    delivered = [one.seq for seq in arrivals for one in log.offer(event(seq))]
    assert delivered == list(range(1, size + 1))
    assert not log.behind


@given(st.sets(st.integers(1, 20)))
def test_a_hole_is_known_by_arithmetic(missing):
    log = Log()
    for seq in range(1, 22):
        if seq not in missing:
            log.offer(event(seq))
    assert log.position == min(missing, default=22) - 1
    assert log.behind == bool(missing)


def test_a_skip_stands_for_all_that_it_covers():
    log = Log(position=3)
    assert [one.seq for one in (*log.offer(event(4, to=9)), *log.offer(event(10)))] == [4, 10]
    assert log.position == 10


def test_a_skip_that_begins_behind_us_continues_the_log():
    log = Log(position=5)
    assert log.offer(event(4, to=9))
    assert log.position == 9


def test_what_comes_much_too_early_is_let_go_and_stays_known_to_be_missing():
    log = Log()
    for seq in range(2, MAX_AHEAD + 3):
        assert log.offer(event(seq)) == []
    assert log.offer(event(1)) == [event(1)]
    assert log.behind


def test_another_epoch_begins_the_log_anew():
    log = Log(position=7)
    assert not log.restarted("first")
    assert log.restarted("second")
    assert log.position == 0
    assert not log.restarted("second")


def test_a_log_that_ends_before_our_position_is_another_one():
    log = Log(position=7)
    assert not log.restarted("e", last_seq=7)
    assert log.restarted("e", last_seq=6)
