"""Notification on real parts: an AWS account of the test's own with what the service declares, and people of its own.

Valkey is shared by the tests of a worker, and so is the namespace: a person's name carries the test's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from localcloud.provision import connect, provision
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Message
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import MessageCreated
from messenger_contracts.realtime import Fanout, user_channel
from notification_service.main import create
from notification_service.notifications.repository import NotificationRepository
from notification_service.settings import NotificationSettings
from servicekit.aws import Aws
from servicekit.testing import PREFIX, REGION, Callers, client_of, eventually

SERVICES = Path(__file__).parents[2]
CONVERSATION = "0198c0de-0000-7000-8000-000000000001"
NOW = datetime(2026, 1, 31, 9, 30, 0, 123_000, tzinfo=UTC)

MakeEvent = Callable[..., Event[MessageCreated]]
NextPushes = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def provisioned(aws_account: str, emulator_url: str) -> None:
    """What notification and the gateway own, in the test's account."""
    clients = connect(emulator_url, aws_account, "test", REGION)
    provision(clients, [SERVICES / "gateway", SERVICES / "notification"], PREFIX, account_id=aws_account)


@pytest.fixture
def settings(valkey_url: str, provisioned: None, aws_account: str) -> NotificationSettings:
    """Settings of a notification service of the test's own."""
    return NotificationSettings(
        environment="test", resource_prefix=PREFIX, account_id=aws_account, valkey_url=valkey_url, retry_seconds=(0,)
    )


@pytest.fixture
async def repository(aws: Aws, settings: NotificationSettings) -> NotificationRepository:
    """The table of the test's account."""
    return NotificationRepository(await aws.client("dynamodb"), settings.resource("notifications"))


@pytest.fixture
def bob(namespace: str) -> str:
    """A recipient's name; the id is `user-` and the name."""
    return f"bob-{namespace}"


@pytest.fixture
def message_created() -> MakeEvent:
    """Make chat's event of a new message."""

    def make(
        *recipients: str, text: str | None = "hello", seq: int = 7, at: datetime = NOW, event_id: str = ""
    ) -> Event[MessageCreated]:
        message = Message(
            id=str(uuid4()),
            conversation_id=CONVERSATION,
            client_id=str(uuid4()),
            seq=seq,
            msg_no=seq,
            by="user-alice",
            text=text,
            created_at=at,
        )
        return Event[MessageCreated](
            id=event_id or str(uuid4()),
            source="chat",
            type=MessageCreated.TYPE,
            time=at,
            subject=CONVERSATION,
            dataschema=schema_uri(MessageCreated.TYPE),
            data=MessageCreated(
                conversation_id=CONVERSATION,
                seq=seq,
                actor=Actor(user_id="user-alice", username="alice"),
                message=message,
                recipients=list(recipients),
            ),
        )

    return make


@pytest.fixture
async def api(settings: NotificationSettings, callers: Callers, bob: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API, asked by bob."""
    async with client_of(create(settings), **await callers.user(bob)) as client:
        yield client


@pytest.fixture
async def socket(valkey: Any, bob: str) -> AsyncIterator[NextPushes]:
    """What a gateway with a socket of bob's gets: call it for the pushes of the next publication."""
    async with valkey.pubsub() as pubsub:

        async def receive(kind: str) -> dict[str, Any] | None:
            message = await pubsub.get_message(timeout=1.0)
            return message if message and message["type"] == kind else None

        async def next_pushes() -> list[dict[str, Any]]:
            message = await eventually(lambda: receive("message"))
            return Fanout.model_validate_json(message["data"]).pushes

        await pubsub.subscribe(user_channel(PREFIX, f"user-{bob}"))
        await eventually(lambda: receive("subscribe"))
        yield next_pushes
