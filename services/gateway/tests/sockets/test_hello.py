"""How long a client may take to say hello."""

import asyncio

from messenger_contracts.realtime import CloseCode


async def test_who_says_no_hello_for_too_long_ends_with_4008(gateway) -> None:
    async with gateway(hello_seconds=0.2) as join, join("ada") as ada, join("ada", hello=False) as silent:
        await silent.ask("ping")
        assert await silent.closed() == CloseCode.TOO_SLOW
        assert (await ada.ask("ping"))["ok"] == {"positions": {}}


async def test_what_chat_takes_to_answer_a_hello_is_not_the_client_s_time(gateway, backend) -> None:
    async with gateway(hello_seconds=0.2) as join, join("ada", hello=False) as ada, join("bob", hello=False) as silent:
        backend.room = 0
        saying = asyncio.create_task(ada.ask("hello"))
        assert await silent.closed() == CloseCode.TOO_SLOW
        backend.room = 1000
        assert (await saying)["ok"]["resumed"] is True
