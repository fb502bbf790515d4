"""Texts, ids and chunks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from notification_service.notifications.domain import BODY_LENGTH, CHUNK, chunks, notification_id, of_message, shorten

AT = datetime(2026, 1, 31, 9, 30, 0, 123_456, tzinfo=UTC)
times = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def test_an_id_is_a_uuid_of_version_7_with_the_events_milliseconds():
    found = UUID(notification_id("event", AT, "bob"))
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == int(datetime(2026, 1, 31, 9, 30, tzinfo=UTC).timestamp()) * 1000 + 123


def test_a_second_delivery_has_the_same_id():
    assert notification_id("event", AT, "bob") == notification_id("event", AT, "bob")


def test_another_event_or_another_person_has_another_id():
    ids = {notification_id(event, AT, user) for event in ("a", "ab") for user in ("bc", "c")}
    assert len(ids) == 4


@given(times, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9999)), st.text(), st.text())
def test_ids_sort_by_the_events_time(at, later, event, user):
    assert notification_id(event, at, user) < notification_id(user, at + later, event)


def test_a_short_text_stays_and_its_lines_are_joined():
    assert shorten("one\ntwo\t three ") == "one two three"


def test_a_long_text_is_cut_after_a_word():
    found = shorten("lorem ipsum " * 30)
    assert found.endswith(("lorem…", "ipsum…"))
    assert len(found) <= BODY_LENGTH


def test_a_word_that_fills_the_body_is_cut_within():
    assert shorten("a " + "x" * 500) == "a " + "x" * (BODY_LENGTH - 3) + "…"


@given(st.text(max_size=600), st.integers(2, 200))
def test_a_body_is_the_beginning_of_the_text_and_within_the_length(text, length):
    found = shorten(text, length)
    assert len(found) <= length
    line = " ".join(text.split())
    assert found == line or line.startswith(found.removesuffix("…"))


def test_a_message_says_who_what_and_where(message_created):
    event = message_created("user-bob", text="hi there", seq=42)
    found = of_message(event, "user-bob")
    assert (found.kind, found.title, found.body, found.actor) == ("message", "alice", "hi there", "user-alice")
    assert found.group_key == f"conversation:{event.data.conversation_id}"
    assert found.subject.model_dump() == {
        "type": "message",
        "id": event.data.message.id,
        "c": event.data.conversation_id,
        "seq": 42,
    }
    assert (found.read, found.created_at) == (False, event.time)


def test_a_message_without_text_has_an_empty_body(message_created):
    assert of_message(message_created("user-bob", text=None), "user-bob").body == ""


def test_many_recipients_are_cut_into_chunks_with_their_own_ledger_entries(message_created):
    event = message_created(*(f"user-{number}" for number in range(2 * CHUNK + 1)))
    found = list(chunks(event))
    assert [chunk.ledger_id for chunk in found] == [event.id, f"{event.id}#1", f"{event.id}#2"]
    assert [len(chunk.notifications) for chunk in found] == [CHUNK, CHUNK, 1]


def test_a_recipient_named_twice_is_told_once(message_created):
    (chunk,) = chunks(message_created("user-bob", "user-bob"))
    assert list(chunk.notifications) == ["user-bob"]


def test_an_event_without_recipients_still_stands_in_the_ledger(message_created):
    event = message_created()
    assert [(chunk.ledger_id, chunk.notifications) for chunk in chunks(event)] == [(event.id, {})]
