"""Builds the services of a gateway's request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.blocks.dependencies import ReadRelations
from chat_service.commands.service import CommandService, ResumeService
from chat_service.conversations.dependencies import ReadConversations


async def _commands(request: Request) -> CommandService:
    state = request.state
    return CommandService(state.sender, state.schedules, state.marks, state.messages, state.reactions, state.peers)


async def _resume(request: Request, conversations: ReadConversations, relations: ReadRelations) -> ResumeService:
    return ResumeService(conversations, request.state.sync, relations)


Commands = Annotated[CommandService, Depends(_commands)]
Resuming = Annotated[ResumeService, Depends(_resume)]
