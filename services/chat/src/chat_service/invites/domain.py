"""What an invite looks like, without I/O."""

import re
import secrets
from typing import Any

from chat_service.invites.errors import InviteNotFound
from messenger_contracts.conversations import Invite

CODE_BYTES = 16
"""128 bits: nobody guesses one."""
_CODE = re.compile(r"[A-Za-z0-9_-]{22}")


def new_code() -> str:
    """A code that nobody has seen."""
    return secrets.token_urlsafe(CODE_BYTES)


def parse_code(code: str) -> str:
    """A code that may be one; raises `InviteNotFound`."""
    if not _CODE.fullmatch(code):
        raise InviteNotFound
    return code


def to_invite(row: Any) -> Invite:
    """The invite of a row of `InviteRepository`."""
    return Invite(
        code=row.code,
        conversation_id=str(row.conversation_id),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        max_uses=row.max_uses,
        uses=row.uses,
    )
