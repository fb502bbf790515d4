"""Finds the service of reactions for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.reactions.service import ReactionService


async def _reactions(request: Request) -> ReactionService:
    reactions: ReactionService = request.state.reactions
    return reactions


Reactions = Annotated[ReactionService, Depends(_reactions)]
