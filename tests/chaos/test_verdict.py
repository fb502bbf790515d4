"""The verdict is silent when all is well, and names every way to break the promise."""

from dataclasses import replace

import pytest

from messenger_contracts.commands import Sent

from .ledger import Heard, Ledger, Sending
from .verdict import Kept, Record, judge

C = "conversation"
MEMBERS = ("ada", "bob")
JOINS = [Heard(1, 1, "member.joined ada"), Heard(2, 2, "member.joined bob")]
MESSAGES = [Heard(seq, seq, f"message.created client-{seq}") for seq in (3, 4, 5)]


def sent(seq: int) -> Sent:
    return Sent(id=f"id-{seq}", seq=seq, msg_no=seq - 2, created_at="2026-01-31T09:30:00.123Z")


@pytest.fixture
def ledger() -> Ledger:
    """Three messages of one person, all acknowledged, and heard by both."""
    ledger = Ledger()
    for seq in (3, 4, 5):
        ledger.sendings[f"client-{seq}"] = Sending(C, "ada")
        ledger.acknowledge(f"client-{seq}", sent(seq))
    for member in MEMBERS:
        ledger.streams[C, member] += JOINS + MESSAGES
    return ledger


@pytest.fixture
def record() -> Record:
    """What the suite shows of them."""
    history = [Kept(f"client-{seq}", f"id-{seq}", seq, seq - 2) for seq in (3, 4, 5)]
    return Record(history, JOINS + MESSAGES, MEMBERS)


def test_all_is_well(ledger, record):
    assert judge(ledger, {C: record}).good


def test_an_acknowledged_message_that_is_not_there_is_lost(ledger, record):
    verdict = judge(ledger, {C: replace(record, history=record.history[:-1])})
    assert (len(verdict.lost), verdict.doubled, verdict.holes) == (1, [], [])
    assert "client-5" in verdict.lost[0]


def test_a_message_at_another_place_than_was_promised_is_lost(ledger, record):
    ledger.acknowledge("client-5", sent(6))
    assert len(judge(ledger, {C: record}).lost) == 1


def test_a_message_in_another_conversation_is_lost(ledger, record):
    ledger.sendings["client-5"].conversation = "another"
    assert len(judge(ledger, {C: record}).lost) == 1


def test_a_send_that_was_never_acknowledged_counts_as_lost(ledger, record):
    ledger.sendings["client-6"] = Sending(C, "ada")
    assert judge(ledger, {C: record}).lost == ["client-6: never acknowledged"]


def test_a_send_that_was_refused_counts_as_lost(ledger, record):
    ledger.refused.append("client-6: forbidden")
    assert judge(ledger, {C: record}).lost == ["client-6: forbidden"]


def test_a_message_that_is_there_twice_is_doubled(ledger, record):
    again = Kept("client-5", "id-6", 6, 4)
    assert len(judge(ledger, {C: replace(record, history=[*record.history, again])}).doubled) == 1


def test_a_message_that_nobody_sent_is_doubled(ledger, record):
    strange = Kept("strange", "id-6", 6, 4)
    verdict = judge(ledger, {C: replace(record, history=[*record.history, strange])})
    assert verdict.doubled == ["strange: nobody sent it"]


def test_a_message_number_that_is_left_out_is_a_hole(ledger, record):
    history = [*record.history[:-1], record.history[-1]._replace(msg_no=9)]
    assert len(judge(ledger, {C: replace(record, history=history)}).holes) == 1


def test_a_position_that_the_log_leaves_out_is_a_hole(ledger, record):
    log = [one for one in record.log if one.seq != 4]
    assert f"{C}, the log: 4 to 4 are missing" in judge(ledger, {C: replace(record, log=log)}).holes


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (JOINS + MESSAGES[1:], "3 to 3 are missing"),
        ([*JOINS, *MESSAGES, MESSAGES[-1]], "5 came after 5"),
        ([*JOINS, MESSAGES[0], MESSAGES[2], MESSAGES[1]], "4 came after 5"),
        (JOINS + MESSAGES[:-1], "ends at 4, not at 5"),
        ([*JOINS, *MESSAGES[:-1], Heard(5, 5, "message.created another")], "where the log has"),
        ([], "ends at 0, not at 5"),
    ],
    ids=["a hole", "again", "out of order", "an early end", "another event", "nothing"],
)
def test_a_stream_that_differs_from_the_log_is_a_hole(ledger, record, stream, said):
    ledger.streams[C, "bob"] = stream
    verdict = judge(ledger, {C: record})
    assert verdict.holes
    assert any(said in hole for hole in verdict.holes)
    assert all(f"{C}, told to bob" in hole for hole in verdict.holes)


def test_a_skip_stands_for_all_that_it_covers(ledger, record):
    ledger.streams[C, "bob"] = [*JOINS, Heard(3, 4, "skip"), MESSAGES[-1]]
    assert judge(ledger, {C: record}).good
