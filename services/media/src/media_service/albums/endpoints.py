"""Routes of albums."""

from fastapi import APIRouter, Response

from media_service.albums.dependencies import AlbumCursors, Albums
from media_service.albums.schemas import AlbumCreate, AlbumPatch, AlbumPath, PersonPath
from media_service.deliveries.dependencies import Deliveries
from media_service.library.schemas import MediaPath
from messenger_contracts.media import Album, Media
from messenger_contracts.pagination import DEFAULT_LIMIT, Page
from servicekit.etags import IfMatch, etag
from servicekit.idempotency import CurrentAttempt
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

PATH = "/v1/albums"
router = APIRouter(prefix=PATH, tags=["albums"])


@router.post("", status_code=201)
async def create(
    body: AlbumCreate, caller: CurrentUser, albums: Albums, attempt: CurrentAttempt, response: Response
) -> Album:
    """Make an album, and share it with up to 45 people: viewers look, contributors add files of their own."""
    return (await albums.create(caller.user_id, body, attempt)).give(response)


@router.get("")
async def listed(
    caller: CurrentUser,
    albums: Albums,
    cursors: AlbumCursors,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[Album]:
    """List the albums that the caller owns or that are shared with them, newest first."""
    before = await cursors.read(caller.user_id, cursor) if cursor else None
    items, position = await albums.page(caller.user_id, before, limit)
    page = Page[Album](items=items, next=position and await cursors.make(caller.user_id, position))
    link_next(response, page, PATH, limit)
    return page


@router.get("/{album_id}")
async def one(album_id: AlbumPath, caller: CurrentUser, albums: Albums, response: Response) -> Album:
    """Get an album."""
    album, version = await albums.one(caller.user_id, album_id)
    response.headers["ETag"] = etag(version)
    return album


@router.patch("/{album_id}")
async def change(
    album_id: AlbumPath,
    body: AlbumPatch,
    caller: CurrentUser,
    albums: Albums,
    response: Response,
    if_match: IfMatch = None,
) -> Album:
    """Change an album's title, or with whom it is shared; who is taken out sees its files no longer. For its owner."""
    album, version = await albums.change(caller.user_id, album_id, body, if_match)
    response.headers["ETag"] = etag(version)
    return album


@router.delete("/{album_id}", status_code=204)
async def delete(album_id: AlbumPath, caller: CurrentUser, albums: Albums) -> None:
    """Delete an album; its files stay in their owners' libraries. For its owner."""
    await albums.delete(caller.user_id, album_id)


@router.get("/{album_id}/items")
async def items(
    album_id: AlbumPath,
    caller: CurrentUser,
    albums: Albums,
    cursors: AlbumCursors,
    deliveries: Deliveries,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[Media]:
    """List an album's files, the latest uploaded first. A page may hold fewer than `limit` and still have a next."""
    before = await cursors.read(caller.user_id, cursor) if cursor else None
    files, position = await albums.items(caller.user_id, album_id, before, limit)
    shown = await deliveries.describe_all(files, caller.user_id)
    page = Page[Media](items=shown, next=position and await cursors.make(caller.user_id, position))
    link_next(response, page, f"{PATH}/{album_id}/items", limit)
    return page


@router.put("/{album_id}/items/{media_id}", status_code=204)
async def add_item(album_id: AlbumPath, media_id: MediaPath, caller: CurrentUser, albums: Albums) -> None:
    """Put a file of the caller's into an album; again is harmless. It takes a contributor, or the owner."""
    await albums.add_item(caller.user_id, album_id, media_id)


@router.delete("/{album_id}/items/{media_id}", status_code=204)
async def remove_item(album_id: AlbumPath, media_id: MediaPath, caller: CurrentUser, albums: Albums) -> None:
    """Take a file out of an album: the owner any, a contributor their own, even when they are in it no longer."""
    await albums.remove_item(caller.user_id, album_id, media_id)


@router.delete("/{album_id}/shared/{user_id}", status_code=204)
async def unshare(album_id: AlbumPath, user_id: PersonPath, caller: CurrentUser, albums: Albums) -> None:
    """Leave an album that is shared with the caller; or, as its owner, share it with somebody no longer."""
    await albums.unshare(caller.user_id, album_id, user_id)
