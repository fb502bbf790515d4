"""Builds the services of members for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.members.repository import MemberRepository
from chat_service.members.service import MemberCommands, MemberService
from servicekit.postgres import ReadSession


async def _reader(request: Request, session: ReadSession) -> MemberService:
    return MemberService(session, MemberRepository(), request.state.memberships, request.state.member_cursors)


async def _commands(request: Request) -> MemberCommands:
    commands: MemberCommands = request.state.members
    return commands


ReadMembers = Annotated[MemberService, Depends(_reader)]
ChangeMembers = Annotated[MemberCommands, Depends(_commands)]
