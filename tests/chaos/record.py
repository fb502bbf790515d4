"""Reads back, as any member could, what the suite says of every conversation."""

import asyncio
from collections.abc import Mapping

from messengerctl.client import Client

from .crowd import Conversation, Crowd
from .ledger import Heard, heard_of
from .verdict import Kept, Record

_AT_ONCE = 4
_PAGE = 200


async def read_back(crowd: Crowd) -> Mapping[str, Record]:
    """History and log of every conversation, each read by its first member."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(conversation: Conversation) -> Record:
        client = crowd.witnesses[conversation.members[0]].client
        members = [crowd.witnesses[member].person.user_id for member in conversation.members]
        async with gate:
            return Record(await _history(client, conversation.id), await _log(client, conversation.id), members)

    records = await asyncio.gather(*map(one, crowd.conversations))
    return {conversation.id: record for conversation, record in zip(crowd.conversations, records, strict=True)}


async def _history(client: Client, conversation_id: str) -> list[Kept]:
    kept: list[Kept] = []
    before: int | None = None
    while page := (await client.messages(conversation_id, before_seq=before, limit=_PAGE)).items:
        kept += [Kept(message.client_id, message.id, message.seq, message.msg_no) for message in page]
        before = page[-1].seq
    return kept[::-1]


async def _log(client: Client, conversation_id: str) -> list[Heard]:
    heard: list[Heard] = []
    while page := (await client.events(conversation_id, heard[-1].last if heard else 0, _PAGE)).items:
        heard += map(heard_of, page)
    return heard
