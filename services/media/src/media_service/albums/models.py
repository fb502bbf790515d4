"""Rows of the table `albums`: each album has one of its own, and one for each of its files."""

from messenger_contracts.shapes import Shape, Timestamp

ALBUM = "#"
"""The `entry` of an album's own row."""
ITEM = "item#"


class AlbumRow(Shape):
    """An album."""

    album_id: str
    owner_id: str
    title: str
    shared: dict[str, str] = {}
    items: int = 0
    version: int = 1
    created_at: Timestamp


class ItemRow(Shape):
    """A file in an album."""

    album_id: str
    entry: str
    added_by: str

    @property
    def media_id(self) -> str:
        """The file."""
        return self.entry.removeprefix(ITEM)


def item_entry(media_id: str) -> str:
    """The `entry` of a file's row: sorted by it, files are sorted by the time of their upload."""
    return f"{ITEM}{media_id}"
