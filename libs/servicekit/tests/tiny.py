"""A service for tests that need a whole process: it drains, holds requests, and asks a database."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from fastapi import APIRouter, FastAPI, Request
from pydantic_settings import SettingsConfigDict
from sqlalchemy import text

from messenger_contracts.identity import anonymous
from servicekit.app import create_app
from servicekit.postgres import Database, create_engine
from servicekit.server import serve
from servicekit.settings import ServiceSettings
from servicekit.testing import eventually


class TinySettings(ServiceSettings):
    """Settings of the process."""

    SERVICE: ClassVar[str] = "tiny"
    model_config = SettingsConfigDict(env_prefix="TINY_", extra="ignore", frozen=True)

    database_url: str = ""
    """A database, if there is one."""
    folder: Path = Path()
    """Where the test leaves its signs: a file that appears."""


class EverybodyIsNobody:
    """Stands where the identity verifier stands."""

    async def verify(self, token: str | None) -> object:
        return anonymous()


async def _appearance(sign: Path) -> None:
    async def appeared() -> bool:
        return await asyncio.to_thread(sign.exists)

    await eventually(appeared, 60)


router = APIRouter()


@router.get("/hold")
async def hold(request: Request) -> str:
    """Answer when the test says so."""
    folder: Path = request.state.folder
    (folder / "holding").touch()
    await _appearance(folder / "let-go")
    return "held"


@router.get("/query")
async def query(request: Request) -> int:
    """Ask the database."""
    async with request.state.database.read() as session:
        return int(await session.scalar(text("SELECT 42")))


@router.get("/collector")
async def collector() -> tuple[int, int]:
    """How many objects the garbage collector leaves alone, and how many it looks at."""
    return gc.get_freeze_count(), len(gc.get_objects())


def create(settings: TinySettings) -> FastAPI:
    """The process as an app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        url = settings.database_url
        async with Database(create_engine(url, name="tiny")) if url else nullcontext() as database:
            yield {"identity": EverybodyIsNobody(), "folder": settings.folder, "database": database}
        (settings.folder / "ended").touch()

    async def drain() -> None:
        await _appearance(settings.folder / "drained")

    app = create_app(settings, title="Tiny", lifespan=lifespan, routers=[router])
    app.state.drain = drain
    return app


if __name__ == "__main__":
    tiny_settings = TinySettings()
    serve(create(tiny_settings), tiny_settings)
