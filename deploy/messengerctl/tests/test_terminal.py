"""A conversation at a prompt: what is typed is sent, and what is known of the other is shown."""

import asyncio

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from messenger_contracts.conversations import Conversation
from messengerctl.client import Client
from messengerctl.people import Person
from messengerctl.terminal import Window, converse
from servicekit.testing import eventually

ME = Person(
    gateway="http://test",
    user_id="me",
    username="ada",
    email="ada@example.com",
    password="",
    access_token="",
    refresh_token="",
    expires_at=0,
)


@pytest.fixture
def window(gateway) -> Window:
    """Somebody's window on the conversation; nothing is connected."""
    conversation = Conversation.model_validate(gateway.conversation())
    return Window(Client("http://test"), ME, "bob", conversation, {})


def toolbar(window: Window) -> str:
    return "".join(text for _, text, *_ in window.toolbar())


async def test_lines_are_sent_until_quit(gateway):
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("hello\r/help\r/history 5\rhow are you?\r")
        async with gateway.running() as client:

            async def said() -> bool:
                if len(gateway.log) == 2:
                    keys.send_text("/quit\r")
                return len(gateway.log) == 2

            async with asyncio.timeout(30):
                await asyncio.gather(converse(client, ME, "peer", "bob"), eventually(said))
    assert [event["data"]["text"] for event in gateway.log] == ["hello", "how are you?"]


async def test_one_sees_that_the_other_types(window):
    window.push("typing", {"c": "conversation", "by": "peer", "expires_in": 6})
    assert "bob is typing" in toolbar(window)
    window.push("typing", {"c": "conversation", "by": "peer", "expires_in": 0})
    assert "typing" not in toolbar(window)


async def test_one_s_own_typing_elsewhere_is_not_shown(window):
    window.push("typing", {"c": "conversation", "by": "me", "expires_in": 6})
    assert "typing" not in toolbar(window)


async def test_a_tick_becomes_two_when_the_other_has_read(gateway):
    async with gateway.running() as client:
        conversation = Conversation.model_validate(gateway.conversation())
        window = Window(client, ME, "bob", conversation, {})
        async with window.session:
            window.enter("hello")

            async def sent() -> bool:
                return "✓ sent" in toolbar(window)

            await eventually(sent)
            window.push("read", {"c": "conversation", "by": "peer", "seq": 1})
            assert "✓✓ read" in toolbar(window)
