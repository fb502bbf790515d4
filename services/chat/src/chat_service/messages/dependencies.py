"""Builds the services of messages for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.conversations.dependencies import ReadConversations
from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageService
from servicekit.postgres import ReadSession


async def _reader(request: Request, session: ReadSession, conversations: ReadConversations) -> MessageService:
    return MessageService(session, MessageRepository(), conversations, request.state.message_cursors)


Messages = Annotated[MessageService, Depends(_reader)]
