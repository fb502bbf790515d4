"""What can go wrong with the life of a conversation."""

from chat_service.conversations.errors import invalid
from servicekit.errors import ValidationFailed


def too_many(limit: int) -> ValidationFailed:
    """More people than a group may have."""
    return invalid("/member_ids", f"a group has at most {limit} members, with the caller")
