"""The table `albums`, and the index of `grants` that finds the albums of a person."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from media_service.albums.models import ALBUM, ITEM, AlbumRow, ItemRow, item_entry
from media_service.grants.domain import album as album_place
from servicekit.dynamodb import Transaction, from_item, get_items, is_condition_failure, query_items, to_item

ALBUMS_INDEX = "albums"


class AlbumRepository:
    """Reads and writes albums and what is in them. Who may do so does not belong here."""

    def __init__(self, client: Any, table: str, grants: str) -> None:
        self._client = client
        self._table = table
        self._grants = grants

    async def get(self, album_id: str) -> AlbumRow | None:
        """An album as it is now."""
        found = await self._row(album_id, ALBUM)
        return AlbumRow.model_validate(found) if found else None

    async def get_all(self, album_ids: list[str]) -> dict[str, AlbumRow]:
        """Those that are there, by id."""
        keys = [{"album_id": album_id, "entry": ALBUM} for album_id in album_ids]
        rows = await get_items(self._client, self._table, keys)
        return {row["album_id"]: AlbumRow.model_validate(row) for row in rows}

    async def ids_of(self, user_id: str, before: str | None, limit: int) -> list[str]:
        """The albums that a person owns or that are shared with them, newest first; the index may be behind."""
        found = await query_items(
            self._client,
            most=limit + 1,
            TableName=self._grants,
            IndexName=ALBUMS_INDEX,
            KeyConditionExpression="album_of = :user AND place BETWEEN :low AND :high",
            ExpressionAttributeValues=to_item(
                {":user": user_id, ":low": album_place(""), ":high": album_place(before or "~")}
            ),
            ScanIndexForward=False,
        )
        ids = [row["place"].removeprefix(album_place("")) for row in found]
        return [each for each in ids if each != before][:limit]

    def add(self, work: Transaction, album: AlbumRow) -> None:
        """Keep a new album."""
        work.put_new(self._table, album.model_dump(mode="json") | {"entry": ALBUM}, "entry")

    async def change(self, album: AlbumRow, assign: Mapping[str, Any], work: Transaction) -> bool:
        """Change an album, with what follows; False if it has changed since it was read."""
        work.change(
            self._table,
            {"album_id": album.album_id, "entry": ALBUM},
            assign=assign,
            add={"version": 1},
            condition="#version = :version",
            values={"version": album.version},
        )
        return await self._commit(work)

    async def remove(self, album: AlbumRow, work: Transaction) -> bool:
        """Remove an album's own row, with what follows; False if it has changed since it was read."""
        key = {"album_id": album.album_id, "entry": ALBUM}
        work.delete(self._table, key, "#version = :version", {":version": album.version}, {"#version": "version"})
        return await self._commit(work)

    async def item(self, album_id: str, media_id: str) -> ItemRow | None:
        """A file in an album."""
        found = await self._row(album_id, item_entry(media_id))
        return ItemRow.model_validate(found) if found else None

    async def items(self, album_id: str, before: str | None, limit: int) -> list[ItemRow]:
        """The files of an album, the latest uploaded first."""
        high = item_entry(before or "~")
        found = await query_items(
            self._client,
            most=limit + 1,
            TableName=self._table,
            KeyConditionExpression="album_id = :album AND entry BETWEEN :low AND :high",
            ExpressionAttributeValues=to_item({":album": album_id, ":low": ITEM, ":high": high}),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return [ItemRow.model_validate(row) for row in found if row["entry"] != high][:limit]

    async def add_item(self, item: ItemRow, most: int, work: Transaction) -> bool:
        """Put a file into an album that is there and has room, with what follows; False if it has not, or is in it."""
        work.put_new(self._table, item.model_dump(), "entry")
        work.change(
            self._table,
            {"album_id": item.album_id, "entry": ALBUM},
            add={"items": 1},
            condition="attribute_exists(#entry) AND #items < :most",
            values={"most": most},
        )
        return await self._commit(work)

    async def remove_item(self, item: ItemRow, work: Transaction, *, album_is_there: bool) -> bool:
        """Take a file out of an album, with what follows; False if it is not in it any more."""
        key = {"album_id": item.album_id, "entry": item.entry}
        work.delete(self._table, key, "attribute_exists(entry)")
        if album_is_there:
            own = {"album_id": item.album_id, "entry": ALBUM}
            work.change(self._table, own, add={"items": -1}, condition="attribute_exists(#entry)")
        return await self._commit(work)

    async def _row(self, album_id: str, entry: str) -> dict[str, Any]:
        key = to_item({"album_id": album_id, "entry": entry})
        found = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return from_item(found.get("Item", {}))

    async def _commit(self, work: Transaction) -> bool:
        try:
            await work.commit(self._client)
        except ClientError as error:
            if any(is_condition_failure(error, index) for index in range(len(work.items))):
                return False
            raise
        return True
