"""How a search is written, and what a row that it found looks like."""

from typing import Any, cast

from chat_service.log.domain import MessageColumns, to_message
from messenger_contracts.conversations import FoundMessage


def may_go_on(q: str) -> bool:
    """Whether the last word of a search may be the beginning of a longer one.

    It may not when it was finished by a space or a sign, stands in quotation marks, or is one that shall not be there.
    """
    return q[-1:].isalnum() and q.count('"') % 2 == 0 and not q.split()[-1].startswith("-")


def to_found(row: Any) -> FoundMessage:
    """The message of a row of `SearchRepository`."""
    return FoundMessage(message=to_message(cast("MessageColumns", row)), excerpt=row.excerpt)
