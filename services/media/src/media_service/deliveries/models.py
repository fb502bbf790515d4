"""What a signer is asked for."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which the same file has the same URL, so that caches hit. In Unix seconds."""

    start: int
    expires: int

    @classmethod
    def of(cls, now: float, seconds: int) -> "Window":
        """The window of an instant: a URL made in it is good for one to two windows."""
        start = int(now) // seconds * seconds
        return cls(start, start + 2 * seconds)

    @property
    def seconds(self) -> int:
        """How long a URL is good, from the start of the window."""
        return self.expires - self.start


class Signer(Protocol):
    """Makes URLs that may be fetched, in part too, until their window is over."""

    async def url(self, key: str, window: Window) -> str:
        """The URL of an object: within one window always the same."""
        ...
