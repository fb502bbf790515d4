"""What the mail says, and when it is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.devices.domain import software
from auth_service.federations.domain import public_name
from auth_service.mails.models import Mail
from auth_service.notices.models import NEW_DEVICE, Notice
from auth_service.user_pool.models import Account
from messenger_contracts.events.auth import (
    IdentityLinked,
    PasswordChanged,
    PasswordReset,
    RecoveryCodeUsed,
    TotpDisabled,
    TotpEnabled,
)

MOST_TRIES = 16
FIRST_PAUSE, LONGEST_PAUSE = 60, 6 * 3600
"""Seconds. The first is longer than sending takes: until it is over, no other worker sends the same mail."""


@dataclass(frozen=True)
class _Text:
    subject: str
    news: str
    steps: tuple[str, ...]
    """What to do if it was somebody else, in this order."""


_RESET = "Reset your password by a code to this address: that ends all sessions."
_LOOK = "Look at the devices that are signed in."
_TEXTS: Mapping[str, _Text] = {
    NEW_DEVICE: _Text(
        "New sign-in to your Messenger account",
        "somebody signed in to your account on a device that we had not seen with it before",
        ("Change your password: that ends all other sessions.", _LOOK),
    ),
    PasswordChanged.TYPE: _Text(
        "Your Messenger password was changed",
        "the password of your account was changed by somebody who was signed in and knew the old one",
        (_RESET, _LOOK),
    ),
    PasswordReset.TYPE: _Text(
        "Your Messenger password was reset",
        "the password of your account was reset by a code that we had mailed to you",
        ("See to it that nobody else can read your mail.", _RESET, _LOOK),
    ),
    TotpEnabled.TYPE: _Text(
        "Authenticator switched on for your Messenger account",
        "an authenticator was switched on for your account, and signing in takes its code from now on",
        (_RESET, _LOOK, "Ask those who run this Messenger to take the authenticator off."),
    ),
    TotpDisabled.TYPE: _Text(
        "Authenticator switched off for your Messenger account",
        "the authenticator of your account was switched off, and signing in takes no code from now on",
        (_RESET, _LOOK, "Switch your authenticator on again."),
    ),
    RecoveryCodeUsed.TYPE: _Text(
        "Recovery code used for your Messenger account",
        "a recovery code of your account was used in the place of your authenticator, and is good no more",
        (_RESET, _LOOK, "Set your authenticator up anew: that gives you other recovery codes."),
    ),
    IdentityLinked.TYPE: _Text(
        "New way to sign in to your Messenger account",
        "an account elsewhere that has your address was linked to yours, and signs in to it from now on",
        (
            "See to it that nobody else can read your mail, or use the account there.",
            "Ask those who run this Messenger to take the link off.",
            _RESET,
            _LOOK,
        ),
    ),
}


def pause_after(tries: int) -> int:
    """The seconds until a mail that was tried so often is tried again: all tries together take about two days."""
    return int(min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE))


def write(notice: Notice, account: Account) -> Mail:
    """The mail. Nothing in it is text that whoever did it could choose: it would be a letter of theirs.

    It has no link either: who never gets one from us does not follow a stranger's.
    """
    text = _TEXTS[notice.kind]
    steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(text.steps, 1))
    return Mail(
        to=account.email,
        subject=text.subject,
        text=f"""Hello {account.username},

{text.news}:

{_circumstances(notice)}

If it was you, there is nothing to do.

If it was not:

{steps}
""",
    )


def _circumstances(notice: Notice) -> str:
    facts = notice.facts
    known = {
        "device": software(facts["user_agent"]) if "user_agent" in facts else None,
        "provider": public_name(facts["provider"]).capitalize() if "provider" in facts else None,
        "codes left": facts.get("remaining"),
        "address": facts.get("address"),
        "network": facts.get("network"),
        "time": f"{notice.at:%Y-%m-%d %H:%M} UTC",
    }
    return "\n".join(f"  {label:<12}{fact}" for label, fact in known.items() if fact not in (None, ""))
