"""Sending.

Group commit: while one transaction is under way, sends gather; the next takes them all. An answer leaves after its
commit, one bad send fails alone, and live events are published in the order of commits. See
docs/decisions/0002-group-commit.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chat_service.files.domain import Attached
from chat_service.files.service import FileService
from chat_service.log.service import now
from chat_service.sends.domain import Head, Plan, Send, live_event, plan
from chat_service.sends.repository import SendRepository
from messenger_contracts.commands import Readers, SendCommand, Sent
from messenger_contracts.media import AttachAnswer
from messenger_contracts.realtime import Live, conversation_channel
from messenger_contracts.shapes import format_timestamp
from servicekit.batching import Batcher
from servicekit.errors import ServiceError
from servicekit.fanout import FanoutPublisher, live, publication
from servicekit.postgres import DirectConnection
from servicekit.telemetry import meter

CARRIES_FILES = Readers(files=True).model_dump()
_groups = meter.create_histogram("chat.commit.group", description="Sends that one transaction committed")


class MessageSender:
    """Appends messages, many in one transaction."""

    def __init__(
        self,
        connect: Callable[[], DirectConnection],
        repository: SendRepository,
        fanout: FanoutPublisher,
        namespace: str,
        files: FileService,
        *,
        group: int = 500,
    ) -> None:
        self._repository = repository
        self._fanout = fanout
        self._namespace = namespace
        self._files = files
        self._connection = connect()
        self._commits: Batcher[Send, Sent] = Batcher(self._commit, limit=group)
        self._publications: Batcher[tuple[str, bytes], None] = Batcher(self._publish, limit=1000)

    def send(self, command: SendCommand, *, digest: bytes | None = None) -> Awaitable[Sent]:
        """Append a message; the answer comes after the commit.

        It holds `NotMember` or `IdempotencyMismatch`. The same command again gives the same answer, `replayed`.
        `digest` is what the body was recognised by when it was first handed in, if that was earlier.
        """
        try:
            send = Send.of(command)
            send.digest = digest or send.digest
        except ServiceError as error:
            refused: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused
        return self.submit(send)

    def submit(self, send: Send) -> Awaitable[Sent]:
        """Append a message that was read already. One with files waits until media was asked; no other waits for it."""
        if send.extras is not None and send.extras.media:
            return self._submit_with_files(send)
        return self._commits.submit(send)

    async def _submit_with_files(self, send: Send) -> Sent:
        send.attached = await self._files.attach(send.user_id, send.media_ids)
        return await self._commits.submit(send)

    async def drain(self) -> None:
        """Finish what was accepted."""
        await self._files.drain()
        await self._commits.drain()
        await self._connection.close()
        await self._publications.drain()

    async def _commit(self, sends: Sequence[Send]) -> Sequence[Sent | BaseException]:
        async with self._connection.transaction() as transaction:
            heads = await self._repository.lock(transaction, sends)
            known = await self._repository.known(transaction, sends)
            at = now()
            planned = plan(sends, heads, known, at)
            if planned.new:
                await self._repository.write(transaction, planned.new, at)
        _groups.record(len(sends))
        self._announce(planned, heads, format_timestamp(at))
        return planned.answers

    def _announce(self, planned: Plan, heads: Mapping[str, Head], at: str) -> None:
        """Hand the live events over to be published, one publication a conversation."""
        events: dict[str, list[Live]] = defaultdict(list)
        for send, message in planned.new:
            event = live_event(send, message, heads[send.conversation_id].epoch, at)
            readers = CARRIES_FILES if send.attached else None
            events[send.conversation_id].append(live(event, author=send.user_id, target=message.seq, readers=readers))
        for conversation_id, group in events.items():
            channel = conversation_channel(self._namespace, conversation_id)
            self._publications.submit((channel, publication(group)))

    async def _publish(self, publications: Sequence[tuple[str, bytes]]) -> Sequence[None]:
        await self._fanout.publish_raw(publications)
        return [None] * len(publications)


class SendRehearsal:
    """Tells what a send would be answered now, without sending it."""

    def __init__(self, connect: Callable[[], DirectConnection], repository: SendRepository, files: FileService) -> None:
        self._repository = repository
        self._files = files
        self._connection = connect()
        self._turn = asyncio.Lock()

    async def check(self, command: SendCommand) -> Sent | None:
        """The earlier answer to the same send, if there was one. Raises what the send would be refused with.

        Of files that media cannot tell about now it is hoped that they may be sent.
        """
        send = Send.of(command)
        if send.media_ids:
            attached = await self._files.attach(send.user_id, send.media_ids)
            send.attached = attached if attached.answer else Attached(send.media_ids, AttachAnswer(refused=[]))
        async with self._turn, self._connection.transaction() as transaction:
            heads = await self._repository.lock(transaction, [send])
            known = await self._repository.known(transaction, [send])
        [answer] = plan([send], heads, known, now()).answers
        if isinstance(answer, ServiceError):
            raise answer
        return answer if answer.replayed else None

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()
