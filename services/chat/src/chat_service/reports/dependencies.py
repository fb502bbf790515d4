"""Builds the services of reports for a request, and lets moderators alone pass."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageFinder
from chat_service.reports.errors import NotModerator
from chat_service.reports.repository import ReportRepository
from chat_service.reports.service import ModerationService, ReportService
from messenger_contracts.identity import MODERATORS, Principal
from servicekit.identity import CurrentUser
from servicekit.postgres import WriteSession


async def _reports(request: Request, session: WriteSession) -> ReportService:
    return ReportService(session, ReportRepository(), MessageFinder(request.state.memberships, MessageRepository()))


async def _moderator(caller: CurrentUser) -> Principal:
    if MODERATORS not in caller.groups:
        raise NotModerator
    return caller


async def _moderation(request: Request) -> ModerationService:
    state = request.state
    return ModerationService(
        state.database, ReportRepository(), state.changes, state.messages, state.report_cursors, state.files
    )


Reports = Annotated[ReportService, Depends(_reports)]
Moderation = Annotated[ModerationService, Depends(_moderation)]
Moderator = Annotated[Principal, Depends(_moderator)]
"""A person in the user pool's group `moderators`."""
