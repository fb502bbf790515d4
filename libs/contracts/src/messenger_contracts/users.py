"""People, as every service shows them."""

from messenger_contracts.shapes import Shape, Timestamp


class Relation(Shape):
    """How the caller stands to a person."""

    follows: bool = False
    followed_by: bool = False
    blocked: bool = False
    muted: bool = False


class User(Shape):
    """A person's public profile. `avatar` and `background` are media ids."""

    id: str
    username: str
    display_name: str
    bio: str | None = None
    avatar: str | None = None
    background: str | None = None
    followers: int = 0
    following: int = 0
    posts: int = 0
    relation: Relation = Relation()
    created_at: Timestamp
