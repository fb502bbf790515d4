"""The audit looks through media's records, its bucket and its quotas, and names what does not agree."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messenger_contracts.shapes import format_timestamp
from messengerctl.audit import Fault, Finding, Place, Report, audit
from messengerctl.audit.files import INCOMING_DAYS, File, Holdings, Object, Quota, check
from servicekit.dynamodb import to_item
from servicekit.testing import PREFIX

ID, OTHER = "01900000-0000-7000-8000-0000000000aa", "01900000-0000-7000-8000-0000000000bb"
THUMB = f"variants/{ID}/thumb.webp"
NOW = datetime.now(UTC)


class Shelf:
    """Media's table, its quotas and its bucket, with one picture of ada's as media would have left it."""

    def __init__(self, suite: Any) -> None:
        self.suite = suite
        self._dynamodb, self._s3 = suite.aws("dynamodb"), suite.aws("s3")
        self._bucket = f"{PREFIX}-media-objects-{suite.state.resources['account_id']}"
        self.keep_file()
        self.keep_quota(10)
        self.keep_object(f"originals/{ID}", 10)
        self.keep_object(THUMB, 3)

    def keep_file(self, media_id: str = ID, **changes: Any) -> None:
        """Write a record."""
        variants = {"thumb": {"key": THUMB, "size": 3}} if media_id == ID else {}
        usual = {"owner_id": "ada", "status": "ready", "size": 10, "variants": variants}
        row = {"id": media_id, "created_at": format_timestamp(NOW - timedelta(minutes=1)), **usual, **changes}
        self._dynamodb.put_item(TableName=f"{PREFIX}-media-media", Item=to_item(row))

    def keep_quota(self, size: int, reserved: int = 0) -> None:
        """Write what counts for ada."""
        row = {"user_id": "ada", "bytes": size, "reserved": reserved}
        self._dynamodb.put_item(TableName=f"{PREFIX}-media-quotas", Item=to_item(row))

    def keep_object(self, key: str, size: int) -> None:
        """Write an object."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=bytes(size))

    def lose_object(self, key: str) -> None:
        """Lose an object."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    async def audited(self) -> Report:
        """The whole report, without patience."""
        return await audit(self.suite, seconds=0)

    async def findings(self) -> list[Finding]:
        """What is wrong."""
        return (await self.audited()).findings


@pytest.fixture
def shelf(stores) -> Shelf:
    """Media in which all is well, beside a conversation in which all is well."""
    return Shelf(stores.suite)


async def test_all_is_well(shelf):
    report = await shelf.audited()
    assert report.clean
    assert (report.counts["files"], report.counts["objects"]) == (1, 2)


async def test_a_lost_original(shelf):
    shelf.lose_object(f"originals/{ID}")
    assert await shelf.findings() == [Finding(Place.BUCKET, Fault.MISSING, f"originals/{ID}")]


async def test_a_lost_variant_is_lost(shelf):
    shelf.lose_object(THUMB)
    report = await shelf.audited()
    assert report.findings == [Finding(Place.BUCKET, Fault.MISSING, THUMB)]
    assert (report.lost, report.doubled) == (1, 0)


async def test_an_object_of_another_size(shelf):
    shelf.keep_object(THUMB, 4)
    assert await shelf.findings() == [Finding(Place.BUCKET, Fault.MISPLACED, f"{THUMB} has 4 bytes, not 3")]


async def test_objects_of_no_file(shelf):
    orphans = [f"originals/{OTHER}", "stray", f"variants/{OTHER}/thumb.webp"]
    for key in orphans:
        shelf.keep_object(key, 1)
    assert await shelf.findings() == [Finding(Place.BUCKET, Fault.MISPLACED, f"{key}, of no file") for key in orphans]


async def test_a_variant_that_the_record_does_not_name(shelf):
    shelf.keep_object(f"variants/{ID}/large.webp", 1)
    found = Finding(Place.BUCKET, Fault.MISPLACED, f"variants/{ID}/large.webp, of ready file")
    assert await shelf.findings() == [found]


async def test_what_is_left_of_a_rejected_file(shelf):
    shelf.keep_file(OTHER, status="rejected")
    shelf.keep_object(f"originals/{OTHER}", 10)
    assert await shelf.findings() == [Finding(Place.BUCKET, Fault.MISPLACED, f"originals/{OTHER}, of rejected file")]


async def test_an_upload_that_never_ends(shelf):
    shelf.keep_file(OTHER, status="pending", uploaded_at=format_timestamp(NOW))
    shelf.keep_quota(20, reserved=10)
    report = await shelf.audited()
    assert report.waiting == {"media": 1}
    assert report.findings == [Finding(Place.FILES, Fault.MISSING, f"the end of {OTHER}")]


async def test_an_upload_that_s3_alone_has_told_of(shelf):
    shelf.keep_file(OTHER, status="processing")
    shelf.keep_quota(20, reserved=10)
    assert await shelf.findings() == [Finding(Place.FILES, Fault.MISSING, f"the end of {OTHER}")]


async def test_an_upload_that_is_not_complete_is_waited_for_by_nobody(shelf):
    shelf.keep_file(OTHER, status="pending")
    shelf.keep_object(f"incoming/{OTHER}", 10)
    shelf.keep_quota(20, reserved=10)
    assert (await shelf.audited()).clean


@pytest.mark.parametrize(("counted", "reserved"), [(9, 0), (10, 1)], ids=["bytes", "reserved"])
async def test_a_quota_that_is_not_the_sum_of_the_files(shelf, counted, reserved):
    shelf.keep_quota(counted, reserved)
    told = f"ada has {counted} bytes, {reserved} reserved, not 10 and 0"
    assert await shelf.findings() == [Finding(Place.QUOTAS, Fault.MISPLACED, told)]


async def test_files_of_somebody_without_a_quota(shelf):
    shelf.keep_file(OTHER, owner_id="bob", variants={})
    shelf.keep_object(f"originals/{OTHER}", 10)
    found = await shelf.findings()
    assert [str(each) for each in found] == ["misplaced in quotas: bob has 0 bytes, 0 reserved, not 10 and 0"]


def held(file: File | None, *keys: str, modified: datetime = NOW) -> Holdings:
    """A file of 10 bytes with these objects, and a quota that is right."""
    objects = {key: Object(key=key, size=10, modified=modified) for key in keys}
    if file is None:
        return Holdings({}, objects, {})
    reserved = file.size if file.under_way else 0
    quota = Quota(bytes=file.size if file.status != "rejected" else 0, reserved=reserved)
    return Holdings({file.id: file}, objects, {file.owner_id: quota})


def a_file(**changes: Any) -> File:
    usual = {"id": ID, "owner_id": "ada", "status": "ready", "size": 10, "created_at": NOW}
    return File.model_validate(usual | changes)


def test_what_was_uploaded_and_left_lies_there_for_days_and_not_for_ever():
    old = NOW - timedelta(days=INCOMING_DAYS, minutes=1)
    assert check(held(None, f"incoming/{ID}")) == []
    assert len(check(held(None, f"incoming/{ID}", modified=old))) == 1


def test_a_crop_lies_there_before_the_record_tells_of_it():
    keys = f"originals/{ID}", f"variants/{ID}/crop-1-1-5x5.webp"
    assert check(held(a_file(crops={"crop-1-1-5x5": {"x": 1}}), *keys)) == []
    assert len(check(held(a_file(), *keys))) == 1


def test_a_file_in_the_bin_is_kept_whole_until_it_is_purged():
    soon, past = int(NOW.timestamp()) + 86_400, int(NOW.timestamp()) - 60
    assert len(check(held(a_file(deleted_at=NOW, due_at=soon)))) == 1
    assert check(held(a_file(deleted_at=NOW, due_at=past))) == []
