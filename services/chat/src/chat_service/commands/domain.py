"""Reading a gateway's commands, and how much one answer to many returning clients holds, without I/O."""

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter

from chat_service.sends.domain import Send
from messenger_contracts.commands import Command, CommandBatch, CommandResult, Sent
from messenger_contracts.shapes import format_timestamp

_command: TypeAdapter[Command] = TypeAdapter(Command)

MOST_COMMANDS = 1000
ROOM = 20_000
"""Events that one answer holds, unless a single client missed more."""


def have_room(missed: Sequence[int], room: int = ROOM) -> list[bool]:
    """Of clients who missed so many events each, who is told them now. The others ask again; the first never has to."""
    told = []
    for number, count in enumerate(missed):
        told.append(number == 0 or count <= room)
        room -= count if told[-1] else 0
    return told


def read_commands(body: bytes) -> list[Command | Send]:
    """The commands of a `CommandBatch`; raises `ValidationError`. Plain sends are read without its models."""
    batch = _parse(body)
    if batch is None:
        return list(CommandBatch.model_validate_json(body).commands)
    return [_plain(each) or _command.validate_python(each) for each in batch]


def _parse(body: bytes) -> list[dict[str, Any]] | None:
    """The commands as JSON; None for what the models should say what is wrong with."""
    try:
        batch = orjson.loads(body)["commands"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    fits = isinstance(batch, list) and len(batch) <= MOST_COMMANDS and all(isinstance(each, dict) for each in batch)
    return batch if fits else None


def _plain(command: dict[str, Any]) -> Send | None:
    return Send.plain(command) if command.get("op") == "send" else None


def write_results(results: Sequence[CommandResult | Sent]) -> bytes:
    """The `CommandResults` of an answer. What is not set is left out: the gateway takes it for null."""
    return orjson.dumps({"results": [_shown(each) for each in results]})


def _shown(result: CommandResult | Sent) -> dict[str, Any]:
    if isinstance(result, CommandResult):
        return {name: value for name, value in result.model_dump(mode="json").items() if value is not None}
    sent: dict[str, Any] = {
        "id": result.id,
        "seq": result.seq,
        "msg_no": result.msg_no,
        "created_at": format_timestamp(result.created_at),
        "replayed": result.replayed,
    }
    if result.media is not None:
        sent["media"] = [each.model_dump(mode="json") for each in result.media]
    return {"sent": sent}
