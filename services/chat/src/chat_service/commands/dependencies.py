"""Builds the services of a gateway's request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.commands.service import CommandService, ResumeService
from chat_service.conversations.dependencies import ReadConversations


async def _commands(request: Request) -> CommandService:
    return CommandService(request.state.sender, request.state.marks)


async def _resume(conversations: ReadConversations) -> ResumeService:
    return ResumeService(conversations)


Commands = Annotated[CommandService, Depends(_commands)]
Resuming = Annotated[ResumeService, Depends(_resume)]
