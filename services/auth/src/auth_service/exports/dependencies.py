"""What the export routes are given, and what makes archives, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.exports.archiver import Archiver
from auth_service.exports.own import OwnRecords
from auth_service.exports.repository import ArchiveRepository, ExportRepository
from auth_service.exports.service import ExportService
from auth_service.keepers.service import Keepers
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.service import SessionService
from auth_service.settings import AuthSettings
from servicekit.aws import Aws
from servicekit.downloads import Downloads


async def _exports(request: Request) -> ExportService:
    service: ExportService = request.state.exports
    return service


Exports = Annotated[ExportService, Depends(_exports)]


async def make_exports(settings: AuthSettings, aws: Aws, sessions: SessionService, log: SecurityLog) -> ExportService:
    """What people ask for copies by."""
    exports, archives = await _repositories(settings, aws)
    return ExportService(exports=exports, archives=archives, sessions=sessions, log=log)


@asynccontextmanager
async def open_archiver(
    settings: AuthSettings,
    aws: Aws,
    accounts: AccountService,
    ends: SessionEnds,
    keepers: Keepers,
    log: SecurityLog,
) -> AsyncIterator[Archiver]:
    """What makes the archives, with connections of its own."""
    exports, archives = await _repositories(settings, aws)
    own = OwnRecords(accounts, ends, log)
    async with Downloads() as downloads:
        yield Archiver(exports=exports, archives=archives, own=own, keepers=keepers, downloads=downloads, log=log)


async def _repositories(settings: AuthSettings, aws: Aws) -> tuple[ExportRepository, ArchiveRepository]:
    exports = ExportRepository(await aws.client("dynamodb"), settings.resource("exports"))
    public = await aws.client("s3", settings.s3_public_url or None)
    return exports, ArchiveRepository(await aws.client("s3"), public, settings.bucket)
