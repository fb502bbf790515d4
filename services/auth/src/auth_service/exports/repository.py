"""Exports in DynamoDB, one row a person, and their archives in S3."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from auth_service.exports.models import RUNNING, Export
from servicekit.dynamodb import Transaction, from_item, holds, query_items, to_item

_COLUMNS = frozenset(field.name for field in fields(Export))
MOST_DUE = 3


class ExportRepository:
    """Keeps exports."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def put(self, export: Export, before: Export | None, told: list[dict[str, Any]]) -> bool:
        """Keep an export in the place of the one before it, and have it told; False if that is not there any more."""
        condition, values = "attribute_not_exists(user_id)", {}
        if before:
            condition, values = "job = :job", to_item({":job": before.job})
        put: dict[str, Any] = {"TableName": self._table, "Item": to_item(asdict(export))}
        put["ConditionExpression"] = condition
        if values:
            put["ExpressionAttributeValues"] = values
        transaction = Transaction()
        transaction.items += [{"Put": put}, *told]
        return await self._commit(transaction)

    async def get(self, user_id: str) -> Export | None:
        """A person's newest export."""
        key = to_item({"user_id": user_id})
        found = await self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return None
        return Export(**{name: value for name, value in from_item(found["Item"]).items() if name in _COLUMNS})

    async def due(self, now: int) -> list[str]:
        """Whose exports, some of those under way, are due."""
        found = await query_items(
            self._dynamodb,
            most=MOST_DUE,
            TableName=self._table,
            IndexName=RUNNING,
            KeyConditionExpression=f"{RUNNING} = :yes AND due_at <= :now",
            ExpressionAttributeValues=to_item({":yes": RUNNING, ":now": now}),
        )
        return [item["user_id"] for item in found]

    async def hold(self, export: Export, *, due_at: int, tries: int) -> bool:
        """Move an export ahead, for who works on it or for a pause; False if it is not as it was read any more."""
        transaction = Transaction()
        values = {":due": due_at, ":tries": tries, ":was": export.due_at, ":job": export.job}
        transaction.update(
            self._table,
            {"user_id": export.user_id},
            "SET due_at = :due, tries = :tries",
            "job = :job AND due_at = :was AND attribute_exists(running)",
            values,
        )
        return await self._commit(transaction)

    async def end(self, export: Export, changes: Mapping[str, Any], told: list[dict[str, Any]]) -> bool:
        """Let an export be under way no more, and have it told; False if it is not the person's any more."""
        transaction = Transaction()
        names = {f"#{name}": name for name in changes}
        transaction.update(
            self._table,
            {"user_id": export.user_id},
            f"SET {', '.join(f'#{name} = :{name}' for name in changes)} REMOVE running",
            "job = :job AND attribute_exists(running)",
            {f":{name}": value for name, value in changes.items()} | {":job": export.job},
            names,
        )
        transaction.items += told
        return await self._commit(transaction)

    async def delete(self, user_id: str) -> None:
        """Forget a person's export."""
        await self._dynamodb.delete_item(TableName=self._table, Key=to_item({"user_id": user_id}))

    async def _commit(self, transaction: Transaction) -> bool:
        return await holds(transaction.commit(self._dynamodb))


class ArchiveRepository:
    """Keeps archives. `public` is S3 at the address that people reach it at."""

    def __init__(self, s3: Any, public: Any, bucket: str) -> None:
        self._s3 = s3
        self._public = public
        self._bucket = bucket

    async def begin(self, key: str) -> "Upload":
        """Begin to write an archive."""
        answer = await self._s3.create_multipart_upload(
            Bucket=self._bucket, Key=key, ContentType="application/zip", ServerSideEncryption="AES256"
        )
        return Upload(self._s3, {"Bucket": self._bucket, "Key": key, "UploadId": answer["UploadId"]})

    async def link(self, key: str, seconds: int) -> str:
        """Where an archive can be fetched for some seconds, by whoever has the link."""
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": 'attachment; filename="messenger-export.zip"',
        }
        return str(await self._public.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))

    async def delete(self, key: str) -> None:
        """Remove an archive; one that is not there is no error."""
        await self._s3.delete_object(Bucket=self._bucket, Key=key)


class Upload:
    """An archive that is being written, in parts. What is not finished, S3 removes after a day."""

    def __init__(self, s3: Any, at: dict[str, str]) -> None:
        self._s3 = s3
        self._at = at
        self._parts: list[dict[str, Any]] = []
        self.size = 0

    async def write(self, part: bytes) -> None:
        """Write a part; all but the last have 5 MiB at least."""
        number = len(self._parts) + 1
        answer = await self._s3.upload_part(**self._at, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.size += len(part)

    async def finish(self) -> None:
        """Let the archive be there."""
        await self._s3.complete_multipart_upload(**self._at, MultipartUpload={"Parts": self._parts})

    async def abort(self) -> None:
        """Let go of what was written."""
        await self._s3.abort_multipart_upload(**self._at)
