"""What chat tells of a returning client."""

from typing import Any, NamedTuple


class Resumed(NamedTuple):
    """`messenger_contracts.commands.ResumedFrames` as it came, and the frames of the events that were missed."""

    told: dict[str, Any]
    frames: list[bytes]
