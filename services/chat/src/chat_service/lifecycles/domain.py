"""Rules of beginning and changing conversations, without I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

from chat_service.conversations.errors import invalid


def require_others(caller: str, member_ids: Sequence[str]) -> None:
    """Refuse a list that names the caller, or anybody twice: raises `ValidationFailed`."""
    seen: set[str] = set()
    for place, user_id in enumerate(member_ids):
        if user_id == caller:
            raise invalid(f"/member_ids/{place}", "must be somebody else")
        if user_id in seen:
            raise invalid(f"/member_ids/{place}", "is named twice")
        seen.add(user_id)


def face(head: Any) -> dict[str, Any]:
    """What members can change of a group, as it is, and who gave it its picture."""
    return {"title": head.title, "avatar": head.avatar, "avatar_by": head.avatar_by, "history": head.history}


def changed(present: Mapping[str, Any], wish: Mapping[str, Any], by: str) -> dict[str, Any]:
    """The face of a group after somebody's wish. A picture that stays remains that of who gave it."""
    wanted = {**present, **wish}
    if wanted["avatar"] != present["avatar"]:
        wanted["avatar_by"] = wanted["avatar"] and by
    return wanted


def updated(shown: Mapping[str, Any], *, deleted: bool = False, cleared: bool = False) -> dict[str, Any]:
    """The data of `conversation.updated`: all of what can change, however little did."""
    return {**shown, "deleted": deleted, "cleared": cleared}
