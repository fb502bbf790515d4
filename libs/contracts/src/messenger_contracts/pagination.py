"""How lists are cut: an opaque cursor, never an offset or a time."""

from typing import Generic, TypeVar

from pydantic import Field

from messenger_contracts.shapes import Shape

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Item = TypeVar("Item")


class Page(Shape, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(None, description="Pass it as `cursor` for what follows; null at the end")
