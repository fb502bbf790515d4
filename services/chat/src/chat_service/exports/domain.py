"""Where in an export one is. No I/O."""

import re
from typing import NamedTuple
from uuid import UUID

from chat_service.conversations.errors import invalid

_CURSOR = re.compile(r"(\d{1,2}):([0-9a-f-]{36}):(-?\d{1,18})")


class Place(NamedTuple):
    """Behind which row of which kind an export goes on."""

    kind: int = 0
    conversation_id: UUID = UUID(int=0)
    seq: int = -1

    @property
    def cursor(self) -> str:
        """The place as auth gives it back. It is not signed: none but our own services may ask."""
        return f"{self.kind}:{self.conversation_id}:{self.seq}"


def parse_place(cursor: str | None, kinds: int) -> Place:
    """The place of a cursor; raises `ValidationFailed` for what is none."""
    if cursor is None:
        return Place()
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[1]) >= kinds:
        raise invalid("query/cursor", "is not one of this list's cursors")
    try:
        return Place(int(found[1]), UUID(found[2]), int(found[3]))
    except ValueError as error:
        raise invalid("query/cursor", "is not one of this list's cursors") from error
