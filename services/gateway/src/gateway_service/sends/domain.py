"""Which PUTs are sends like those of the sockets, and the message that such a send made."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from messenger_contracts.commands import UUID_PATTERN, MessageCreate
from messenger_contracts.conversations import Message
from messenger_contracts.identity import Principal
from messenger_contracts.shapes import format_timestamp

_UUID = UUID_PATTERN.strip("^$")
_PATH = re.compile(rf"/v1/conversations/({_UUID})/messages/({_UUID})")
_BLANK = Message(
    id="", conversation_id="", client_id="", seq=0, msg_no=0, by="", text=None, created_at=datetime.now(UTC)
).model_dump(mode="json")
"""A message of which nothing is known yet: to fill it in costs a fifth of what the model does."""


class Send(NamedTuple):
    """A send that chat would accept by its form, and what it says."""

    conversation_id: str
    client_id: str
    body: MessageCreate

    def command(self, sender: Principal) -> dict[str, Any]:
        """The `SendCommand` of it, as JSON."""
        return {
            "op": "send",
            "actor": {"user_id": sender.user_id, "username": sender.username},
            "conversation_id": self.conversation_id,
            "client_id": self.client_id,
            "body": self.body.model_dump(mode="json", exclude_unset=True),
        }


def is_send(method: str, path: str) -> bool:
    """Whether a request may be a send; what cannot be is chat's to refuse."""
    return method == "PUT" and _PATH.fullmatch(path) is not None


def read_send(path: str, body: bytes) -> Send | None:
    """The send of a PUT; None when chat's own route has to answer: for a body that is wrong, or is to wait."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    try:
        message = MessageCreate.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError):
        return None
    return None if message.send_at else Send(found[1], found[2], message)


def sent_message(send: Send, sender: str, sent: dict[str, Any]) -> bytes:
    """The message of a send as chat shows it, as JSON. `sent` is the `Sent` that acknowledged it, as JSON."""
    body = send.body
    message = _BLANK | {
        "id": sent["id"],
        "conversation_id": send.conversation_id.lower(),
        "client_id": send.client_id.lower(),
        "seq": sent["seq"],
        "msg_no": sent["msg_no"],
        "by": sender,
        "text": body.text,
        "media": sent.get("media") or [],
        "reply_to": body.reply_to and body.reply_to.lower(),
        "thread_root": body.thread_root and body.thread_root.lower(),
        "mentions": list(dict.fromkeys(body.mentions)),
        "created_at": sent["created_at"],
    }
    if body.expires_in:
        expires_at = datetime.fromisoformat(sent["created_at"]) + timedelta(seconds=body.expires_in)
        message["expires_at"] = format_timestamp(expires_at)
    return orjson.dumps(message)
