"""Cursors: opaque, and good for one list and one reader."""

import asyncio
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyseto import Key

from messenger_contracts.problem import ErrorCode
from servicekit.cursors import FOR_EVER, Cursors
from servicekit.errors import ServiceError, ValidationFailed
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens

_PASERK = Key.new(4, "local", secrets.token_bytes(32)).to_paserk()
_numbers = st.integers(-(2**63), 2**63 - 1)
positions = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=10,
)


async def load():
    return [_PASERK]


@pytest.fixture
def ring():
    return KeyRing(load)


@given(st.text(min_size=1, max_size=64), positions)
def test_a_position_comes_back(reader, position):
    async def round_trip():
        cursors = Cursors(KeyRing(load), "things")
        return await cursors.read(reader, await cursors.make(reader, position))

    assert asyncio.run(round_trip()) == position


async def test_a_cursor_of_another_reader_is_refused(ring):
    cursors = Cursors(ring, "things")
    with pytest.raises(ValidationFailed) as caught:
        await cursors.read("mallory", await cursors.make("bob", 1))
    assert [error.pointer for error in caught.value.errors] == ["query/cursor"]


async def test_a_cursor_of_another_list_is_refused(ring):
    with pytest.raises(ValidationFailed):
        await Cursors(ring, "things").read("bob", await Cursors(ring, "others").make("bob", 1))


@pytest.mark.parametrize("cursor", ["", "1", "bnVsbA==", "v4.local.forged", "x" * 10_000])
async def test_what_is_no_cursor_is_refused(ring, cursor):
    with pytest.raises(ValidationFailed):
        await Cursors(ring, "things").read("bob", cursor)


async def test_an_old_cursor_says_start_again(ring):
    old = await Tokens(ring, "cursor:things").make({"r": "bob", "p": 1}, -1)
    with pytest.raises(ServiceError) as caught:
        await Cursors(ring, "things").read("bob", old)
    assert caught.value.code is ErrorCode.CURSOR_EXPIRED


async def test_a_page_says_where_to_go_on_if_there_is_more(ring):
    cursors = Cursors(ring, "things")
    page = await cursors.page("bob", ["a", "b", "c"], 2, str.upper)
    assert page.items == ["a", "b"]
    assert await cursors.read("bob", page.next) == "B"


async def test_the_last_page_has_no_cursor(ring):
    page = await Cursors(ring, "things").page("bob", ["a", "b"], 2, str.upper)
    assert (page.items, page.next) == (["a", "b"], None)


async def test_a_cursor_may_last_for_ever_and_have_its_own_parameter(ring):
    cursors = Cursors(ring, "things", ttl=FOR_EVER, parameter="since")
    assert await cursors.read("bob", await cursors.make("bob", 1)) == 1
    with pytest.raises(ValidationFailed) as caught:
        await cursors.read("bob", "v4.local.forged")
    assert [error.pointer for error in caught.value.errors] == ["query/since"]
