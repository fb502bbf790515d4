"""The lists of a person's files: the indexes `shelf` and `kind` of the table `media`, and the table `tags`.

They give ids; the records are read by their keys, as they are now.
"""

from collections.abc import Iterable
from typing import Any

from media_service.library.domain import Selection, kind_shelf_of, shelf_of
from servicekit.dynamodb import Transaction, query_items, to_item

SHELF, KIND = "shelf", "kind"


class LibraryRepository:
    """Lists files, and finds them by tag."""

    def __init__(self, client: Any, table: str, tags: str) -> None:
        self._client = client
        self._table = table
        self._tags = tags

    async def ids(self, selection: Selection, after: str | None, limit: int) -> list[str]:
        """The next ids behind one; of some of them the record may say by now that they are not selected."""
        newest = selection.sort == "newest"
        low, high = selection.lowest, selection.beyond
        if after:
            low, high = (low, after) if newest else (f"{after}~", high)
        if low >= high:
            return []
        where, key, value = self._place(selection)
        found = await query_items(
            self._client,
            most=limit + 1,
            KeyConditionExpression=f"{key} = :key AND id BETWEEN :low AND :high",
            ExpressionAttributeValues=to_item({":key": value, ":low": low, ":high": high}),
            ScanIndexForward=not newest,
            ProjectionExpression="id",
            **where,
        )
        return [row["id"] for row in found if row["id"] != high][:limit]

    def tag(self, work: Transaction, owner_id: str, media_id: str, tags: Iterable[str]) -> None:
        """Have a file found by tags."""
        for tag in tags:
            work.put(self._tags, _tag_key(owner_id, tag, media_id))

    def untag(self, work: Transaction, owner_id: str, media_id: str, tags: Iterable[str]) -> None:
        """Have a file found by tags no longer."""
        for tag in tags:
            work.delete(self._tags, _tag_key(owner_id, tag, media_id))

    def _place(self, selection: Selection) -> tuple[dict[str, str], str, str]:
        """What to query: a table or an index, the name of its hash key, and the value."""
        owner = selection.owner_id
        if selection.tag:
            return {"TableName": self._tags}, "owner_tag", _owner_tag(owner, selection.tag)
        if selection.kind and not selection.deleted:
            value = str(kind_shelf_of(owner, selection.kind))
            return {"TableName": self._table, "IndexName": KIND}, "shelf_kind", value
        shelf = shelf_of(owner, deleted=selection.deleted)
        return {"TableName": self._table, "IndexName": SHELF}, "shelf", shelf


def _tag_key(owner_id: str, tag: str, media_id: str) -> dict[str, str]:
    return {"owner_tag": _owner_tag(owner_id, tag), "id": media_id}


def _owner_tag(owner_id: str, tag: str) -> str:
    return f"{owner_id}#{tag}"
