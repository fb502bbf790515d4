"""What a connected client may ask, and the answers."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

from pydantic import ValidationError

from gateway_service.commands.service import CommandService, Result
from gateway_service.credentials.domain import Session
from gateway_service.presence.service import PresenceService
from gateway_service.settings import GatewaySettings
from gateway_service.sockets.domain import SendFrame, Socket
from gateway_service.sockets.frames import (
    COMMANDS,
    command_of,
    may_be_slow,
    number_of,
    parse,
    plain_send,
    what_is_wrong,
)
from gateway_service.topics.domain import push_frame
from gateway_service.topics.service import Hub
from messenger_contracts.problem import ErrorCode
from messenger_contracts.realtime import (
    PING_SECONDS,
    TYPING_SECONDS,
    CloseCode,
    Frame,
    FrameError,
    Hello,
    Ping,
    PresenceOp,
    TypingOp,
    conversation_channel,
)
from servicekit.errors import Conflict, ServiceError, ValidationFailed
from servicekit.fanout import FanoutPublisher, publication
from servicekit.telemetry import record_failure

RESUME_BREATH = 50
"""Events of a resume that are queued before the client must have taken them."""

Operation = Callable[[Socket, Frame], Awaitable[None]]


class SocketService:
    """Runs the sockets' operations."""

    def __init__(
        self,
        hub: Hub,
        commands: CommandService,
        presences: PresenceService,
        fanout: FanoutPublisher,
        settings: GatewaySettings,
    ) -> None:
        self._hub = hub
        self._presences = presences
        self._commands = commands
        self._fanout = fanout
        self._namespace = settings.resource_prefix
        self._settings = settings
        self._draining = False
        self._operations: dict[str, Operation] = {
            "hello": self._hello,
            **dict.fromkeys(COMMANDS, self._command),
            "typing": self._typing,
            "presence": self._presence,
            "ping": self._ping,
        }

    async def open(self, session: Session, send: SendFrame) -> Socket:
        """Begin to serve a client whose handshake is done."""
        socket = Socket(
            uuid4().hex,
            session,
            send,
            queue_bytes=self._settings.socket_queue_bytes,
            rate=self._settings.socket_operations_per_second,
        )
        self._await_hello(socket)
        too_many = self._hub.held_by(session.principal.user_id) >= self._settings.sockets_per_user
        await self._hub.add(socket)
        if too_many:
            socket.close(CloseCode.TOO_MANY)
        elif self._draining:
            socket.close(CloseCode.DRAINING)
        return socket

    async def leave(self, socket: Socket) -> None:
        """Forget a client that has gone."""
        socket.abandon()
        self._presences.leave(socket)
        await self._hub.remove(socket)

    async def receive(self, socket: Socket, text: str | None) -> None:
        """Run the operations of one WebSocket frame, in order; None: the frame was binary."""
        if text is None:
            text = "binary"
        for line in text.split("\n"):
            if line.strip() and not socket.closed:
                await self._one(socket, line)

    async def _one(self, socket: Socket, line: str) -> None:
        if not socket.take_operation():
            socket.close(CloseCode.TOO_MANY)
            return
        request_id: int | None = None
        try:
            request = parse(line)
            if socket.greeted and (command := plain_send(request, socket.actor)):
                self._run(socket, request["id"], self._commands.submit(command))
                return
            request_id = number_of(request)
            frame = Frame.model_validate(request)
            if not socket.greeted and frame.op not in ("hello", "ping"):
                raise Conflict("Say hello first.")
            await self._operations[frame.op](socket, frame)
        except ValidationError as error:
            self._refuse(socket, request_id, ValidationFailed(what_is_wrong(error)))
        except ServiceError as error:
            self._refuse(socket, request_id, error)
        except Exception as error:
            record_failure("sockets", error)
            self._refuse(socket, request_id, ServiceError())

    @staticmethod
    def _refuse(socket: Socket, request_id: int | None, error: ServiceError) -> None:
        refusal = FrameError(code=error.code, retryable=error.code.retryable, detail=error.detail)
        socket.reply(request_id, "error", refusal.model_dump(mode="json"))

    async def _hello(self, socket: Socket, frame: Frame) -> None:
        """Resume: the answer, then what was missed, then what happens."""
        hello = Hello.model_validate(frame.d)
        if socket.greeted:
            raise Conflict("Hello was said already.")
        asked = {"positions": hello.positions, "since": hello.since, "limit": self._settings.resume_limit}
        socket.hello_by = math.inf
        try:
            told, frames = await self._hub.resume(socket.user_id, asked)
        except Exception:
            self._await_hello(socket)
            raise
        if told["unknown"]:
            socket.close(CloseCode.POSITIONS_UNKNOWN)
            return
        socket.relate(told["relations"])
        socket.pinged_at = time.monotonic()
        answer = {"resumed": told["complete"], "session": socket.id, "ping": PING_SECONDS, "left": told["left"]}
        socket.reply(frame.id, "ok", answer)
        for number, event in enumerate(frames, 1):
            socket.push(event.decode())
            if number % RESUME_BREATH == 0 or socket.half_full:
                await socket.flushed()
        await self._hub.greet(socket, told["conversations"])

    def _await_hello(self, socket: Socket) -> None:
        """Give a client its time to say hello. What chat takes to answer one is not the client's."""
        socket.hello_by = time.monotonic() + self._settings.hello_seconds

    async def _command(self, socket: Socket, frame: Frame) -> None:
        command = command_of(frame, socket.actor)
        submit = self._commands.submit_slow if may_be_slow(command) else self._commands.submit
        self._run(socket, frame.id, submit(command))

    def _run(self, socket: Socket, request_id: int, result: "asyncio.Future[Result]") -> None:
        """Send the answer to a command when it comes, while the socket goes on."""

        def answered(future: "asyncio.Future[Result]") -> None:
            error = future.exception()
            if isinstance(error, ServiceError):
                self._refuse(socket, request_id, error)
            elif error is not None:
                record_failure("sockets", error)
                self._refuse(socket, request_id, ServiceError())
            else:
                self._answer(socket, request_id, future.result())

        result.add_done_callback(answered)

    def _answer(self, socket: Socket, request_id: int, result: Result) -> None:
        """Pass on a result, of which exactly one member is set."""
        if error := result.get("error"):
            wrong = (f"{each['pointer'][1:].replace('/', '.')}: {each['detail']}" for each in error["errors"])
            detail = "; ".join(wrong) or error["detail"]
            self._refuse(socket, request_id, ServiceError(detail, code=ErrorCode(error["code"])))
            return
        member, done = next((name, value) for name, value in result.items() if value is not None)
        done.pop("replayed", None)
        socket.reply(request_id, "ok", {member: done} if member == "scheduled" else done)

    async def _typing(self, socket: Socket, frame: Frame) -> None:
        typing = TypingOp.model_validate(frame.d)
        if typing.c not in socket.positions:
            raise ServiceError("You are not in such a conversation.", code=ErrorCode.NOT_MEMBER)
        if socket.may_tell_typing(typing.c, typing.typing):
            expires_in = TYPING_SECONDS if typing.typing else 0
            push = {"op": "typing", "d": {"c": typing.c, "by": socket.user_id, "expires_in": expires_in}}
            channel = conversation_channel(self._namespace, typing.c)
            await self._fanout.publish_raw([(channel, publication(pushes=[push]))])
        socket.reply(frame.id, "ok", {})

    async def _presence(self, socket: Socket, frame: Frame) -> None:
        presence = PresenceOp.model_validate(frame.d)
        if presence.state:
            await self._presences.say(socket, presence.state)
        seen = await self._presences.of(await self._peers(socket, presence.of)) if presence.of else {}
        socket.reply(frame.id, "ok", {"presence": seen})

    async def _peers(self, socket: Socket, user_ids: list[str]) -> list[str]:
        """Those of some people whose presence the client's person may see."""
        result = await self._commands.submit({"op": "peers", "actor": socket.actor, "user_ids": user_ids})
        if error := result.get("error"):
            raise ServiceError(error["detail"], code=ErrorCode(error["code"]))
        peers: list[str] = result["peers"]["user_ids"]
        return peers

    async def _ping(self, socket: Socket, frame: Frame) -> None:
        Ping.model_validate(frame.d)
        since, socket.pinged_at = socket.pinged_at, time.monotonic()
        socket.reply(frame.id, "ok", {"positions": self._hub.streams.moved_since(socket, since)})

    async def drain(self) -> None:
        """Say good-bye to every client, each at a moment of its own, and finish what they asked for."""
        self._draining = True
        spread = self._settings.close_spread_seconds
        sockets = self._hub.sockets
        for socket in sockets:
            delay = random.randrange(0, max(1, int(spread * 1000)))  # noqa: S311 - jitter
            socket.push(push_frame({"op": "drain", "d": {"retry_after_ms": delay}}))
        await self._commands.drain()
        random.shuffle(sockets)
        for number, socket in enumerate(sockets):
            socket.close(CloseCode.DRAINING)
            if number % 100 == 99:
                await asyncio.sleep(spread * 100 / len(sockets))
