"""Takes secrets out of what is about to be written: the last line of defence, for what a library or a traceback says.

Our own code writes none in the first place; `tests/e2e/test_secrets_never_leak.py` looks at both.
"""

import re

REDACTED = "[redacted]"

_NAMES = (
    *("access_token", "authorization", "client_secret", "code", "code_verifier", "cookie", "device_token", "flow"),
    *("id_token", "new_password", "nonce", "old_password", "password", "recovery_code", "refresh_token", "secret"),
    *("secretstring", "session", "state", "ticket", "token"),
)
_ANY_NAME = "|".join(_NAMES)
_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # PASETO tokens, PASERK keys (their ids, k4.lid and k4.pid, are no secrets), JWTs
    (("v4.",), re.compile(r"\b(v4\.(?:local|public)\.)[\w-]+(?:\.[\w-]+)?"), rf"\1{REDACTED}"),
    (("k4.",), re.compile(r"\b(k4\.(?:local|secret)\.)[\w-]+"), rf"\1{REDACTED}"),
    (("eyj",), re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?"), REDACTED),
    # what stands in URLs: parameters, and the password of a database
    (("?", "&"), re.compile(rf"([?&](?:{_ANY_NAME})=)[^&\s\"'\\]+", re.IGNORECASE), rf"\1{REDACTED}"),
    (("://",), re.compile(r"(://[^:/\s@\"']*:)[^@/\s\"']+(?=@)"), rf"\1{REDACTED}"),
    # headers
    (("basic ", "bearer "), re.compile(r"\b((?:basic|bearer)\s+)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{REDACTED}"),
    # what stands in JSON and in Python's own notation
    (
        _NAMES,
        re.compile(rf"(\\?[\"'](?:{_ANY_NAME})\\?[\"']\s*[:=]\s*\\?[\"'])[^\"'\\]+", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
)
"""What each rule looks for, in small letters: only where that is, the rule itself is worth its time.

A name alone is looked for, without what stands around it: to look closer costs more than the rule does now and then.
"""


def redact(text: str) -> str:
    """The text without what looks like a secret."""
    lower = text.lower()
    for hints, pattern, replacement in _RULES:
        if any(map(lower.__contains__, hints)):
            text = pattern.sub(replacement, text)
    return text
