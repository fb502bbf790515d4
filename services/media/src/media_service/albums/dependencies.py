"""What the routes of albums work with."""

from typing import Annotated

from fastapi import Depends, Request

from media_service.albums.service import AlbumService
from servicekit.cursors import Cursors


async def _albums(request: Request) -> AlbumService:
    service: AlbumService = request.state.albums
    return service


async def _cursors(request: Request) -> Cursors:
    cursors: Cursors = request.state.album_cursors
    return cursors


Albums = Annotated[AlbumService, Depends(_albums)]
AlbumCursors = Annotated[Cursors, Depends(_cursors)]
