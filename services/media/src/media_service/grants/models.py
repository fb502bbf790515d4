"""Rows of the projection."""

from messenger_contracts.shapes import Shape


class Use(Shape):
    """What a message, or anything else that has a `ref` in its place, has hanging on it, as of a `seq`."""

    place: str
    ref: str
    seq: int
    media_ids: list[str] = []
