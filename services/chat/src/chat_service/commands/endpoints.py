"""Internal routes for our own gateways."""

from fastapi import APIRouter

from chat_service.commands.dependencies import Commands, Resuming
from messenger_contracts.commands import (
    CommandBatch,
    CommandResults,
    Missed,
    MissedEvents,
    Positions,
    PositionsRequest,
    Resume,
    Resumed,
)
from servicekit.identity import CallingService, CurrentUser

router = APIRouter()


@router.post("/commands")
async def run(batch: CommandBatch, gateway: CallingService, commands: Commands) -> CommandResults:
    """Run the commands of many people."""
    return CommandResults(results=await commands.run(batch.commands))


@router.post("/resume")
async def resume(request: Resume, caller: CurrentUser, resuming: Resuming) -> Resumed:
    """Tell what a returning client missed."""
    return await resuming.resume(caller.user_id, request)


@router.post("/positions")
async def positions(request: PositionsRequest, gateway: CallingService, resuming: Resuming) -> Positions:
    """Tell where conversations stand."""
    return await resuming.positions(request.ids)


@router.post("/missed")
async def missed(request: Missed, gateway: CallingService, resuming: Resuming) -> MissedEvents:
    """Tell what a gateway itself missed."""
    return MissedEvents(events=await resuming.missed(request.after, request.limit))
