"""Events to publish, and a topic that remembers them, for the tests of outboxes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from messenger_contracts.commands import Actor
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import MemberJoined
from servicekit.sns import Publisher, PublishFailed


def happening(name: str, subject: str = "c") -> Event[Any]:
    """An event whose id is the name."""
    data = MemberJoined(
        conversation_id=subject, seq=1, actor=Actor(user_id="u", username="ann"), user_id="u", role="member"
    )
    return Event[MemberJoined](
        id=name,
        source="test",
        type=data.TYPE,
        time=datetime.now(UTC),
        subject=subject,
        dataschema=schema_uri(data.TYPE),
        data=data,
    )


class Recorder(Publisher):
    """A topic that remembers, and refuses while it is told to."""

    def __init__(self) -> None:
        super().__init__(None, "")
        self.published: list[str] = []
        self.refuses = False
        self.blames: set[str] = set()

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        """Remember the events; those that are to blame are refused as SNS refuses them."""
        if self.refuses:
            raise PublishFailed("no")
        blamed = [event.id for event in events if event.id in self.blames]
        self.published += [event.id for event in events if event.id not in self.blames]
        if blamed:
            raise PublishFailed("not like that", sender_fault=True)
