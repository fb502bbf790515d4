"""Builds the services of messages for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.conversations.dependencies import ReadConversations
from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageCommands, MessageFinder, MessageService
from servicekit.postgres import ReadSession


async def _reader(request: Request, session: ReadSession, conversations: ReadConversations) -> MessageService:
    repository = MessageRepository()
    finder = MessageFinder(request.state.memberships, repository)
    return MessageService(
        session, repository, finder, conversations, request.state.message_cursors, request.state.files
    )


async def _commands(request: Request) -> MessageCommands:
    commands: MessageCommands = request.state.messages
    return commands


Messages = Annotated[MessageService, Depends(_reader)]
ChangeMessages = Annotated[MessageCommands, Depends(_commands)]
