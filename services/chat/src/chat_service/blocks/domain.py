"""A block as an event tells it, without I/O."""

from dataclasses import dataclass

from chat_service.conversations.domain import direct_key
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked


@dataclass(frozen=True, slots=True)
class Block:
    """Whether one person blocks another, as of a version."""

    blocker: str
    blocked: str
    active: bool
    version: int

    @classmethod
    def of(cls, data: UserBlocked | UserUnblocked) -> "Block":
        """What an event says."""
        return cls(data.user_id, data.blocked_id, isinstance(data, UserBlocked), data.version)

    @property
    def people(self) -> list[str]:
        """Both of them."""
        return [self.blocker, self.blocked]

    @property
    def direct_key(self) -> str:
        """The key of their direct conversation."""
        return direct_key(self.blocker, self.blocked)
