"""Routes of uploads. Bytes go straight to S3; what is asked here is how."""

from fastapi import APIRouter, Response

from media_service.deliveries.dependencies import Deliveries
from media_service.uploads.dependencies import Uploads
from media_service.uploads.schemas import PartList, Upload, UploadCreate, UploadPath
from messenger_contracts.media import Media
from servicekit.idempotency import CurrentAttempt
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])


@router.post("", status_code=201, responses={200: {"model": Upload, "description": "The caller has this content"}})
async def create(
    body: UploadCreate, caller: CurrentUser, uploads: Uploads, attempt: CurrentAttempt, response: Response
) -> Upload:
    """Announce a file, and learn how to upload it. Space is reserved until it is uploaded, cancelled or a day old.

    Send the request that is given, with its headers and these bytes, and no others are taken. Files above 16 MiB go in
    parts. With `sha256`, a file of this content that the caller already has is 200, and nothing need be uploaded.
    A replay by `Idempotency-Key` has a URL that has not expired.
    """
    return (await uploads.create(caller.user_id, body, attempt)).give(response)


@router.post("/{media_id}/parts")
async def parts(media_id: UploadPath, caller: CurrentUser, uploads: Uploads) -> PartList:
    """List the parts that have arrived, and get requests for the rest; any time, as often as one likes.

    A client that starts again goes on from here. A file that is sent in one piece has one part, which is the file.
    """
    return await uploads.parts(caller.user_id, media_id)


@router.post(
    "/{media_id}/complete",
    status_code=202,
    responses={200: {"model": Media, "description": "It has been processed already"}},
)
async def complete(
    media_id: UploadPath, caller: CurrentUser, uploads: Uploads, deliveries: Deliveries, response: Response
) -> Media:
    """Say that all bytes are sent; again is harmless. 409 `upload_incomplete` names parts that are missing.

    Files in parts need this; for others it is only quicker than S3's own word.
    """
    file = await uploads.complete(caller.user_id, media_id)
    response.status_code = deliveries.status_of(file)
    return await deliveries.describe(file, caller.user_id)


@router.delete("/{media_id}", status_code=204)
async def cancel(media_id: UploadPath, caller: CurrentUser, uploads: Uploads) -> None:
    """Cancel an upload: what has arrived is thrown away, and its space is free at once."""
    await uploads.cancel(caller.user_id, media_id)
