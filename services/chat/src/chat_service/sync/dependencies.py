"""Finds the service of sync for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.sync.service import SyncService
from chat_service.sync.watcher import Gone


async def _syncing(request: Request) -> SyncService:
    service: SyncService = request.state.sync
    return service


async def _gone(request: Request) -> Gone:
    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return gone


Syncing = Annotated[SyncService, Depends(_syncing)]
ClientGone = Annotated[Gone, Depends(_gone)]
"""Returns when the client has closed the connection."""
