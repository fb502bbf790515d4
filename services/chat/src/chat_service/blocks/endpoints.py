"""The internal route by which gateways learn who blocks whom."""

from fastapi import APIRouter

from chat_service.blocks.dependencies import ReadRelations
from messenger_contracts.commands import RelationsAnswer, RelationsRequest
from servicekit.identity import CallingService

router = APIRouter()


@router.post("/relations")
async def relations(request: RelationsRequest, gateway: CallingService, blocks: ReadRelations) -> RelationsAnswer:
    """Tell whom some people block, and by whom they are blocked: of all of them, or what changed since a version."""
    return await blocks.changed(request)
