"""What lives as long as the process: connections, keys, and the services that batch across requests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import ConversationCommands, KeptService, MembershipService
from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService, LogService
from chat_service.marks.repository import MarkRepository
from chat_service.marks.service import MarkService
from chat_service.sends.repository import SendRepository
from chat_service.sends.service import MessageSender
from chat_service.settings import ChatSettings
from servicekit.aws import Aws
from servicekit.cursors import Cursors
from servicekit.fanout import FanoutPublisher
from servicekit.http import ServiceClient
from servicekit.identity import identity_verifier
from servicekit.keys import key_ring
from servicekit.postgres import Database, DirectConnection, create_engine
from servicekit.valkey import create_valkey


@asynccontextmanager
async def lifespan(settings: ChatSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`, and close it when the last request has gone."""
    url, tls = settings.database_url.get_secret_value(), settings.database_tls
    database = Database(create_engine(url, name="chat", pool_size=settings.database_pool, tls=tls))
    app.state.health.require("database", database.check)
    valkey, auth = create_valkey(settings.valkey_url), ServiceClient("auth", settings.auth_url)
    fanout, namespace = FanoutPublisher(valkey), settings.resource_prefix
    connect = partial(DirectConnection, url, name="chat-sends", tls=tls)
    sender = MessageSender(connect, SendRepository(), fanout, namespace, group=settings.commit_group)
    conversations, log, live = ConversationRepository(), LogRepository(), LiveService(fanout, namespace)
    async with Aws(settings.region) as aws:
        cursors = await key_ring(aws, settings.resource("cursor"))
        yield {
            "identity": await identity_verifier(aws, settings),
            "database": database,
            "sender": sender,
            "changes": ChangeService(database, log, live),
            "memberships": MembershipService(conversations),
            "conversations": ConversationCommands(database, conversations, LogService(log), live),
            "marks": MarkService(database, MarkRepository(), KeptService(conversations), live),
            "conversation_cursors": Cursors(cursors, "conversations"),
            "message_cursors": Cursors(cursors, "messages"),
            "auth": auth,
            "known_people": {},
        }
        await sender.drain()
    await auth.close()
    await valkey.aclose()
    await database.close()
