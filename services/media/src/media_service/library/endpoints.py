"""Routes of files, and what other services ask about them."""

from typing import Any

from fastapi import APIRouter, Request, Response

from media_service.deliveries.dependencies import Deliveries
from media_service.library.dependencies import Grants, Library, ListCursors, Selected
from media_service.library.schemas import CropWish, MediaPatch, MediaPath, Usage
from messenger_contracts.identity import Principal
from messenger_contracts.media import (
    AttachAnswer,
    AttachAnswers,
    AttachQuestions,
    Media,
    MediaAnswer,
    MediaQuestion,
    ShownAnswers,
    ShownQuestions,
)
from messenger_contracts.pagination import DEFAULT_LIMIT, Page
from servicekit.errors import Forbidden
from servicekit.etags import IfMatch, etag
from servicekit.identity import CallingService, CurrentUser, SignedPrincipal
from servicekit.lists import CursorQuery, LimitQuery, link_next

PATH = "/v1/media"
NOBODY = ""
"""Whose view of a file is that of anybody but its owner."""
UNTIL_READY: dict[int | str, dict[str, Any]] = {202: {"model": Media, "description": "It is still on its way"}}
router = APIRouter(prefix=PATH, tags=["media"])
internal = APIRouter(prefix="/media")


@router.get("")
async def listed(
    request: Request,
    caller: CurrentUser,
    library: Library,
    deliveries: Deliveries,
    cursors: ListCursors,
    selection: Selected,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[Media]:
    """List the caller's own files that are ready. A page may hold fewer than `limit` and still have a next."""
    after = await cursors.read(caller.user_id, cursor) if cursor else None
    files, position = await library.page(selection, after, limit)
    items = await deliveries.describe_all(files, caller.user_id)
    page = Page[Media](items=items, next=position and await cursors.make(caller.user_id, position))
    asked = {name: value for name, value in request.query_params.items() if name not in ("cursor", "limit")}
    link_next(response, page, PATH, limit, **asked)
    return page


@router.get("/usage")
async def usage(caller: CurrentUser, library: Library) -> Usage:
    """Say how much space the caller's files take, and how much they may."""
    return await library.usage(caller.user_id)


@router.get("/{media_id}", responses=UNTIL_READY)
async def one(
    media_id: MediaPath, caller: CurrentUser, grants: Grants, deliveries: Deliveries, response: Response
) -> Media:
    """Get a file that the caller may see: 202 until it is ready or rejected.

    Its URLs take range requests, are good for ten minutes at least, and stay the same for ten, so that caches hit.
    """
    file = await grants.require(caller.user_id, media_id)
    response.status_code = deliveries.status_of(file)
    response.headers["ETag"] = etag(file.version)
    return await deliveries.describe(file, caller.user_id)


@router.patch("/{media_id}")
async def change(
    media_id: MediaPath,
    body: MediaPatch,
    caller: CurrentUser,
    library: Library,
    deliveries: Deliveries,
    response: Response,
    if_match: IfMatch = None,
) -> Media:
    """Change tags and caption of a file of the caller's."""
    file = await library.change(caller.user_id, media_id, body, if_match)
    response.headers["ETag"] = etag(file.version)
    return await deliveries.describe(file, caller.user_id)


@router.delete("/{media_id}", status_code=204)
async def delete(media_id: MediaPath, caller: CurrentUser, library: Library) -> None:
    """Delete a file of the caller's: gone from everywhere at once, and for good after 30 days."""
    await library.delete(caller.user_id, media_id)


@router.post("/{media_id}/restore")
async def restore(media_id: MediaPath, caller: CurrentUser, library: Library, deliveries: Deliveries) -> Media:
    """Bring back a deleted file of the caller's, to wherever it hung; again is harmless."""
    return await deliveries.describe(await library.restore(caller.user_id, media_id), caller.user_id)


@router.post("/{media_id}/crop", responses=UNTIL_READY)
async def crop(
    media_id: MediaPath,
    body: CropWish,
    caller: CurrentUser,
    library: Library,
    deliveries: Deliveries,
    response: Response,
) -> Media:
    """Add a part of a picture as a variant, `crop-X-Y-WxH`; the original stays. 202 until it is made, then 200."""
    file = await library.crop(caller.user_id, media_id, body)
    response.status_code = 200 if set(file.crops) <= set(file.variants) else 202
    return await deliveries.describe(file, caller.user_id)


@internal.post("/read")
async def read(body: MediaQuestion, asker: SignedPrincipal, grants: Grants, deliveries: Deliveries) -> MediaAnswer:
    """Describe those of up to 100 files that a person may see."""
    _require_asker(asker, body.user_id)
    files = await grants.visible(body.user_id, body.media_ids)
    return MediaAnswer(items=await deliveries.describe_all(files, body.user_id))


@internal.post("/attach")
async def attach(body: MediaQuestion, asker: SignedPrincipal, grants: Grants) -> AttachAnswer:
    """Say which files a person may not attach to what they write."""
    _require_asker(asker, body.user_id)
    return AttachAnswer(refused=await grants.refused(body.user_id, body.media_ids))


@internal.post("/attachments")
async def attachments(
    body: AttachQuestions, asker: CallingService, grants: Grants, deliveries: Deliveries
) -> AttachAnswers:
    """Say which files many people may attach to what they write, and describe those as the others see them."""
    answers = []
    for question, files in zip(body.questions, await grants.attachable(body.questions), strict=True):
        allowed = {file.id for file in files}
        refused = [each for each in dict.fromkeys(question.media_ids) if each not in allowed]
        answers.append(AttachAnswer(refused=refused, items=await deliveries.describe_all(files, NOBODY)))
    return AttachAnswers(answers=answers)


@internal.post("/shown")
async def shown(body: ShownQuestions, asker: CallingService, grants: Grants, deliveries: Deliveries) -> ShownAnswers:
    """Describe the files of what many readers may read, which the service that asks answers for."""
    answers = []
    for question, files in zip(body.questions, await grants.shown(body.questions), strict=True):
        answers.append(MediaAnswer(items=await deliveries.describe_all(files, question.reader or NOBODY)))
    return ShownAnswers(answers=answers)


def _require_asker(asker: Principal, user_id: str) -> None:
    """A service may ask for anybody; whoever passes on a person's identity asks for that person."""
    if asker.kind != "service" and (asker.kind != "user" or asker.user_id != user_id):
        raise Forbidden
