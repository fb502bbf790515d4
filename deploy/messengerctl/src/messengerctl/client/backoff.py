"""How long to wait before trying again: exponential, with full jitter, so that many clients do not come back as one.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import random
from dataclasses import dataclass


@dataclass
class Backoff:
    """A series of pauses in seconds."""

    first: float = 0.1
    longest: float = 5.0
    failures: int = 0

    def next(self) -> float:
        """The pause after one more failure."""
        bound = min(self.longest, self.first * 2**self.failures)
        self.failures = min(self.failures + 1, 32)
        return random.uniform(0, bound)  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Begin anew, after a success."""
        self.failures = 0
