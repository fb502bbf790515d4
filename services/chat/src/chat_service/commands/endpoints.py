"""Internal routes for our own gateways."""

from fastapi import APIRouter, Response

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
async def run(batch: CommandBatch, gateway: CallingService, commands: Commands) -> Response:
    """Run the commands of many people. The answer is `CommandResults`, written once and not validated again."""
    results = CommandResults.model_construct(results=await commands.run(batch.commands))
    return Response(results.model_dump_json(), media_type="application/json")


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
    return MissedEvents(events=await resuming.missed(request))
