"""Whether media's table, its bucket and its quotas agree. Scans: this is a tool for an operator, not a request's path.

A file that was uploaded ends as ready or rejected. One that is ready has its original and every variant that its record
names; nothing lies in the bucket that no record knows; and what counts towards a quota is the sum of the records.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from messenger_contracts.media import MediaStatus
from messenger_contracts.shapes import Shape, Timestamp
from messengerctl.audit.report import Fault, Finding, Place
from messengerctl.suite import Suite
from servicekit.dynamodb import from_item

SERVICE = "media"
INCOMING, ORIGINALS = "incoming", "originals"
INCOMING_DAYS = 8
"""What is uploaded and then left there goes after 7 days, by a rule of the bucket that S3 applies once a day."""
_UNDER_WAY = ("pending", "processing")


class _Variant(Shape):
    key: str
    size: int


class File(Shape):
    """A file's record, as far as it tells what must be in the bucket."""

    id: str
    owner_id: str
    status: MediaStatus
    size: int
    created_at: Timestamp
    uploaded_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    due_at: int | None = None
    variants: dict[str, _Variant] = {}
    crops: dict[str, Any] = {}

    @property
    def under_way(self) -> bool:
        """Whether it has not come to its end yet."""
        return self.status in _UNDER_WAY

    @property
    def is_being_purged(self) -> bool:
        """Whether its objects go, or are gone, before its record does."""
        return bool(self.deleted_at and self.due_at and self.due_at <= time.time())

    def needs(self) -> dict[str, int]:
        """The objects without which it is not ready, with their sizes."""
        kept = {variant.key: variant.size for variant in self.variants.values()}
        return {f"{ORIGINALS}/{self.id}": self.size, **kept}

    def may_have(self, key: str) -> bool:
        """Whether an object may lie there: a crop does so before the record tells of it."""
        if self.under_way or self.is_being_purged:
            return True
        name = key.rpartition("/")[2].rpartition(".")[0]
        return self.status == "ready" and (key in self.needs() or name in self.crops)


class Object(Shape):
    """An object in the bucket."""

    key: str
    size: int
    modified: Timestamp

    @property
    def media_id(self) -> str:
        """The file whose it is: `FOLDER/ID`, or `FOLDER/ID/NAME`."""
        return self.key.split("/")[1] if "/" in self.key else ""

    @property
    def may_be_left_over(self) -> bool:
        """Whether nobody need have cleared it away yet."""
        fresh = self.modified > datetime.now(UTC) - timedelta(days=INCOMING_DAYS)
        return fresh and self.key.startswith(f"{INCOMING}/")


class Quota(Shape):
    """What counts for one person, and the part of it that is not verified yet; in bytes."""

    bytes: int = 0
    reserved: int = 0


@dataclass(frozen=True)
class Holdings:
    """All that media holds, read one after the other: files by id, objects by key, quotas by person."""

    files: Mapping[str, File]
    objects: Mapping[str, Object]
    quotas: Mapping[str, Quota]


def read_holdings(suite: Suite) -> Holdings:
    """Read everything: the quotas first and the objects last."""
    quotas = {row["user_id"]: Quota.model_validate(row) for row in _scan(suite, "quotas")}
    files = {row["id"]: File.model_validate(row) for row in _scan(suite, "media")}
    return Holdings(files, {each.key: each for each in _objects(suite)}, quotas)


def unended(suite: Suite, before: datetime) -> list[str]:
    """The files that were complete before an instant and have not ended yet, whatever the reason.

    S3 alone may have said of a file that it is complete: such a one has no `uploaded_at`, but is being processed.
    """
    rows = _scan(
        suite,
        "media",
        FilterExpression="#status IN (:pending, :processing) AND attribute_not_exists(deleted_at)",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={f":{status}": {"S": status} for status in _UNDER_WAY},
    )
    files = [File.model_validate(row) for row in rows if row["status"] == "processing" or "uploaded_at" in row]
    return sorted(file.id for file in files if (file.uploaded_at or file.created_at) <= before)


def check(held: Holdings) -> list[Finding]:
    """Name what is missing, what nobody knows of, and the quotas that are no sums."""
    return sorted([*_missing(held), *_orphans(held), *_miscounted(held)])


def _missing(held: Holdings) -> Iterator[Finding]:
    for file in held.files.values():
        if file.status != "ready" or file.is_being_purged:
            continue
        for key, size in file.needs().items():
            found = held.objects.get(key)
            if found is None:
                yield Finding(Place.BUCKET, Fault.MISSING, key)
            elif found.size != size:
                yield Finding(Place.BUCKET, Fault.MISPLACED, f"{key} has {found.size} bytes, not {size}")


def _orphans(held: Holdings) -> Iterator[Finding]:
    for key, found in held.objects.items():
        file = held.files.get(found.media_id)
        known = file is not None and file.may_have(key)
        if not known and not found.may_be_left_over:
            yield Finding(Place.BUCKET, Fault.MISPLACED, f"{key}, of {file.status if file else 'no'} file")


def _miscounted(held: Holdings) -> Iterator[Finding]:
    counted = {user: [0, 0] for user in held.quotas}
    for file in held.files.values():
        sums = counted.setdefault(file.owner_id, [0, 0])
        sums[0] += file.size if file.status != "rejected" else 0
        sums[1] += file.size if file.under_way else 0
    for user, sums in counted.items():
        quota = held.quotas.get(user, Quota())
        if [quota.bytes, quota.reserved] != sums:
            told = f"{user} has {quota.bytes} bytes, {quota.reserved} reserved, not {sums[0]} and {sums[1]}"
            yield Finding(Place.QUOTAS, Fault.MISPLACED, told)


def _scan(suite: Suite, table: str, **more: Any) -> Iterator[dict[str, Any]]:
    pages = suite.aws("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=suite.resource(SERVICE, table), ConsistentRead=True, **more):
        yield from map(from_item, page["Items"])


def _objects(suite: Suite) -> Iterator[Object]:
    bucket = f"{suite.resource(SERVICE, 'objects')}-{suite.state.resources['account_id']}"
    for page in suite.aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            yield Object(key=found["Key"], size=found["Size"], modified=found["LastModified"])
