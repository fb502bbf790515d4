"""Logs that a machine can follow, and traces that are decided once."""

import json
import logging
import sys

import pytest

from servicekit.telemetry import JsonFormatter, Sampler, Tracing, current_trace_id, current_traceparent, inject_trace

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    """A logger whose lines `_line` reads."""
    caplog.handler.setFormatter(JsonFormatter("tiny"))
    caplog.set_level(logging.INFO)
    return logging.getLogger("things")


def _line(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    line: dict[str, object] = json.loads(caplog.text)
    return line


def test_a_line_has_the_trace_it_was_written_in(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    with Tracing(0.0).work("test", f"00-{TRACE_ID}-b7ad6b7169203331-00"):
        log.info("hello %s", "Ann", extra={"count": 3})

    line = _line(caplog)
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "service": "tiny",
        "logger": "things",
        "message": "hello Ann",
        "trace_id": TRACE_ID,
        "count": 3,
    }


def test_a_line_outside_any_trace_says_so(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    log.info("hello")

    assert _line(caplog)["trace_id"] is None


def test_a_failure_is_one_line_with_its_traceback(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("of this kind")
    except ValueError:
        log.exception("it failed")

    assert "ValueError: of this kind" in str(_line(caplog)["exception"])


def test_what_json_does_not_know_is_written_as_text(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    log.info("odd", extra={"what": sys})

    assert "module 'sys'" in str(_line(caplog)["what"])


def test_work_without_a_trace_starts_one_and_ends_it() -> None:
    with Tracing(0.0).work("test", None):
        assert len(current_trace_id()) == 32

    assert current_trace_id() == ""


def test_two_pieces_of_work_are_two_traces() -> None:
    tracing = Tracing(0.0)
    with tracing.work("one", None):
        first = current_trace_id()
    with tracing.work("two", None):
        assert current_trace_id() != first


@pytest.mark.parametrize("flag", ["00", "01"])
def test_the_decision_that_came_is_passed_on(flag: str) -> None:
    with Tracing(0.0).work("test", f"00-{TRACE_ID}-b7ad6b7169203331-{flag}"):
        headers: dict[str, str] = {}
        inject_trace(headers)

    assert headers["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert headers["traceparent"].endswith(f"-{flag}")


@pytest.mark.parametrize(("ratio", "flag"), [(0.0, "00"), (1.0, "01")])
def test_the_ratio_decides_where_a_trace_starts(ratio: float, flag: str) -> None:
    with Tracing(ratio).work("test", None):
        assert str(current_traceparent()).endswith(f"-{flag}")


def test_a_sampler_takes_its_part_of_even_traces() -> None:
    taken = sum(Sampler(0.25).takes(number << 54) for number in range(1024))

    assert taken == 256
