"""What services tell each other, one module a publisher."""

from messenger_contracts.envelope import EventData
from messenger_contracts.events import chat, media, social_graph

ALL: dict[str, type[EventData]] = {event.TYPE: event for event in (*chat.EVENTS, *media.EVENTS, *social_graph.EVENTS)}
"""Every event's data, by type."""
