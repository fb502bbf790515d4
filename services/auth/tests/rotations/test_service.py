"""A rotation stands in the security log once, however often and by however many one looks."""

import asyncio

import pytest

from auth_service.dependencies import make_log, make_watch
from auth_service.user_pool.repository import UserPool
from servicekit.rotation import rotate


@pytest.fixture
async def log(aws, settings):
    """The security log."""
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    return await make_log(settings, aws, pool)


async def test_a_rotation_is_noted_once(settings, aws, root, log):
    watch = await make_watch(settings, aws)
    before = [record.data["version"] for record in await log.of("auth-receipt-private", None, 10)]
    version = rotate(root("secretsmanager"), settings.resource("receipt-private"))
    for _ in range(2):
        await asyncio.gather(*(watch.step() for _ in range(3)))
    noted = [record.data["version"] for record in await log.of("auth-receipt-private", None, 10)]
    assert sorted(noted) == sorted([*before, version])


async def test_a_key_that_never_had_another_is_not_noted(settings, aws, log):
    watch = await make_watch(settings, aws)
    await watch.step()
    assert await log.of("gateway-identity-public", None, 10) == []
