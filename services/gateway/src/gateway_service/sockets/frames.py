"""What a client's frame says: read as JSON, most of them by hand, and put as a command of chat."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from messenger_contracts.commands import UUID_PATTERN
from messenger_contracts.conversations import MAX_TEXT_BYTES
from messenger_contracts.realtime import DeleteOp, EditOp, Frame, ReactOp, ReadOp, Send
from servicekit.errors import ValidationFailed, said_of

_UUID = re.compile(UUID_PATTERN)
_FRAME, _PLAIN = {"id", "op", "d"}, {"c", "client_id", "text"}
_BYTES_A_CHARACTER = 4


def parse(line: str) -> dict[str, Any]:
    """The request of a frame; raises `ValidationFailed` for what is no JSON object."""
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValidationFailed("The frame is not JSON.") from error
    if not isinstance(request, dict):
        raise ValidationFailed("The frame is not a JSON object.")
    return request


def number_of(request: dict[str, Any]) -> int | None:
    """The number of a request that may be wrong otherwise, so that its refusal can name it."""
    number = request.get("id")
    return number if type(number) is int else None


def what_is_wrong(error: ValidationError) -> str:
    """What is wrong with a frame, in one line."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {said_of(each)}" for each in error.errors())


def plain_send(request: dict[str, Any], actor: dict[str, str]) -> dict[str, Any] | None:
    """The `SendCommand` of a frame that says nothing but a text, as JSON, checked by hand: most frames are such.

    None for every other frame, also for one that is wrong: those are for the shapes of the contract to judge.
    """
    if request.get("op") != "send" or request.keys() != _FRAME or type(request["id"]) is not int or request["id"] < 0:
        return None
    d = request["d"]
    if type(d) is not dict or d.keys() != _PLAIN:
        return None
    conversation, client_id, text = d["c"], d["client_id"], d["text"]
    if type(conversation) is not str or type(client_id) is not str or type(text) is not str:
        return None
    if not _UUID.fullmatch(client_id) or not text.strip() or "\x00" in text:
        return None
    if len(text) * _BYTES_A_CHARACTER > MAX_TEXT_BYTES:
        return None
    return {
        "op": "send",
        "actor": actor,
        "conversation_id": conversation,
        "client_id": client_id,
        "body": {"text": text},
    }


def command_of(frame: Frame, actor: dict[str, str]) -> dict[str, Any]:
    """The `Command` that a frame with one of the operations `COMMANDS` asks for, as JSON; raises `ValidationError`."""
    return {"actor": actor, **COMMANDS[frame.op](frame)}


def may_be_slow(command: Mapping[str, Any]) -> bool:
    """Whether chat may have to ask media about a command: about files, of a message that is sent or edited."""
    return command["op"] == "edit" or (command["op"] == "send" and bool(command["body"].get("media_ids")))


def _send(frame: Frame) -> dict[str, Any]:
    send = Send.model_validate(frame.d)
    body = send.model_dump(mode="json", exclude={"c", "client_id"}, exclude_unset=True)
    return {"op": "send", "conversation_id": send.c, "client_id": send.client_id, "body": body}


def _read(frame: Frame) -> dict[str, Any]:
    read = ReadOp.model_validate(frame.d)
    return {"op": "read", "conversation_id": read.c, **read.model_dump(exclude={"c"})}


def _edit(frame: Frame) -> dict[str, Any]:
    edit = EditOp.model_validate(frame.d)
    body = edit.model_dump(mode="json", exclude={"c", "id"}, exclude_unset=True)
    return {"op": "edit", "conversation_id": edit.c, "message_id": edit.id, "body": body}


def _delete(frame: Frame) -> dict[str, Any]:
    delete = DeleteOp.model_validate(frame.d)
    everywhere = delete.whose == "everyone"
    return {"op": "delete", "conversation_id": delete.c, "message_id": delete.id, "everywhere": everywhere}


def _react(frame: Frame) -> dict[str, Any]:
    react = ReactOp.model_validate(frame.d)
    said = {"message_id": react.id, "emoji": react.emoji, "remove": frame.op == "unreact"}
    return {"op": "react", "conversation_id": react.c, **said}


COMMANDS: Mapping[str, Callable[[Frame], dict[str, Any]]] = {
    "send": _send,
    "edit": _edit,
    "delete": _delete,
    "react": _react,
    "unreact": _react,
    "read": _read,
}
"""The operations that chat carries out."""
