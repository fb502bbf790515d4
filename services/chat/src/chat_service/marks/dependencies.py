"""Builds the services of marks for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.marks.repository import MarkRepository
from chat_service.marks.service import MarkService, ReceiptService
from servicekit.postgres import ReadSession


async def _marks(request: Request) -> MarkService:
    marks: MarkService = request.state.marks
    return marks


async def _receipts(request: Request, session: ReadSession) -> ReceiptService:
    return ReceiptService(session, MarkRepository(), request.state.memberships, request.state.receipt_cursors)


Marks = Annotated[MarkService, Depends(_marks)]
Receipts = Annotated[ReceiptService, Depends(_receipts)]
