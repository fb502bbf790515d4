"""Builds the services of conversations for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import ConversationService
from chat_service.log.repository import LogRepository
from chat_service.log.service import LogService
from servicekit.postgres import ReadSession


async def _reader(request: Request, session: ReadSession) -> ConversationService:
    log = LogService(LogRepository())
    state = request.state
    return ConversationService(session, ConversationRepository(), log, state.conversation_cursors, state.files)


ReadConversations = Annotated[ConversationService, Depends(_reader)]
