"""What is written is readable, and no secret is in it."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.redaction import REDACTED, redact
from servicekit.telemetry import JsonFormatter, TextFormatter

SECRET = "Zm9vYmFy-c2VjcmV0_0123456789"


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}",
        f"cookie: __Host-session=v4.local.{SECRET}.{SECRET}; other=1",
        f"the key k4.local.{SECRET} and k4.secret.{SECRET}",
        f"eyJhbGciOiJSUzI1NiJ9.{SECRET}.{SECRET}",
        f'127.0.0.1:1 - "WebSocket /v1/realtime?ticket={SECRET}" [accepted]',
        f"GET /v1/auth/oidc/callback?code={SECRET}&state={SECRET}",
        f"postgresql+asyncpg://chat:{SECRET}@127.0.0.1:5432/chat",
        f"redis://:{SECRET}@cache:6379/0",
        json.dumps({"login": "ada", "password": SECRET, "new_password": SECRET}),
        json.dumps(json.dumps({"refresh_token": SECRET})),
        repr({"SecretString": SECRET, "client_secret": SECRET}),
        f"input_value={{'code': '{SECRET}'}}",
    ],
)
def test_a_secret_is_taken_out(line):
    assert SECRET not in redact(line)
    assert REDACTED in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "access: GET /v1/conversations 200",
        "the key k4.lid.abcdefghijklmnop is not known",
        "GET /v1/search/messages?q=password",
        "http://127.0.0.1:8080/v1/auth/password/reset",
        "postgresql://127.0.0.1:5432/chat",
        "createSecret of messenger-local-auth-session",
        '{"code": 401, "status": "unauthenticated"}',
    ],
)
def test_what_is_none_stays(line):
    assert redact(line) == line


@given(st.dictionaries(st.sampled_from(["password", "note", "ticket", "path"]), st.text()))
def test_a_line_of_json_stays_one(fields):
    json.loads(redact(json.dumps(fields)))


@pytest.mark.parametrize("formatter", [JsonFormatter("tiny"), TextFormatter()])
def test_both_kinds_of_lines_are_redacted_tracebacks_included(formatter):
    try:
        raise ValueError(f"Bearer {SECRET}")
    except ValueError as error:
        record = logging.getLogger("tiny").makeRecord(
            "tiny", logging.ERROR, "f", 1, "?ticket=%s", (SECRET,), (type(error), error, error.__traceback__)
        )
    written = formatter.format(record)
    assert SECRET not in written
    assert "ValueError" in written
