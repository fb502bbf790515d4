"""Chat's real schema and notification's real tables, filled with a conversation as the services would have left it."""

import os
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from localcloud.processes import identify
from localcloud.provision import connect, provision
from localcloud.state import Recorded, Service, State, save_state
from messengerctl.suite import Suite
from servicekit.testing import PREFIX, REGION

SERVICES = Path(__file__).parents[4] / "services"
C = UUID("01900000-0000-7000-8000-000000000001")
MESSAGES = 5


class Stores:
    """The two stores that the audit compares, open to damage."""

    conversation_id = C

    def __init__(self, suite: Suite, connection: asyncpg.Connection) -> None:
        self.suite = suite
        self.sql = connection
        self._dynamodb = suite.aws("dynamodb")
        self._ledger = suite.resource("notification", "ledger")
        self._inbox = suite.resource("notification", "notifications")

    @staticmethod
    def event(seq: int) -> str:
        """The id of an event of the conversation."""
        return f"chat:{C}:{seq}"

    async def begin(self) -> None:
        """Two people in a conversation, and messages of one of them, published and delivered."""
        await self.sql.execute(
            "INSERT INTO conversations (id, kind, epoch, created_at, active_at, last_seq, last_msg_no, member_count)"
            " VALUES ($1, 'direct', 'e', now(), now(), $2, $3, 2)",
            *(C, MESSAGES + 2, MESSAGES),
        )
        await self.sql.execute(
            "INSERT INTO log (conversation_id, seq, type, at, by, by_name, data)"
            " SELECT $1, seq, 'member.joined', now(), 'ada', 'ada', jsonb_build_object('user_id', name)"
            " FROM unnest($2::text[]) WITH ORDINALITY AS joined (name, seq)",
            *(C, ["ada", "bob"]),
        )
        for number in range(1, MESSAGES + 1):
            await self.add_message(number, seq=number + 2)
            self.enter_ledger(self.event(number + 2))
            self.put_into_inbox(self.event(number + 2), "bob")
        await self.publish()

    async def add_message(self, msg_no: int, seq: int) -> None:
        """Write a message and its event."""
        await self.sql.execute(
            "INSERT INTO messages (conversation_id, msg_no, seq, id, by, client_id, digest, text, created_at)"
            " VALUES ($1, $2, $3, gen_random_uuid(), 'ada', gen_random_uuid(), '', 'hi', now())",
            *(C, msg_no, seq),
        )
        await self.sql.execute(
            "INSERT INTO log (conversation_id, seq, type, at, by, by_name)"
            " VALUES ($1, $2, 'message.created', now(), 'ada', 'ada')",
            *(C, seq),
        )

    async def add_event(self, seq: int, event: str, user: str, *, audience: str | None = None) -> None:
        """Write an event that is no message, about somebody."""
        await self.sql.execute(
            "INSERT INTO log (conversation_id, seq, type, at, by, by_name, data, audience)"
            " VALUES ($1, $2, $3, now(), 'ada', 'ada', jsonb_build_object('user_id', $4::text), $5)",
            *(C, seq, event, user, audience),
        )

    async def end_with(self, seq: int, msg_no: int) -> None:
        """Let the conversation end here."""
        await self.sql.execute("UPDATE conversations SET last_seq = $1, last_msg_no = $2", seq, msg_no)

    async def publish(self) -> None:
        """Let the relay have passed everything."""
        await self.sql.execute("DELETE FROM relay_positions")
        await self.sql.execute("INSERT INTO relay_positions SELECT 'log', max(xid), max(position) FROM log")

    def enter_ledger(self, entry: str) -> None:
        """Write a ledger entry."""
        self._dynamodb.put_item(TableName=self._ledger, Item={"event_id": {"S": entry}})

    def drop_from_ledger(self, entry: str) -> None:
        """Lose a ledger entry."""
        self._dynamodb.delete_item(TableName=self._ledger, Key={"event_id": {"S": entry}})

    def put_into_inbox(self, event: str, user: str, copy: str = "") -> None:
        """Write an inbox row."""
        row = {"user_id": user, "id": event + copy, "event_id": event}
        self._dynamodb.put_item(TableName=self._inbox, Item={name: {"S": value} for name, value in row.items()})

    def drop_from_inbox(self, event: str, user: str) -> None:
        """Lose an inbox row."""
        self._dynamodb.delete_item(TableName=self._inbox, Key={"user_id": {"S": user}, "id": {"S": event}})


@pytest.fixture(scope="session")
def service_dir() -> Path:
    """Whose migrations make the database."""
    return SERVICES / "chat"


@pytest.fixture
async def stores(database_url: str, aws_account: str, tmp_path: Path):
    """Stores in which all is well."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    clients = connect(endpoint, aws_account, "test", REGION)
    provision(clients, [SERVICES / "notification", SERVICES / "media"], PREFIX, account_id=aws_account)
    work = clients("sqs").get_queue_url(QueueName=f"{PREFIX}-media-work")["QueueUrl"]
    clients("sqs").purge_queue(QueueUrl=work)  # the bucket has sent it a test of the connection
    me = identify(os.getpid())
    state = State(
        supervisor=Recorded(pid=me.pid, started=me.started, log=tmp_path / "log"),
        ready=True,
        addresses={"AWS_ENDPOINT_URL": endpoint},
        resources={"resource_prefix": PREFIX, "account_id": aws_account},
        services={"chat": Service(url="", environment={"CHAT_DATABASE_URL": database_url})},
    )
    save_state(tmp_path / "state.json", state)
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        filled = Stores(Suite(tmp_path / "state.json", key=aws_account), connection)
        await filled.begin()
        yield filled
    finally:
        await connection.close()
