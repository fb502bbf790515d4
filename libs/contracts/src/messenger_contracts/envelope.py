"""What a queue carries: CloudEvents 1.0 attributes around an event's data.

At least once, in any order: a consumer keeps a ledger by ``id``, and orders by ``subject`` and ``seq`` where needed.
"""

from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from messenger_contracts.shapes import Shape, Timestamp


class EventData(Shape):
    """Base of every event's data. Changes are additive; a break is a new type, `…v2`, beside the old one."""

    TYPE: ClassVar[str]

    @property
    def marks(self) -> dict[str, str]:
        """What a subscription may ask for besides the type: message attributes of SNS."""
        return {}


Data = TypeVar("Data", bound=EventData)


class Event(Shape, Generic[Data]):
    """One thing that happened."""

    id: str = Field(description="The same for every publication of the same happening")
    source: str = Field(description="The publishing service")
    type: str
    specversion: Literal["1.0"] = "1.0"
    time: Timestamp
    subject: str = Field(description="What it happened to")
    dataschema: str
    traceparent: str | None = None
    data: Data


def schema_name(event_type: str) -> str:
    """The file, and the last part of `dataschema`, that describes a type."""
    return f"{event_type}.json"


def schema_uri(event_type: str) -> str:
    """The `dataschema` of a type."""
    return f"urn:messenger:schema:{event_type}"
