"""The migrations make exactly the tables that the models describe, and can be run again."""

import subprocess
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from chat_service.arrivals import models as arrivals
from chat_service.blocks import models as blocks
from chat_service.conversations import models as conversations
from chat_service.invites import models as invites
from chat_service.log import models as log
from chat_service.messages import models as messages
from chat_service.models import Base
from chat_service.pins import models as pins
from chat_service.previews import models as previews
from chat_service.reactions import models as reactions
from chat_service.reports import models as reports
from chat_service.schedules import models as schedules
from chat_service.search import models as search
from servicekit.postgres import create_engine

ROOMS = (arrivals, blocks, conversations, invites, log, messages, pins, previews, reactions, reports, schedules, search)


async def test_models_and_migrations_agree(database_url) -> None:
    engine = create_engine(database_url, name="migrations-test")

    def differences(connection) -> list:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


def test_a_second_run_changes_nothing_and_all_can_be_taken_back(database_url, service_dir, monkeypatch) -> None:
    monkeypatch.setenv("CHAT_DATABASE_URL", database_url)
    for target in (["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"]):
        command = [sys.executable, "-m", "alembic", *target]
        subprocess.run(command, cwd=service_dir, check=True, capture_output=True)
