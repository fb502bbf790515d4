"""What auth publishes: the security events of accounts, and the wish of a person to be forgotten.

`subject` is the person; of an event about who is not signed in, the login's pseudonym; of a key, its purpose.

No event carries a secret, an e-mail address or a full network address. A login that somebody tried may be an address,
or a password typed into the wrong field: of it there is a keyed hash alone, which tells two tries of one login from
those of two, and which nobody can turn back by trying names. Of the network there is the /24 of IPv4 or the /48 of
IPv6: enough to see that a sign-in came from elsewhere, too little to say from which house.
"""

import hashlib
import hmac
from abc import abstractmethod
from typing import ClassVar, Literal

from pydantic import Field

from messenger_contracts.envelope import EventData
from messenger_contracts.shapes import Timestamp

SignInMethod = Literal["password", "totp", "recovery_code", "oidc"]
SessionEnd = Literal["signed_out", "revoked", "replayed", "password_changed", "refused", "erased"]
"""`refused`: the user pool does not renew it any more."""
Network = str | None


def login_pepper(client_secret: str) -> bytes:
    """The key of the logins' hashes, from the secret of the user pool's client; it lasts as long as that does."""
    return hmac.digest(client_secret.encode(), b"pepper", hashlib.sha256)


def login_pseudonym(pepper: bytes, login: str) -> str:
    """What stands for a login that somebody tried: the same for the same login, and no way back."""
    return hmac.digest(pepper, b"login:" + login.encode(), hashlib.sha256)[:16].hex()


class SecurityEvent(EventData):
    """What every one of them may tell."""

    network: Network = Field(None, description="From where it was asked for: a /24 of IPv4, a /48 of IPv6")

    @property
    @abstractmethod
    def concerns(self) -> str:
        """Whom, or what, it is about: the `subject`."""


class AccountEvent(SecurityEvent):
    """What happened to the account of a person."""

    user_id: str

    @property
    def concerns(self) -> str:
        """The person."""
        return self.user_id


class LoginEvent(SecurityEvent):
    """What happened at the door, where nobody knows yet who is there."""

    login: str = Field(description="A keyed hash of the login that was tried")

    @property
    def concerns(self) -> str:
        """The login's pseudonym."""
        return self.login


class AccountCreated(AccountEvent):
    """Somebody signed up; the address is not verified."""

    TYPE: ClassVar[str] = "auth.account.created.v1"

    username: str


class AccountVerified(AccountEvent):
    """The account's address was verified: from now on there is a person."""

    TYPE: ClassVar[str] = "auth.account.verified.v1"

    username: str


class AccountLocked(LoginEvent):
    """Too many wrong secrets were tried: the login is refused for a while."""

    TYPE: ClassVar[str] = "auth.account.locked.v1"

    until: Timestamp


class SignInFailed(LoginEvent):
    """A sign-in was refused, whether or not there is such an account."""

    TYPE: ClassVar[str] = "auth.sign_in.failed.v1"

    method: SignInMethod


class SessionStarted(AccountEvent):
    """A person signed in."""

    TYPE: ClassVar[str] = "auth.session.started.v1"

    session_id: str
    method: SignInMethod
    new_device: bool = Field(description="Whether the account has not been seen on the device before")


class SessionEnded(AccountEvent):
    """A session is over."""

    TYPE: ClassVar[str] = "auth.session.ended.v1"

    session_id: str
    reason: SessionEnd


class RefreshTokenReplayed(AccountEvent):
    """A refresh token that had been replaced was used again: two hold it, and one of them is a thief."""

    TYPE: ClassVar[str] = "auth.refresh_token.replayed.v1"

    session_id: str


class PasswordChanged(AccountEvent):
    """A person who is signed in has chosen another password."""

    TYPE: ClassVar[str] = "auth.password.changed.v1"


class PasswordReset(AccountEvent):
    """A person who can read the account's mail has chosen another password."""

    TYPE: ClassVar[str] = "auth.password.reset.v1"


class TotpEnabled(AccountEvent):
    """Signing in takes a code from now on."""

    TYPE: ClassVar[str] = "auth.totp.enabled.v1"


class TotpDisabled(AccountEvent):
    """Signing in takes no code any more."""

    TYPE: ClassVar[str] = "auth.totp.disabled.v1"


class RecoveryCodeUsed(AccountEvent):
    """One of the codes for a lost device was used."""

    TYPE: ClassVar[str] = "auth.recovery_code.used.v1"

    remaining: int


class IdentityLinked(AccountEvent):
    """An account elsewhere opens this one too."""

    TYPE: ClassVar[str] = "auth.identity.linked.v1"

    provider: str


class ExportRequested(AccountEvent):
    """A person asked for a copy of everything that is kept about them."""

    TYPE: ClassVar[str] = "auth.export.requested.v1"

    job: str


class ExportReady(AccountEvent):
    """The copy can be fetched."""

    TYPE: ClassVar[str] = "auth.export.ready.v1"

    job: str


class ErasureRequested(AccountEvent):
    """A person asked to be forgotten: every service erases what it keeps of them.

    It is said again, under another id, while a service still has something. To erase what is not there is harmless.
    """

    TYPE: ClassVar[str] = "auth.account.erasure_requested.v1"

    erasure: str


class AccountErased(AccountEvent):
    """Nothing is left of a person but tombstones."""

    TYPE: ClassVar[str] = "auth.account.erased.v1"

    erasure: str


class KeyRotated(SecurityEvent):
    """A key has a successor."""

    TYPE: ClassVar[str] = "auth.key.rotated.v1"

    purpose: str = Field(description="The secret's name without the environment's prefix")
    version: str = Field(description="The id of the new version in Secrets Manager")

    @property
    def concerns(self) -> str:
        """What the key is for."""
        return self.purpose


EVENTS: tuple[type[SecurityEvent], ...] = (
    AccountCreated,
    AccountVerified,
    AccountLocked,
    SignInFailed,
    SessionStarted,
    SessionEnded,
    RefreshTokenReplayed,
    PasswordChanged,
    PasswordReset,
    TotpEnabled,
    TotpDisabled,
    RecoveryCodeUsed,
    IdentityLinked,
    ExportRequested,
    ExportReady,
    ErasureRequested,
    AccountErased,
    KeyRotated,
)
