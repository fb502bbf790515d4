"""What the routes of members take and give."""

from pydantic import Field

from chat_service.lifecycles.schemas import MOST_AT_ONCE
from messenger_contracts.commands import UserId
from messenger_contracts.conversations import Role
from messenger_contracts.shapes import Request, Shape


class MemberPut(Request):
    """The role that a person shall have. Without one a new member is a `member`, and another's role stays."""

    role: Role | None = None


class MembersPut(Request):
    """People who shall be members."""

    user_ids: list[UserId] = Field(min_length=1, max_length=MOST_AT_ONCE)


class MembersAdded(Shape):
    """Who has come into a group."""

    added: list[str] = Field(description="Those who were not in it before")
    member_count: int
