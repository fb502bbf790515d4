"""What every shape has in common: strict about what comes in, complete in what goes out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from messenger_contracts.shapes import Request, Shape, Timestamp, format_timestamp

TIMESTAMP = TypeAdapter[datetime](Timestamp)


class Sent(Shape):
    """Something we send."""

    name: str
    nick: str | None = None


class Received(Request):
    """Something we are sent."""

    name: str
    size: int = 0
    at: Timestamp | None = None


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 1, 31, 9, 30, 0, 123456, UTC), "2026-01-31T09:30:00.123Z"),
        (datetime(2026, 1, 31, 9, 30, 0, 999, UTC), "2026-01-31T09:30:00.000Z"),
        (datetime(2026, 1, 31, 9, 30), "2026-01-31T09:30:00.000Z"),  # noqa: DTZ001 - the case that is meant
        (datetime(2026, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-31T07:30:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_timestamp_is_utc_with_milliseconds(instant: datetime, text: str) -> None:
    assert format_timestamp(instant) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_timestamp_loses_nothing_but_microseconds(instant: datetime) -> None:
    read = TIMESTAMP.validate_json(TIMESTAMP.dump_json(instant))

    assert read == instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    assert read.tzinfo is UTC or read.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
def test_a_time_that_utc_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        TIMESTAMP.validate_python(text)


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31T09:30:00", "2026-01-31T09:30Z", "2026-01-31T09:30:00 02:00", "2026-W05-6"]
)
def test_a_time_is_told_to_the_second_and_with_its_offset(text: str) -> None:
    with pytest.raises(ValidationError, match="RFC 3339"):
        TIMESTAMP.validate_python(text)


@pytest.mark.parametrize("number", ["2020", " 2020 ", "-1", "1.5", 2020, 1.5, True])
def test_a_number_is_no_time(number: object) -> None:
    with pytest.raises(ValidationError, match="RFC 3339"):
        TIMESTAMP.validate_python(number)


def test_a_missing_optional_is_null_and_never_absent() -> None:
    assert Sent(name="Ann").model_dump_json() == '{"name":"Ann","nick":null}'


def test_a_reader_ignores_what_it_does_not_know() -> None:
    assert Sent.model_validate({"name": "Ann", "colour": "red"}) == Sent(name="Ann")


def test_a_sender_hears_of_what_we_do_not_know() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Received.model_validate({"name": "Ann", "colour": "red"})


@pytest.mark.parametrize("size", [True, "3", 3.5])
def test_a_number_is_asked_for_as_a_number(size: object) -> None:
    with pytest.raises(ValidationError, match="size"):
        Received.model_validate({"name": "Ann", "size": size})


def test_a_time_is_asked_for_as_text() -> None:
    received = Received.model_validate({"name": "Ann", "at": "2026-01-31T09:30:00+02:00"})

    assert received.at == datetime(2026, 1, 31, 7, 30, tzinfo=UTC)


def test_shapes_do_not_change() -> None:
    sent = Sent(name="Ann")

    with pytest.raises(ValidationError, match="frozen"):
        sent.__setattr__("name", "Bob")
