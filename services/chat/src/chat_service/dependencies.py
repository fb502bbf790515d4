"""What lives as long as the process: connections, keys, and the services that batch across requests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import InboxService, KeptService, MembershipService, PeerService
from chat_service.files.repository import MediaRepository
from chat_service.files.service import FileService
from chat_service.invites.repository import InviteRepository
from chat_service.invites.service import InviteService
from chat_service.lifecycles.repository import LifecycleRepository
from chat_service.lifecycles.service import BeginningService, LifecycleService
from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService, LogService
from chat_service.marks.repository import MarkRepository
from chat_service.marks.service import MarkService
from chat_service.members.repository import MemberRepository
from chat_service.members.service import MemberCommands
from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageChanges, MessageCommands, MessageFinder
from chat_service.pins.repository import PinRepository
from chat_service.pins.service import PinService
from chat_service.reactions.repository import ReactionRepository
from chat_service.reactions.service import ReactionService
from chat_service.schedules.repository import ScheduleRepository
from chat_service.schedules.service import ScheduleService
from chat_service.sends.repository import SendRepository
from chat_service.sends.service import MessageSender, SendRehearsal
from chat_service.settings import ChatSettings
from chat_service.sync.repository import SyncRepository
from chat_service.sync.service import SyncService
from servicekit.aws import Aws
from servicekit.cursors import FOR_EVER, Cursors
from servicekit.fanout import FanoutPublisher
from servicekit.http import ServiceClient
from servicekit.identity import identity_verifier, service_signer
from servicekit.keys import KeyRing, key_ring
from servicekit.postgres import Database, DirectConnection, create_engine
from servicekit.valkey import create_valkey


@asynccontextmanager
async def lifespan(settings: ChatSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`, and close it when the last request has gone."""
    url, tls = settings.database_url.get_secret_value(), settings.database_tls
    connect = partial(DirectConnection, url, name="chat-sends", tls=tls)
    namespace, conversations, log = settings.resource_prefix, ConversationRepository(), LogRepository()
    async with (
        Database(create_engine(url, name="chat", pool_size=settings.database_pool, tls=tls)) as database,
        create_valkey(settings.valkey_url, settings.client_name) as valkey,
        ServiceClient("auth", settings.auth_url) as auth,
        ServiceClient("media", settings.media_url, timeout=settings.media_seconds) as media,
        Aws(settings.region) as aws,
    ):
        app.state.health.require("database", database.check)
        fanout = FanoutPublisher(valkey)
        files = FileService(MediaRepository(media, await service_signer(aws, settings)))
        sender = MessageSender(connect, SendRepository(), fanout, namespace, files, group=settings.commit_group)
        live = LiveService(fanout, namespace, files)
        changes, memberships = ChangeService(database, log, live), MembershipService(conversations)
        rehearsal = SendRehearsal(connect, SendRepository(), files)
        cursors = await key_ring(aws, settings.resource("cursor"), settings.key_seconds)
        tokens = Cursors(
            await key_ring(aws, settings.resource("sync"), settings.key_seconds),
            "sync",
            ttl=FOR_EVER,
            parameter="since",
        )
        sync = SyncService(database, SyncRepository(), LogService(log), KeptService(conversations), tokens, files)
        app.state.drain = sync.watcher.drain
        yield {
            "identity": await identity_verifier(aws, settings),
            "database": database,
            "sender": sender,
            "files": files,
            "changes": changes,
            "memberships": memberships,
            **_about_messages(database, changes, memberships, sender, rehearsal, files, cursors),
            **_about_groups(database, changes, conversations, files, cursors, settings.group_members),
            "marks": MarkService(database, MarkRepository(settings.receipts_up_to), KeptService(conversations), live),
            "peers": PeerService(database, conversations),
            "sync": sync,
            "conversation_cursors": Cursors(cursors, "conversations"),
            "search_cursors": Cursors(cursors, "search"),
            "report_cursors": Cursors(cursors, "reports"),
            "receipt_cursors": Cursors(cursors, "receipts"),
            "message_cursors": Cursors(cursors, "messages"),
            "auth": auth,
            "known_people": {},
        }
        await sync.watcher.drain()
        await sender.drain()
        await rehearsal.close()
        await files.drain()


def _about_messages(
    database: Database,
    changes: ChangeService,
    memberships: MembershipService,
    sender: MessageSender,
    rehearsal: SendRehearsal,
    files: FileService,
    ring: KeyRing,
) -> dict[str, Any]:
    """What changes messages, and what hangs on them."""
    repository, schedules = MessageRepository(), ScheduleRepository()
    finder = MessageFinder(memberships, repository)
    about, waiting = MessageChanges(changes, finder), Cursors(ring, "scheduled")
    return {
        "messages": MessageCommands(changes, about, repository, files),
        "reactions": ReactionService(database, about, finder, ReactionRepository(), Cursors(ring, "reactions")),
        "pins": PinService(database, about, memberships, PinRepository(), Cursors(ring, "pins"), files),
        "schedules": ScheduleService(database, changes, memberships, schedules, sender, rehearsal, waiting),
    }


def _about_groups(
    database: Database,
    changes: ChangeService,
    conversations: ConversationRepository,
    files: FileService,
    ring: KeyRing,
    most_members: int,
) -> dict[str, Any]:
    """What begins and ends conversations, and who comes into groups."""
    memberships, inboxes, log = (
        MembershipService(conversations),
        InboxService(conversations),
        LogService(LogRepository()),
    )
    lives = LifecycleRepository()
    lifecycles = LifecycleService(database, lives, memberships, changes, files)
    members = MemberCommands(changes, MemberRepository(), memberships, inboxes, lifecycles, most_members=most_members)
    return {
        "beginnings": BeginningService(
            database, lives, memberships, inboxes, log, changes, files, most_members=most_members
        ),
        "lifecycles": lifecycles,
        "members": members,
        "member_cursors": Cursors(ring, "members"),
        "invites": InviteService(database, InviteRepository(), memberships, changes, members, Cursors(ring, "invites")),
    }
