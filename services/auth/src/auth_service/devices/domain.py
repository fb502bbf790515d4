"""Which device is known to whom, and the plain name of its software.

Decision. What we know of a device, the device keeps itself: a sealed token that lists the people who have signed in
there. So no table of ours tells who shares a device with whom, nothing has to be erased with an account, and whoever
clears their cookies is forgotten. A device is new to a person whom its token does not name. The token is sealed anew at
every sign-in and renewal; one that was not used until its key was rotated away makes its device a new one.
"""

import re
from collections.abc import Iterable
from uuid import uuid4

from messenger_contracts.browsers import KnownDevice, login_mark

MOST_PEOPLE, MOST_LOGINS = 8, 16
MOST_AGENT = 256
"""Characters of a `User-Agent` that are kept."""

_PROGRAMS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\b(OPR|Opera)/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS|Chromium)/"),
    ("Safari", r"\bVersion/.*\bSafari/"),
    ("messengerctl", r"\bmessengerctl\b"),
)
"""In this order: most browsers name those too whose pages they can show."""
_SYSTEMS = (
    ("iPad", r"\biPad\b"),
    ("iPhone", r"\biPhone\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("Linux", r"\bLinux\b"),
)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}")


def new_device() -> KnownDevice:
    """A device that nobody has signed in on."""
    return KnownDevice(id=uuid4().hex)


def with_person(device: KnownDevice, user_id: str, logins: Iterable[str]) -> KnownDevice:
    """The device after a person signed in there by a login, which is one of those that are theirs."""
    marks = [login_mark(login) for login in logins]
    return KnownDevice(
        id=device.id,
        people=tuple(dict.fromkeys([user_id, *device.people]))[:MOST_PEOPLE],
        logins=tuple(dict.fromkeys([*marks, *device.logins]))[:MOST_LOGINS],
    )


def software(agent: str) -> str:
    """What a `User-Agent` says, for people: `Firefox on Windows`. Never more of its text than one plain word."""
    program, system = _first(_PROGRAMS, agent), _first(_SYSTEMS, agent)
    if program is None and not agent.startswith("Mozilla/") and (product := _PRODUCT.match(agent)):
        program = product[0]
    return " on ".join(filter(None, (program, system))) or "an unknown program"


def _first(names: Iterable[tuple[str, str]], agent: str) -> str | None:
    return next((name for name, pattern in names if re.search(pattern, agent)), None)
