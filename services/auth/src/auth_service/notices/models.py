"""The mark on the row of a session that its person has not been told of, and what the mail is made of."""

from dataclasses import dataclass

UNNOTICED = "unnoticed"
"""The attribute, and the sparse index that holds a row only while the attribute is there."""
DUE = "yes"
"""The attribute's one value."""


@dataclass(frozen=True)
class Notice:
    """A sign-in that a person is to hear of."""

    user_id: str
    session_id: str
    username: str
    user_agent: str
    address: str
    created_at: int
    """Unix seconds."""
    tries: int = 0
    """How often it was begun to be sent."""
    not_before: int = 0
    """When it may be tried again, in Unix seconds."""
