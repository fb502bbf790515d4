"""What services tell each other, one module a publisher."""

from messenger_contracts.envelope import EventData
from messenger_contracts.events import auth, chat, media, social_graph

_EVENTS = (*auth.EVENTS, *chat.EVENTS, *media.EVENTS, *social_graph.EVENTS)

ALL: dict[str, type[EventData]] = {event.TYPE: event for event in _EVENTS}
"""Every event's data, by type."""
