"""A session over any number of sockets: resumes where it stood, fills gaps, and sends until it is acknowledged.

The rules are those of the protocol: a position per conversation, density checked by arithmetic, an own UUID per message
that makes every repetition harmless, and close codes that say whether to come back.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any
from uuid import uuid4

from messenger_contracts.commands import Sent
from messenger_contracts.problem import ErrorCode
from messenger_contracts.realtime import PING_SECONDS, CloseCode, Hello, Send
from messengerctl.client.backoff import Backoff
from messengerctl.client.errors import Refused, SessionEnded, Unreachable
from messengerctl.client.log import Event, Log
from messengerctl.client.rest import Client
from messengerctl.client.socket import Socket, open_socket

SOCKET_PATIENCE_SECONDS = 2.0
TOO_MANY_SECONDS = 5.0


class State(StrEnum):
    """How the session stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    WAITING = "waiting"
    ENDED = "ended"


class Listener:
    """What a session tells. Each method may be overridden; none may block."""

    def event(self, event: Event) -> None:
        """Take the next event of a conversation: in order, without holes, each once."""

    def push(self, op: str, d: dict[str, Any]) -> None:
        """Take a push that is not an event: `typing`, `read`, `notification`."""

    def restarted(self, conversation_id: str) -> None:
        """Forget a conversation: its log was restored from a backup, and is told again from its start."""

    def state(self, state: State, why: str) -> None:
        """Hear that the session's state changed."""


class Session:
    """One person, live. Use it as a context; `positions` is where this client stands, by conversation.

    A conversation that is not among the positions is told from its start. A send waits `patience` seconds for a socket
    before it goes by PUT.

    Attributes:
        reconnects: sockets opened beyond the first.
        retries: sends that had to be repeated.
        filled: gaps that were filled by `/events`.
        repeated: events that came again, and were dropped.
    """

    def __init__(
        self,
        client: Client,
        listener: Listener,
        positions: Mapping[str, int] | None = None,
        *,
        patience: float = SOCKET_PATIENCE_SECONDS,
    ) -> None:
        self._client = client
        self._listener = listener
        self._patience = patience
        self._logs = defaultdict(Log, {c: Log(position=seq, known=seq) for c, seq in (positions or {}).items()})
        self._socket: Socket | None = None
        self._live = asyncio.Event()
        self._fills: dict[str, asyncio.Task[None]] = {}
        self._sending: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: asyncio.Task[None] | None = None
        self._drain_seconds = 0.0
        self.state = State.CONNECTING
        self.sockets = 0
        self.retries = 0
        self.filled = 0
        self.repeated = 0

    @property
    def reconnects(self) -> int:
        """How often the socket had to be opened again."""
        return max(0, self.sockets - 1)

    @property
    def positions(self) -> dict[str, int]:
        """Where this client stands: what to begin with the next time."""
        return {c: log.position for c, log in self._logs.items()}

    async def __aenter__(self) -> "Session":
        """Begin to connect, in the background."""
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the socket and let go of everything."""
        tasks = [task for task in (self._running, *self._fills.values()) if task]
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, SessionEnded):
                raise outcome

    async def live(self, seconds: float = 30.0) -> None:
        """Return when the socket is open; raises `TimeoutError` or `SessionEnded`."""
        async with asyncio.timeout(seconds):
            await self._live.wait()
        if self.state is State.ENDED:
            raise SessionEnded("the session has ended")

    async def send(self, conversation_id: str, text: str, client_id: str | None = None) -> Sent:
        """Send, and return when it is acknowledged, however long that takes; raises `Refused` when it never will be.

        The messages of one conversation go one after another, in the order of the calls.
        """
        command = Send(c=conversation_id, client_id=client_id or str(uuid4()), text=text)
        backoff = Backoff(longest=1.0)
        async with self._sending[conversation_id]:
            while True:
                try:
                    return await self._deliver(command)
                except (Refused, Unreachable) as error:
                    if isinstance(error, Refused) and not error.retryable:
                        raise
                    self.retries += 1
                    named = error.retry_after if isinstance(error, Refused) else None
                    await asyncio.sleep(named or backoff.next())

    async def _deliver(self, command: Send) -> Sent:
        """Try once: by the socket if there is one soon, else by PUT."""
        with suppress(TimeoutError):
            await self.live(self._patience)
        if self._socket and self._live.is_set():
            return Sent.model_validate(await self._socket.ask("send", command.model_dump(exclude_unset=True)))
        message = await self._client.put_message(command.c, command.client_id, command.text or "")
        return Sent(id=message.id, seq=message.seq, msg_no=message.msg_no, created_at=message.created_at)

    async def tell(self, op: str, d: dict[str, Any]) -> None:
        """Send what may be lost: `typing` and `read` marks are superseded by the next."""
        if self._socket and self._live.is_set():
            with suppress(Refused, Unreachable):
                await self._socket.ask(op, d)

    async def _run(self) -> None:
        backoff = Backoff()
        while True:
            self._enter(State.CONNECTING)
            opened, why = self.sockets, "the connection was lost"
            try:
                pause = await self._attempt()
            except (Refused, Unreachable) as error:
                pause, why = None, str(error)
            except SessionEnded as error:
                self._enter(State.ENDED, str(error))
                self._live.set()  # whoever waits hears the end
                raise
            if self.sockets > opened:
                backoff.reset()
            self._enter(State.WAITING, why)
            await asyncio.sleep(backoff.next() if pause is None else pause)

    async def _attempt(self) -> float | None:
        try:
            return await self._connect()
        except Refused as error:
            return await self._refused(error)

    def _enter(self, state: State, why: str = "") -> None:
        self.state = state
        if state is State.LIVE:
            self._live.set()
        else:
            self._live.clear()
        self._listener.state(state, why)

    async def _refused(self, error: Refused) -> float | None:
        """Draw the consequence of a refusal; returns the pause before the next attempt, None for the usual one."""
        if error.code == ErrorCode.EPOCH_CHANGED:
            await self._resynchronise()
            return 0.0
        if error.status == ErrorCode.UNAUTHENTICATED.status:
            await self._client.refresh()
            return None
        if error.status == ErrorCode.FORBIDDEN.status:
            raise SessionEnded(error.detail)
        return error.retry_after

    async def _connect(self) -> float | None:
        """Hold one socket from hello to its end; returns the pause that its close code asks for."""
        self._drain_seconds = 0.0
        token = await self._client.access_token()
        async with open_socket(self._client.gateway, token, self._push) as socket:
            reading = asyncio.create_task(socket.read())
            try:
                await self._hold(socket, reading)
            except Unreachable:
                if socket.close_code is None:
                    raise
            finally:
                self._live.clear()
                self._socket = None
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        return await self._after_close(socket.close_code)

    async def _hold(self, socket: Socket, reading: "asyncio.Task[None]") -> None:
        """Say where we stand, then be live until the socket ends."""
        hello = await socket.ask("hello", Hello(positions=self.positions).model_dump(exclude_none=True))
        self.sockets += 1
        for conversation_id in hello.get("left", []):
            self._logs.pop(conversation_id, None)
        if not hello.get("resumed", True):
            await self._resynchronise()
        self._socket = socket
        self._enter(State.LIVE)
        await self._beat(socket, reading, float(hello.get("ping", PING_SECONDS)))

    async def _beat(self, socket: Socket, reading: "asyncio.Task[None]", seconds: float) -> None:
        """Ping until the socket ends; the answer tells of positions whose pushes were lost."""
        while True:
            await asyncio.wait({reading}, timeout=seconds)
            if reading.done():
                reading.result()
                return
            answer = await socket.ask("ping", {})
            for conversation_id, seq in answer.get("positions", {}).items():
                self._logs[conversation_id].learn(seq)
                self._fill_if_behind(conversation_id)

    async def _after_close(self, code: int | None) -> float | None:
        if code == CloseCode.SESSION_REVOKED:
            raise SessionEnded("the session was revoked")
        if code == CloseCode.CREDENTIALS_EXPIRED:
            await self._client.refresh()
            return 0.0
        if code == CloseCode.POSITIONS_UNKNOWN:
            await self._resynchronise()
            return 0.0
        if code == CloseCode.TOO_MANY:
            return TOO_MANY_SECONDS
        return self._drain_seconds if code == CloseCode.DRAINING else None

    async def _resynchronise(self) -> None:
        """Learn from the list of conversations where each log ends, and which were restored from a backup."""
        async for conversation in self._client.conversations():
            self._notice_epoch(conversation.id, conversation.epoch, conversation.last_seq)
            self._logs[conversation.id].learn(conversation.last_seq)
            self._fill_if_behind(conversation.id)

    def _push(self, op: str, d: dict[str, Any]) -> None:
        if op == "event":
            self._accept(Event.model_validate(d))
        elif op == "drain":
            self._drain_seconds = d.get("retry_after_ms", 0) / 1000
        else:
            self._listener.push(op, d)

    def _accept(self, event: Event) -> None:
        self._notice_epoch(event.c, event.epoch)
        self.repeated += event.last <= self._logs[event.c].position
        for deliverable in self._logs[event.c].offer(event):
            self._listener.event(deliverable)
        self._fill_if_behind(event.c)

    def _notice_epoch(self, conversation_id: str, epoch: str, last_seq: int | None = None) -> None:
        if self._logs[conversation_id].restarted(epoch, last_seq):
            self._listener.restarted(conversation_id)

    def _fill_if_behind(self, conversation_id: str) -> None:
        if self._logs[conversation_id].behind and conversation_id not in self._fills:
            task = self._fills[conversation_id] = asyncio.create_task(self._fill(conversation_id))
            task.add_done_callback(lambda _: self._fills.pop(conversation_id, None))

    async def _fill(self, conversation_id: str) -> None:
        """Fetch what is missing. If that fails, the next event or ping finds the same hole."""
        log = self._logs[conversation_id]
        with suppress(Refused, Unreachable, SessionEnded):
            while log.behind:
                page = await self._client.events(conversation_id, log.position)
                self.filled += 1
                if not page.items:
                    log.known = min(log.known, max(log.position, page.last_seq))
                for event in page.items:
                    self._accept(event)
