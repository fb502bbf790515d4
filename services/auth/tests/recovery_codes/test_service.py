"""Recovery codes in the table."""

import asyncio

import pytest

from auth_service.recovery_codes.domain import HOW_MANY
from auth_service.recovery_codes.errors import WrongRecoveryCode
from auth_service.recovery_codes.repository import RecoveryCodeRepository
from auth_service.recovery_codes.service import RecoveryCodeService

SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture
async def table(settings, aws) -> RecoveryCodeRepository:
    return RecoveryCodeRepository(await aws.client("dynamodb"), settings.resource("recovery-codes"))


@pytest.fixture
def codes(table) -> RecoveryCodeService:
    return RecoveryCodeService(table)


@pytest.fixture
def ada(namespace) -> str:
    return f"id-of-{namespace}"


async def test_each_code_opens_the_secret_once(codes, ada):
    given = await codes.replace(ada, SECRET)
    for left, code in enumerate(given, 1):
        assert await codes.open(ada, code) == SECRET
        await codes.use(ada, code)
        with pytest.raises(WrongRecoveryCode):
            await codes.open(ada, code)
        assert await codes.left(ada) == HOW_MANY - left


async def test_of_two_uses_at_once_one_is_good(codes, ada):
    code = (await codes.replace(ada, SECRET))[0]
    outcomes = await asyncio.gather(*(codes.use(ada, code) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [WrongRecoveryCode] * 4


async def test_new_codes_void_the_old_ones(codes, ada):
    old = (await codes.replace(ada, SECRET))[0]
    new = (await codes.replace(ada, "another"))[0]
    with pytest.raises(WrongRecoveryCode):
        await codes.open(ada, old)
    assert await codes.open(ada, new) == "another"


async def test_nobody_uses_anothers_code(codes, ada):
    code = (await codes.replace(ada, SECRET))[0]
    with pytest.raises(WrongRecoveryCode):
        await codes.open(f"{ada}-not", code)


async def test_the_table_holds_neither_codes_nor_the_secret(codes, table, ada):
    given = await codes.replace(ada, SECRET)
    kept = str(await table.get(ada))
    assert not [word for word in (SECRET, *given, *(code.replace("-", "") for code in given)) if word in kept]


async def test_what_lies_under_another_code_does_not_open(codes, table, ada):
    one, other, *_ = await codes.replace(ada, SECRET)
    kept = await table.get(ada)
    marks = list(kept)
    await table.put(ada, dict(zip(marks, [kept[mark] for mark in marks[1:] + marks[:1]], strict=True)))
    for code in (one, other):
        with pytest.raises(WrongRecoveryCode):
            await codes.open(ada, code)


async def test_forgotten_codes_are_void(codes, ada):
    code = (await codes.replace(ada, SECRET))[0]
    await codes.forget(ada)
    await codes.forget(ada)
    with pytest.raises(WrongRecoveryCode):
        await codes.use(ada, code)
    assert await codes.left(ada) == 0
