"""Answers go out whole."""

import asyncio
from typing import cast

import pytest

from servicekit.connections import Gathering


class Wire:
    """A transport that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.told.append("close")
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def gathering(wire: Wire) -> Gathering:
    return Gathering(cast("asyncio.Transport", wire))


async def test_what_is_written_in_one_turn_goes_together(gathering: Gathering, wire: Wire) -> None:
    gathering.write(b"head")
    gathering.write(b"body")
    assert wire.told == []
    await asyncio.sleep(0)
    assert wire.told == [b"headbody"]


async def test_turns_do_not_wait_for_each_other(gathering: Gathering, wire: Wire) -> None:
    for part in (b"one", b"two"):
        gathering.write(part)
        await asyncio.sleep(0)
    assert wire.told == [b"one", b"two"]


async def test_what_was_given_goes_out_before_the_end(gathering: Gathering, wire: Wire) -> None:
    gathering.write(b"last")
    gathering.close()
    await asyncio.sleep(0)
    assert wire.told == [b"last", "close"]


async def test_nothing_is_written_to_who_has_gone(gathering: Gathering, wire: Wire) -> None:
    gathering.write(b"late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.told == []


async def test_all_else_is_the_transport_s_own(gathering: Gathering, wire: Wire) -> None:
    assert not gathering.is_closing()
    wire.close()
    assert gathering.is_closing()
