"""Rules of who may do what to whom in a group, without I/O."""

import re
from typing import Any

from chat_service.conversations.domain import ADMIN, MEMBER, OWNER, RANKS, require_role
from chat_service.members.errors import MemberNotFound
from messenger_contracts.conversations import Member, Role

_USER_ID = re.compile(r"[\x21-\x7e]{1,128}")


def parse_user_id(user_id: str) -> str:
    """An id that may be a person's; raises `MemberNotFound` for anything else."""
    if not _USER_ID.fullmatch(user_id):
        raise MemberNotFound
    return user_id


def require_may_add(actor: Any, role: Role) -> None:
    """Admins take people in; only owners give them more than the role `member`."""
    require_role(actor, ADMIN if role == MEMBER else OWNER)


def require_may_set(actor: Any, before: Role, role: Role, *, own: bool) -> None:
    """Owners change any role; everybody may step down. What stays as it is takes an admin, as adding does."""
    if own and RANKS[role] <= RANKS[before]:
        return
    require_role(actor, ADMIN if role == before else OWNER)


def require_may_remove(actor: Any, role: Role) -> None:
    """Admins remove members, owners remove anybody."""
    require_role(actor, ADMIN if role == MEMBER else OWNER)


def to_member(row: Any) -> Member:
    """The member of a row of `MemberRepository`."""
    return Member(user_id=row.user_id, username=row.username, role=row.role, joined_at=row.joined_at)


def told(user_id: str, username: str, role: Role) -> dict[str, str]:
    """The data of every event of members."""
    return {"user_id": user_id, "username": username, "role": role}
