"""What a recovery code is, and what we keep of one.

Decision. Cognito knows no recovery codes, and gives tokens to nobody who does not answer its challenge. Turning the
challenge off for a moment would open a door, and would need the password once more. So a recovery code opens the
authenticator's secret, with which we answer in the person's place: the secret lies sealed under each code, and a code
that was used is removed with what it opened. We keep a hash to find the code by and the sealed secret; neither a copy
of the table nor all of our keys give a code or the secret. A code has 80 bits, which need no slow hash.

That is why new codes come with a new authenticator secret: we cannot read the old one, to seal it again.
"""

import base64
import hashlib
import hmac
import secrets
import struct

HOW_MANY = 10
STEP_SECONDS = 30
_BYTES = 10
_GROUP = 4
_DIGITS = 6


def new_codes() -> list[str]:
    """Codes as people write them down: `abcd-efgh-ijkl-mnop`."""
    plain = [base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower() for _ in range(HOW_MANY)]
    return ["-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP)) for code in plain]


def is_recovery_code(code: str) -> bool:
    """Whether it is one by its shape; authenticators show six digits."""
    return not code.isdecimal()


def mark_of(user_id: str, code: str) -> str:
    """What a code is found by."""
    return _derive(user_id, code, "mark").hex()[:32]


def key_of(user_id: str, code: str) -> bytes:
    """The key of 32 bytes that a code stands for."""
    return _derive(user_id, code, "key")


def totp(secret: str, now: float) -> str:
    """The code that an authenticator shows (RFC 6238, with Cognito's parameters: SHA-1, 30 seconds, six digits)."""
    counter = struct.pack(">Q", int(now // STEP_SECONDS))
    digest = hmac.digest(base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True), counter, hashlib.sha1)
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return str((number & 0x7FFFFFFF) % 10**_DIGITS).zfill(_DIGITS)


def shows(secret: str, code: str, now: float) -> bool:
    """Whether an authenticator with this secret shows the code, by a clock that may be half a minute off."""
    return any(hmac.compare_digest(totp(secret, now + late * STEP_SECONDS), code) for late in (-1, 0, 1))


def _derive(user_id: str, code: str, purpose: str) -> bytes:
    """The code counts as it is read out: without capitals, dashes and spaces."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.blake2b(f"{user_id}\n{plain}".encode(), digest_size=32, person=purpose.encode()).digest()
