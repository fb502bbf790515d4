"""Recovery codes, and the authenticator's own."""

import re

import pytest

from auth_service.recovery_codes.domain import HOW_MANY, is_recovery_code, key_of, mark_of, new_codes, totp

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""RFC 6238, appendix B: the ASCII string 12345678901234567890."""


@pytest.mark.parametrize(
    ("now", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_the_codes_of_rfc_6238(now, code):
    assert totp(SECRET, now) == code
    assert totp(SECRET.lower(), now) == code


def test_a_secret_needs_no_padding():
    assert totp("JBSWY3DPEB", 0) == totp("JBSWY3DPEB======", 0)


def test_codes_are_many_different_and_readable():
    codes = new_codes()
    assert len(set(codes)) == HOW_MANY
    assert all(re.fullmatch("[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) and is_recovery_code(code) for code in codes)
    assert not is_recovery_code("123456")


def test_a_code_is_known_however_it_is_typed():
    assert (
        len({mark_of("ada", code) for code in ("abcd-efgh-ijkl-mnop", "ABCD EFGH ijkl MNOP", "abcdefghijklmnop")}) == 1
    )


def test_marks_and_keys_tell_nothing_of_each_other():
    code = new_codes()[0]
    assert mark_of("ada", code) not in key_of("ada", code).hex()
    assert mark_of("ada", code) != mark_of("bob", code)
    assert key_of("ada", code) != key_of("bob", code)
    assert len(key_of("ada", code)) == 32
