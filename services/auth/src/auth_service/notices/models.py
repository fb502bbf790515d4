"""The mark on a row that its person has not been told of, and what the mail is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNNOTICED = "unnoticed"
"""The attribute, and the sparse index that holds a row only while the attribute is there."""
DUE = "yes"
"""The attribute's one value."""
NEW_DEVICE = "new device"
"""The one kind of news that the row of a session tells."""


@dataclass(frozen=True)
class Notice:
    """What a person is to hear of."""

    user_id: str
    place: str
    """Which of the person's rows it is."""
    kind: str
    """`NEW_DEVICE`, or the type of a security event."""
    at: datetime
    facts: Mapping[str, Any]
    """What the row tells besides."""
    tries: int = 0
    """How often it was begun to be sent."""
