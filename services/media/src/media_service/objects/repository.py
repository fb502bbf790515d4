"""The bucket: presigned uploads, what has arrived, copies and removals. Bytes pass through the worker alone.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html: headers that are signed must be sent as
they were signed, which holds a client to type, length and checksum.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
SHOWN = ("audio/", "image/", "video/")
"""What a browser may show in a window of its own; anything else it downloads."""
CHUNK_BYTES = 1024 * 1024
WHOLE_BYTES = 16 * 1024 * 1024
"""Up to which size a file goes up in one call."""
MOST_REMOVED = 1000


@dataclass(frozen=True, slots=True)
class Presigned:
    """A request that a client may make, once it knows the URL, with exactly these headers."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Head:
    """What S3 knows of an object."""

    size: int
    etag: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived."""

    number: int
    size: int
    etag: str


class ObjectRepository:
    """Speaks to one bucket. `public` is a client of S3's address as clients of ours reach it; it only signs."""

    def __init__(self, client: Any, bucket: str, public: Any = None) -> None:
        self._client = client
        self._public = public or client
        self._bucket = bucket

    async def check(self) -> None:
        """Raise when the bucket does not answer."""
        await self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=1, Prefix="-")

    async def presign_put(
        self, key: str, *, content_type: str, size: int, sha256: str | None, seconds: int
    ) -> Presigned:
        """A request that uploads these bytes and no others: type, length and, if given in hex, SHA-256 are signed."""
        parameters = {"Bucket": self._bucket, "Key": key, "ContentType": content_type, "ContentLength": size}
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        if sha256:
            parameters["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = base64_of(sha256)
        url = await self._public.generate_presigned_url("put_object", Params=parameters, ExpiresIn=seconds)
        return Presigned("PUT", url, headers)

    async def presign_get(self, key: str, seconds: int) -> str:
        """Where our own services can fetch an object for some seconds."""
        parameters = {"Bucket": self._bucket, "Key": key}
        return str(await self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))

    async def begin_multipart(self, key: str, content_type: str) -> str:
        """Begin an upload in parts; its id."""
        answer = await self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=content_type)
        return str(answer["UploadId"])

    async def presign_part(self, key: str, upload_id: str, number: int, *, size: int, seconds: int) -> Presigned:
        """A request that uploads one part of exactly this size."""
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": size,
        }
        url = await self._public.generate_presigned_url("upload_part", Params=parameters, ExpiresIn=seconds)
        return Presigned("PUT", url, {"Content-Length": str(size)})

    async def parts(self, key: str, upload_id: str) -> list[Part] | None:
        """The parts that have arrived; None if there is no such upload any more."""
        pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
        try:
            return [
                Part(part["PartNumber"], part["Size"], part["ETag"])
                async for page in pages
                for part in page.get("Parts", [])
            ]
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    async def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Make an object of the parts; False if there is no such upload any more."""
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        try:
            await self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
            )
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Give an upload in parts up, and remove its parts; harmless when there is none."""
        try:
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if not is_missing(error):
                raise

    async def head(self, key: str) -> Head | None:
        """What S3 knows of an object; None if there is none."""
        try:
            answer = await self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return Head(answer["ContentLength"], answer["ETag"], answer.get("ContentType", ""))

    async def read(self, key: str, *, etag: str) -> AsyncIterator[bytes]:
        """The bytes of an object, piece by piece; raises the SDK's error when it is not the one of that ETag."""
        answer = await self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=etag)
        async with answer["Body"] as body:
            async for chunk in body.content.iter_chunked(CHUNK_BYTES):
                yield chunk

    async def write(self, key: str, content: bytes, content_type: str, filename: str | None = None) -> None:
        """Keep an object of ours."""
        await self._client.put_object(Bucket=self._bucket, Key=key, Body=content, **served_as(content_type, filename))

    async def upload(self, key: str, path: Path, content_type: str, filename: str | None = None) -> None:
        """Keep a file of ours, a large one in parts."""
        if (await asyncio.to_thread(path.stat)).st_size <= WHOLE_BYTES:
            await self.write(key, await asyncio.to_thread(path.read_bytes), content_type, filename)
        else:
            await self._client.upload_file(str(path), self._bucket, key, ExtraArgs=served_as(content_type, filename))

    async def copy(self, source: str, target: str, *, etag: str, content_type: str, filename: str) -> None:
        """Copy an object as it was when it had that ETag; raises the SDK's error when it is another by now."""
        await self._client.copy_object(
            Bucket=self._bucket,
            Key=target,
            CopySource={"Bucket": self._bucket, "Key": source},
            CopySourceIfMatch=etag,
            MetadataDirective="REPLACE",
            **served_as(content_type, filename),
        )

    async def remove(self, *keys: str) -> None:
        """Remove objects; harmless for those that are not there."""
        for start in range(0, len(keys), MOST_REMOVED):
            objects = [{"Key": key} for key in keys[start : start + MOST_REMOVED]]
            await self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})

    async def keys(self, prefix: str) -> list[str]:
        """The keys that begin so."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item["Key"] async for page in pages for item in page.get("Contents", [])]


def served_as(content_type: str, filename: str | None = None) -> dict[str, str]:
    """How an object of ours is served: kept by caches, as it never changes, and not shown as a page of ours.

    Whoever saves it gets it by its name (RFC 6266, 4.3), which its key does not tell.
    """
    headers = {"ContentType": content_type, "CacheControl": "private, max-age=31536000, immutable"}
    disposition = "inline" if content_type.startswith(SHOWN) else "attachment"
    if filename:
        disposition += f"; filename*=UTF-8''{quote(filename, safe='')}"
    return headers | {"ContentDisposition": disposition}


def is_missing(error: ClientError) -> bool:
    """Whether S3 says that there is no such thing."""
    return error.response.get("Error", {}).get("Code") in NOT_FOUND


def base64_of(sha256: str) -> str:
    """A digest in hex as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()
