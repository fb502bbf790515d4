"""How long a wrong try costs.

Decision. Tries are counted for each login as it was typed, whether or not it is anybody's, so that a lock tells nobody
who has an account. An account has two logins, its name and its address, hence twice the tries: ten, and two hundred
more a day. To join the two would tell who has an account, however it were looked up: lock a username, which is public,
then try an address, and a 429 in the place of a 401 says that the address is that account's. Only a lock that nobody
sees would not tell, one that calls a right password wrong; people would believe it, and so lose more than strangers
win by the second five. Three things keep a stranger from locking a person out for ever:

- the delay ends at `longest`, and a day without tries forgets them all;
- networks from which the login was used with success have a count of their own, which strangers elsewhere do not move;
- a password reset, which takes the mail and not the password, forgets the wrong tries.
"""

import hashlib
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

MEMORY_SECONDS = 24 * 3600
FAMILIAR_SECONDS = 30 * 24 * 3600
"""How long a network is remembered after a success: as long as a sign-in lasts."""
_PREFIXES = {4: 24, 6: 48}
"""What one subscriber tends to stay in while single addresses change."""


@dataclass(frozen=True)
class Delays:
    """What a kind of try costs: nothing up to `free`, then `first` seconds, and twice as much each time."""

    kind: str
    free: int
    first: int
    longest: int

    def after(self, tries: int) -> int:
        """The seconds until the next try after so many."""
        return 0 if tries < self.free else min(self.longest, self.first * 2 ** min(tries - self.free, 32))


PASSWORD = Delays("password", free=5, first=5, longest=900)
CODE = Delays("code", free=5, first=5, longest=900)
"""Authenticator codes, recovery codes and mailed codes: six digits bear five tries and a hundred more a day."""
PROOF = Delays("proof", free=5, first=600, longest=600)
"""Codes for one proof of an address: five, because the next would have to wait for longer than the proof is good."""
MAIL = Delays("mail", free=1, first=30, longest=3600)
"""Mails that anybody may ask for."""


def subject_of(login: str) -> str:
    """What a login is counted under: nobody who looks into the store reads addresses there."""
    return hashlib.sha256(login.encode()).hexdigest()[:32]


def network_of(address: str) -> str:
    """The network of a client's address; empty when it is none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((parsed, _PREFIXES[parsed.version]), strict=False))
