"""What the routes of a conversation's life take."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from messenger_contracts.commands import UUID_PATTERN, UserId
from messenger_contracts.conversations import History
from messenger_contracts.shapes import Request
from messenger_contracts.texts import one_line

MOST_AT_ONCE = 1000
"""People who come into a group by one request."""

Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Avatar = Annotated[str, Field(pattern=UUID_PATTERN, description="The media id of its picture")]


class DirectCreate(Request):
    """With whom the caller wants to talk."""

    kind: Literal["direct"]
    member_ids: list[UserId] = Field(min_length=1, max_length=1, description="The other person")


class GroupCreate(Request):
    """Whom the caller wants to bring together. The caller is the owner of the group."""

    kind: Literal["group"]
    member_ids: list[UserId] = Field([], max_length=MOST_AT_ONCE, description="The others; more can be added later")
    title: Title | None = None
    avatar: Avatar | None = None
    history: History = "joined"


ConversationCreate = Annotated[DirectCreate | GroupCreate, Field(discriminator="kind")]


class ConversationPatch(Request):
    """What shall change. What is left out stays; null takes a title or a picture away."""

    title: Title | None = None
    avatar: Avatar | None = None
    history: History = Field("joined", description="For those who join from now on")
