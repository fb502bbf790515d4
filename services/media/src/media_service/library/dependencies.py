"""What the routes of the library work with."""

from typing import Annotated

from fastapi import Depends, Request

from media_service.grants.service import GrantService
from media_service.library.domain import Selection
from media_service.library.schemas import DeletedQuery, FromQuery, KindQuery, SortQuery, TagQuery, ToQuery
from media_service.library.service import LibraryService
from servicekit.cursors import Cursors
from servicekit.identity import CurrentUser


async def _library(request: Request) -> LibraryService:
    service: LibraryService = request.state.library
    return service


async def _grants(request: Request) -> GrantService:
    service: GrantService = request.state.grants
    return service


async def _cursors(request: Request) -> Cursors:
    cursors: Cursors = request.state.cursors
    return cursors


async def _selection(
    caller: CurrentUser,
    tag: TagQuery = None,
    kind: KindQuery = None,
    since: FromQuery = None,
    to: ToQuery = None,
    sort: SortQuery = "newest",
    deleted: DeletedQuery = False,
) -> Selection:
    return Selection(caller.user_id, tag=tag, kind=kind, since=since, until=to, sort=sort, deleted=deleted)


Library = Annotated[LibraryService, Depends(_library)]
Grants = Annotated[GrantService, Depends(_grants)]
ListCursors = Annotated[Cursors, Depends(_cursors)]
Selected = Annotated[Selection, Depends(_selection)]
