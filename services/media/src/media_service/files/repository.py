"""The table `media` by its key, and `digests`, which finds the file that an owner already has.

Lists do not belong here (`library`), nor who may see a file (`grants`). Every change is conditional: what it expects of
the record stands in its condition, so that of two at once only one is made.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from media_service.files.domain import due_shard
from media_service.files.models import File
from servicekit.dynamodb import (
    Transaction,
    change_of,
    count_items,
    from_item,
    get_items,
    holds,
    is_condition_failure,
    query_items,
    to_item,
)
from servicekit.errors import DependencyUnavailable

DUE_INDEX, OWNER_INDEX = "due", "owner"
AS_READ = "#version = :version"
EVOLVE_ATTEMPTS = 8
FIRST = " "
"""Below every id."""

Plan = Callable[[File, Transaction], Mapping[str, Any] | None]
"""What becomes of a record: what to assign, where None removes, or None where nothing is to change."""


class FileRepository:
    """Reads and changes records."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def check(self) -> None:
        """Raise when the table does not answer."""
        await self.get("-")

    async def get(self, media_id: str) -> File | None:
        """A record as it is now, whatever its state."""
        key = to_item({"id": media_id})
        found = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return read(from_item(found["Item"])) if "Item" in found else None

    async def get_all(self, media_ids: Sequence[str]) -> dict[str, File]:
        """The records of those that are there, by id."""
        keys = [{"id": media_id} for media_id in dict.fromkeys(media_ids)]
        return {row["id"]: read(row) for row in await get_items(self._client, self._table, keys)}

    async def ids_of(self, owner_id: str, after: str | None, limit: int) -> list[str]:
        """The ids of a person's next files behind one, whatever their states, oldest first; the index may be behind."""
        found = await query_items(self._client, most=limit, **self._owned(owner_id, after or FIRST))
        return [row["id"] for row in found]

    async def count_of(self, owner_id: str) -> int:
        """How many files a person has, whatever their states; the index may be behind."""
        return await count_items(self._client, **self._owned(owner_id, FIRST))

    def _owned(self, owner_id: str, after: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "IndexName": OWNER_INDEX,
            "KeyConditionExpression": "owner_id = :owner AND id > :after",
            "ExpressionAttributeValues": to_item({":owner": owner_id, ":after": after}),
        }

    def add(self, work: Transaction, file: File) -> None:
        """Keep a new record."""
        row = {name: value for name, value in file.model_dump(mode="json").items() if value is not None}
        work.put_new(self._table, row | {"due": due_shard(file.id)}, "id")

    async def evolve(self, media_id: str, plan: Plan, *, as_it_hangs: bool = False) -> File | None:
        """Change a record as the plan has it; the record as it is then, or None if there is nothing to change.

        The plan is given the record and a transaction for what follows from the change, and gives what to assign. When
        somebody else changes the record meanwhile, it is asked again; with `as_it_hangs`, also when the file is hung
        somewhere meanwhile, or taken down.
        """
        for _ in range(EVOLVE_ATTEMPTS):
            file = await self.get(media_id)
            work = Transaction()
            assign = None if file is None else plan(file, work)
            if file is None or assign is None:
                return None
            work.change(
                self._table,
                {"id": media_id},
                assign=assign,
                add={"version": 1},
                condition=AS_READ + (" AND #places = :places" if as_it_hangs else ""),
                values={"version": file.version} | ({"places": file.places} if as_it_hangs else {}),
            )
            work.items.insert(0, work.items.pop())
            if await self._commit(work):
                return read({**file.model_dump(mode="json"), **assign, "version": file.version + 1})
        raise DependencyUnavailable("The file is being changed by too many at once.")

    async def put_off(self, media_id: str, due_at: int) -> None:
        """Have the sweep look at a file that is due at a later time; the version stays."""
        request = change_of(
            self._table,
            {"id": media_id},
            assign={"due_at": due_at},
            condition="#due_at < :later",
            values={"later": due_at},
        )
        await holds(self._client.update_item(**request))

    async def begin(self, media_id: str, due_at: int) -> File | None:
        """Note that processing begins, once more or for the first time; None if there is nothing to process.

        The version stays: it is for what people see.
        """
        request = change_of(
            self._table,
            {"id": media_id},
            assign={"status": "processing", "due_at": due_at},
            add={"attempts": 1},
            condition="#status IN (:pending, :again) AND attribute_not_exists(#deleted_at)",
            values={"pending": "pending", "again": "processing"},
        )
        try:
            answer = await self._client.update_item(**request, ReturnValues="ALL_NEW")
        except ClientError as error:
            if is_condition_failure(error):
                return None
            raise
        return read(from_item(answer["Attributes"]))

    async def _commit(self, work: Transaction) -> bool:
        return await holds(work.commit(self._client))

    def count(self, work: Transaction, media_id: str, place: str, change: int, **assign: Any) -> None:
        """Note that a file hangs in a place once more, or once less."""
        setting = "".join(f", #{name} = :{name}" for name in assign)
        work.update(
            self._table,
            {"id": media_id},
            f"SET #places.#place = if_not_exists(#places.#place, :none) + :change{setting}",
            "attribute_exists(#id)",
            {":none": 0, ":change": change} | {f":{name}": value for name, value in assign.items()},
            {"#id": "id", "#places": "places", "#place": place} | {f"#{name}": name for name in assign},
        )

    async def remove(self, file: File, work: Transaction) -> bool:
        """Remove a record together with what the transaction holds; False if it has changed since it was read."""
        work.delete(
            self._table,
            {"id": file.id},
            "#version = :version AND #status = :status",
            {":version": file.version, ":status": file.status},
            {"#version": "version", "#status": "status"},
        )
        work.items.insert(0, work.items.pop())
        return await self._commit(work)

    async def due(self, shard: int, before: int, limit: int) -> list[str]:
        """The ids of files that are due, the longest first. The index may be behind: read the record before acting."""
        answer = await self._client.query(
            TableName=self._table,
            IndexName=DUE_INDEX,
            KeyConditionExpression="due = :shard AND due_at <= :before",
            ExpressionAttributeValues=to_item({":shard": str(shard), ":before": before}),
            Limit=limit,
        )
        return [from_item(item)["id"] for item in answer["Items"]]


class DigestRepository:
    """The table `digests`: which of an owner's files has which content."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def find(self, owner_id: str, sha256: str) -> str | None:
        """The id of the owner's file with this content, as it was when it was ready."""
        key = to_item({"owner_id": owner_id, "sha256": sha256})
        found = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return str(from_item(found["Item"])["media_id"]) if "Item" in found else None

    async def forget(self, owner_id: str, sha256: str, media_id: str) -> None:
        """Have the content found no longer, unless another file has taken this one's place."""
        await holds(
            self._client.delete_item(
                TableName=self._table,
                Key=to_item({"owner_id": owner_id, "sha256": sha256}),
                ConditionExpression="media_id = :id",
                ExpressionAttributeValues=to_item({":id": media_id}),
            )
        )

    def remember(self, work: Transaction, owner_id: str, sha256: str, media_id: str) -> None:
        """Have the content found; a newer file takes the place of an older one."""
        work.put(self._table, {"owner_id": owner_id, "sha256": sha256, "media_id": media_id})


def read(row: Mapping[str, Any]) -> File:
    """A record from its row."""
    return File.model_validate(row)
