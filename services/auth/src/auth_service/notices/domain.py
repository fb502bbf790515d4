"""What the mail says, and when it is tried again."""

from datetime import UTC, datetime

from auth_service.devices.domain import software
from auth_service.mails.models import Mail
from auth_service.notices.models import Notice

MOST_TRIES = 16
FIRST_PAUSE, LONGEST_PAUSE = 60, 6 * 3600
"""Seconds. The first is longer than sending takes: until it is over, no other worker sends the same mail."""


def pause_after(tries: int) -> int:
    """The seconds until a mail that was tried so often is tried again: all tries together take about two days."""
    return int(min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE))


def write(notice: Notice, to: str) -> Mail:
    """The mail. Nothing in it is text that whoever signed in could choose: it would be a letter of theirs."""
    at = datetime.fromtimestamp(notice.created_at, UTC)
    return Mail(
        to=to,
        subject="New sign-in to your Messenger account",
        text=f"""Hello {notice.username},

somebody signed in to your account on a device that we had not seen with it before:

  device   {software(notice.user_agent)}
  address  {notice.address or "unknown"}
  time     {at:%Y-%m-%d %H:%M} UTC

If it was you, there is nothing to do.

If it was not, change your password: that ends all other sessions. Then look at the devices that are signed in.
""",
    )
