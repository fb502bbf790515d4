"""One try, as the store counts it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Try:
    """A try that was let through and counted: `key` is its count, `mark` what makes its network familiar.

    `cost` are the seconds until the next one, unless it is right.
    """

    key: str
    mark: str
    cost: int
