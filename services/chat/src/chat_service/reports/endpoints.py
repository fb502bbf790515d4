"""Routes of reports: one for everybody, the others for moderators."""

from fastapi import APIRouter, Response

from chat_service.reports.dependencies import Moderation, Moderator, Reports
from chat_service.reports.schemas import ReportCreate, ReportPatch, StatusQuery
from messenger_contracts.conversations import Report
from messenger_contracts.pagination import Page
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

router = APIRouter()


@router.post(
    "/v1/conversations/{conversation_id}/messages/{message_id}/report",
    status_code=201,
    tags=["messages"],
    responses={200: {"model": Report, "description": "The caller had reported it already"}},
)
async def report(
    conversation_id: str,
    message_id: str,
    body: ReportCreate,
    caller: CurrentUser,
    reports: Reports,
    response: Response,
) -> Report:
    """Bring somebody else's message before the moderators, once. What it says now is kept for them."""
    made, created = await reports.report(caller.user_id, conversation_id, message_id, body)
    response.status_code = 201 if created else 200
    return made


@router.get("/v1/moderation/reports", tags=["moderation"])
async def queue(
    moderator: Moderator,
    moderation: Moderation,
    response: Response,
    status: StatusQuery = "open",
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Page[Report]:
    """List reports, the oldest first. For moderators."""
    page = await moderation.page(moderator.user_id, status, cursor, limit)
    link_next(response, page, "/v1/moderation/reports", limit, status=status)
    return page


@router.get("/v1/moderation/reports/{report_id}", tags=["moderation"])
async def one(report_id: str, moderator: Moderator, moderation: Moderation) -> Report:
    """Read one report. For moderators."""
    return await moderation.one(moderator.user_id, report_id)


@router.patch("/v1/moderation/reports/{report_id}", tags=["moderation"])
async def close(report_id: str, body: ReportPatch, moderator: Moderator, moderation: Moderation) -> Report:
    """Decide on a report, and delete its message for everybody if it has to go. For moderators.

    The same decision again is harmless; another one on a report that was closed is a conflict.
    """
    return await moderation.close(moderator.user_id, report_id, body)
