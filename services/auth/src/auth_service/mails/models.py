"""A mail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mail:
    """A letter in plain text."""

    to: str
    subject: str
    text: str
