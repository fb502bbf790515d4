"""Internal routes for our own gateways."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from chat_service.commands.dependencies import Commands, Resuming
from chat_service.commands.domain import read_commands, write_results
from messenger_contracts.commands import (
    JoinsAnswer,
    JoinsRequest,
    Missed,
    MissedEvents,
    Positions,
    PositionsRequest,
    ResumeBatch,
)
from messenger_contracts.shapes import Shape
from servicekit.identity import CallingService

router = APIRouter()
Body = TypeVar("Body", bound=Shape)


@router.post("/commands")
async def run(request: Request, gateway: CallingService, commands: Commands) -> Response:
    """Run the commands of many people: `CommandBatch`. The answer is `CommandResults`."""
    with _refusing():
        batch = read_commands(await request.body())
    return Response(write_results(await commands.run(batch)), media_type="application/json")


@router.post("/resumes")
async def resume(request: Request, gateway: CallingService, resuming: Resuming) -> Response:
    """Tell what returning clients missed: `ResumeBatch`.

    The answer is lines: a JSON list of a `ResumedFrames` for each, then the frames that these count, in their order.
    """
    batch = await _read(request, ResumeBatch)
    return Response(await resuming.resume(batch.resumes), media_type="application/x-ndjson")


@router.post("/positions")
async def positions(request: PositionsRequest, gateway: CallingService, resuming: Resuming) -> Positions:
    """Tell where conversations stand."""
    return await resuming.positions(request.ids)


@router.post("/joins")
async def joins(request: JoinsRequest, gateway: CallingService, resuming: Resuming) -> JoinsAnswer:
    """Tell into which conversations connected people came since a gateway asked last."""
    return await resuming.joined(request)


@router.post("/missed")
async def missed(request: Missed, gateway: CallingService, resuming: Resuming) -> MissedEvents:
    """Tell what a gateway itself missed."""
    return MissedEvents(events=await resuming.missed(request))


async def _read(request: Request, shape: type[Body]) -> Body:
    """The body of a request, read in one step: for large ones FastAPI's own two cost as much as what they ask for."""
    with _refusing():
        return shape.model_validate_json(await request.body())


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuse a body as FastAPI does."""
    try:
        yield
    except ValidationError as error:
        places = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(places) from error
