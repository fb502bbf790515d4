"""The two ways in which every shape is built: strict about what comes in, complete in what goes out."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, Strict

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _require_rfc_3339(value: Any) -> Any:
    """Refuse what pydantic would guess: that a number is seconds since 1970, a time without an offset one in UTC."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be a time of RFC 3339, such as 2026-01-31T09:30:00Z")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be a time of the years 1 to 9999 in UTC") from error


def format_timestamp(value: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-01-31T09:30:00.123Z``."""
    return _to_utc(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def version_at(moment: datetime) -> str:
    """The version of what is told apart by when it changed last, to the millisecond."""
    return f"{int(moment.timestamp() * 1000 + 0.5)}"


Timestamp = Annotated[
    datetime,
    Strict(strict=False),
    BeforeValidator(_require_rfc_3339),
    AfterValidator(_to_utc),
    PlainSerializer(format_timestamp, return_type=str, when_used="json"),
]
"""An instant. In JSON: RFC 3339, UTC, milliseconds."""


class Shape(BaseModel):
    """What we send. A missing optional is ``null``, never absent; readers ignore what they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Request(BaseModel):
    """What we are sent. An unknown field is a mistake that the sender should hear of, and so is `true` for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
