"""The e-mails that a local suite sent: the emulator keeps them, which a real mail service of course does not."""

import re
import time
from dataclasses import dataclass

import httpx

from messengerctl.suite import Suite, until

_CODE = re.compile(r"\b(\d{6})\b")


@dataclass(frozen=True)
class Mail:
    """One e-mail; `sent_at` is a Unix second."""

    to: tuple[str, ...]
    subject: str
    text: str
    sent_at: float

    @property
    def code(self) -> str | None:
        """The six digits in it."""
        found = _CODE.search(self.text)
        return found[1] if found else None


def read_mail(suite: Suite, address: str) -> list[Mail]:
    """Return the e-mails to an address, oldest first."""
    answer = httpx.get(f"{suite.state.addresses['AWS_ENDPOINT_URL']}/_ministack/ses/messages", timeout=10)
    answer.raise_for_status()
    mails = [
        Mail(tuple(kept["To"]), kept["Subject"], kept["BodyText"] or kept["BodyHtml"] or "", kept["Timestamp"])
        for account in answer.json()["messages"].values()
        for kept in account
    ]
    wanted = [mail for mail in mails if address.casefold() in map(str.casefold, mail.to)]
    return sorted(wanted, key=lambda mail: mail.sent_at)


async def await_mail(
    suite: Suite, address: str, *, after: float = 0.0, seconds: float = 30.0, with_code: bool = False
) -> Mail:
    """Return the newest e-mail to an address that was sent after an instant, as soon as there is one."""
    found: list[Mail] = []

    def arrived() -> bool:
        mails = read_mail(suite, address)
        found[:] = [mail for mail in mails if mail.sent_at > after and (mail.code or not with_code)]
        return bool(found)

    await until(arrived, f"no mail to {address} came", seconds)
    return found[-1]


async def await_code(suite: Suite, address: str) -> str:
    """Return the code in the newest e-mail to an address that holds one: other mails may come in between."""
    return str((await await_mail(suite, address, after=time.time() - 60, with_code=True)).code)
