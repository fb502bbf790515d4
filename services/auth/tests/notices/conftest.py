"""What sends notices, and the rows and mails that show what it did."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from auth_service.dependencies import make_log, make_notices
from auth_service.mails.repository import MailRepository
from auth_service.notices.repository import SOURCES, NoticeRepository
from auth_service.notices.service import NoticeService
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.dynamodb import from_item, to_item
from servicekit.testing import REGION


@pytest.fixture
async def pool(aws, settings):
    """The pool, as the worker has it."""
    return await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)


@pytest.fixture
async def notices(aws, settings):
    """What sends notices."""
    return await make_notices(settings, aws)


@pytest.fixture
async def log(aws, settings, pool):
    """The security log."""
    return await make_log(settings, aws, pool)


@pytest.fixture
async def notice_rows(aws, settings) -> dict[str, NoticeRepository]:
    """Where notices are found, by the table."""
    dynamodb = await aws.client("dynamodb")
    return {source.table: NoticeRepository(dynamodb, settings.resource(source.table), source) for source in SOURCES}


@pytest.fixture
async def without_mail(notice_rows, settings, pool):
    """What sends notices, with a mail service that refuses; gives it and the mail service's stub."""
    async with Aws(REGION) as other:
        ses = await other.client("sesv2")
        with Stubber(ses) as answers:
            mails = MailRepository(ses, settings.mail_sender)
            yield NoticeService(list(notice_rows.values()), mails, pool), answers


@pytest.fixture
def mails_of(emulator_mails) -> Callable[[Any], Awaitable[list[dict[str, Any]]]]:
    """The mails that we sent to a person, oldest first: without Cognito's codes."""

    async def read(person: Any) -> list[dict[str, Any]]:
        return [mail for mail in await emulator_mails(person.email) if mail["BodyText"].startswith("Hello ")]

    return read


class Rows:
    """The rows that may be marked, past the services."""

    def __init__(self, dynamodb: Any, name_of: Callable[[str], str]) -> None:
        self._dynamodb = dynamodb
        self._name_of = name_of
        self._keys = {source.table: source.key for source in SOURCES}

    async def marked(self, person: Any) -> list[dict[str, Any]]:
        """The rows of a person that bear the mark, or what was left of it, each with its `table`."""
        found = [row for table in self._keys for row in await self._of(table, person.user_id)]
        return [row for row in found if {"unnoticed", "not_before", "tries"} & set(row)]

    async def change(self, row: dict[str, Any], update: str, **values: Any) -> None:
        """Change a row by an update expression."""
        bound = {"ExpressionAttributeValues": to_item({f":{name}": value for name, value in values.items()})}
        await self._dynamodb.update_item(**self._place(row), UpdateExpression=update, **(bound if values else {}))

    async def delete(self, row: dict[str, Any]) -> None:
        """Remove a row."""
        await self._dynamodb.delete_item(**self._place(row))

    async def is_there(self, row: dict[str, Any]) -> bool:
        """Whether there is a row with the key of this one."""
        return "Item" in await self._dynamodb.get_item(**self._place(row), ConsistentRead=True)

    async def _of(self, table: str, user_id: str) -> list[dict[str, Any]]:
        found = await self._dynamodb.query(
            TableName=self._name_of(table),
            KeyConditionExpression=f"{self._keys[table][0]} = :user",
            ExpressionAttributeValues=to_item({":user": user_id}),
            ConsistentRead=True,
        )
        return [from_item(item) | {"table": table} for item in found["Items"]]

    def _place(self, row: dict[str, Any]) -> dict[str, Any]:
        key = {name: row[name] for name in self._keys[row["table"]]}
        return {"TableName": self._name_of(row["table"]), "Key": to_item(key)}


@pytest.fixture
async def rows(aws_account, settings) -> Any:
    """The rows, for one who may do everything."""
    async with Aws(REGION, aws_access_key_id="test", aws_secret_access_key="test") as root:
        yield Rows(await root.client("dynamodb"), settings.resource)
