"""How the hub ends."""

import asyncio

from gateway_service.main import create
from servicekit.testing import serving


def ours() -> list[asyncio.Task]:
    """What the gateway has under way."""
    return [task for task in asyncio.all_tasks() if "gateway_service" in task.get_coro().cr_code.co_filename]


async def test_what_is_asked_in_the_background_ends_with_the_gateway(backend, settings) -> None:
    backend.knows_relations.clear()
    async with serving(create(settings)):
        await backend.asked_relations.wait()
        assert ours()
    assert not ours()
    backend.knows_relations.set()
