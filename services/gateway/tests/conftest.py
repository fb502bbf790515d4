"""The gateway on a real Valkey and real keys; behind it one stand-in that answers for all services."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request
from jose import jwk, jwt
from starlette.responses import JSONResponse, Response

from gateway_service.main import create
from gateway_service.settings import GatewaySettings
from localcloud.provision import connect, provision
from messenger_contracts.commands import (
    CommandBatch,
    CommandResult,
    CommandResults,
    Failure,
    Missed,
    Position,
    PositionsRequest,
    Read,
    Relations,
    Resume,
    ResumeBatch,
    ResumedFrames,
    SendCommand,
    Sent,
)
from messenger_contracts.identity import IDENTITY_HEADER
from messenger_contracts.problem import ErrorCode
from messenger_contracts.realtime import SUBPROTOCOL, conversation_channel, user_channel
from servicekit.aws import Aws
from servicekit.fanout import event_frame, live, publication
from servicekit.identity import IdentityVerifier
from servicekit.keys import key_ring
from servicekit.testing import REGION, serving
from servicekit.tokens import Tokens
from servicekit.valkey import create_valkey

SERVICES = Path(__file__).parents[2]
CLIENT, ISSUER = "the-client", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_test"
EPOCH = "e1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Backend:
    """Stands in for the services: it echoes public requests, and holds logs for the sockets."""

    def __init__(self) -> None:
        self.logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.members: dict[str, set[str]] = defaultdict(set)
        self.direct: set[str] = set()
        self.blocked: dict[str, set[str]] = defaultdict(set)
        self.room = 1000
        self.epoch = EPOCH
        self.calls: list[str] = []
        self.sends: list[SendCommand] = []
        self.sent: dict[str, tuple[dict[str, Any], Sent]] = {}
        self.verifier: IdentityVerifier | None = None
        self.app = FastAPI()
        self.app.add_api_route("/jwks.json", self.jwks)
        self.app.add_api_route("/internal/resumes", self.resumes, methods=["POST"])
        self.app.add_api_route("/internal/positions", self.positions, methods=["POST"])
        self.app.add_api_route("/internal/missed", self.missed, methods=["POST"])
        self.app.add_api_route("/internal/commands", self.commands, methods=["POST"])
        self.app.add_api_route("/v1/{path:path}", self.echo, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        self.key = KEY

    def append(self, conversation: str, by: str = "user-ada", **data: Any) -> dict[str, Any]:
        """Add an event to a log, as chat would commit it."""
        seq = len(self.logs[conversation]) + 1
        event = {
            "c": conversation,
            "epoch": self.epoch,
            "seq": seq,
            "type": "message.created",
            "at": "2026-01-01T00:00:00.000Z",
            "by": by,
            "data": data,
        }
        self.logs[conversation].append(event)
        return event

    def token(self, name: str, **claims: Any) -> str:
        """An access token of a person."""
        standard = {
            "sub": f"user-{name}",
            "username": name,
            "origin_jti": f"session-{name}",
            "token_use": "access",
            "client_id": CLIENT,
            "iss": ISSUER,
            "exp": time.time() + 600,
        }
        private = jwk.construct(self.key, "RS256").to_pem().decode()
        return str(jwt.encode(standard | claims, private, algorithm="RS256", headers={"kid": "k1"}))

    async def jwks(self) -> dict[str, Any]:
        key = jwk.construct(self.key.public_key(), "RS256").to_dict()
        return {"keys": [{name: _text(value) for name, value in key.items()} | {"kid": "k1", "use": "sig"}]}

    def _standing(self, ids: Any) -> dict[str, Any]:
        return {
            c: Position(epoch=self.epoch, last_seq=len(self.logs[c]), direct=c in self.direct).model_dump()
            for c in ids
            if c in self.logs
        }

    async def resumes(self, body: ResumeBatch) -> Response:
        self.calls.append(f"resumes:{len(body.resumes)}")
        told, frames = [], []
        for number, each in enumerate(body.resumes):
            if number >= self.room:
                told.append(ResumedFrames(conversations={}, complete=False, unknown=[], left=[], later=True))
            else:
                events, answer = self._resume(each.user_id, each.resume)
                told.append(answer)
                frames += [event_frame(event) for event in events]
        return Response(b"\n".join([orjson.dumps([each.model_dump() for each in told]), *frames]))

    def _resume(self, user: str, resume: Resume) -> tuple[list[dict[str, Any]], ResumedFrames]:
        mine = [c for c in self.logs if user in self.members[c]]
        positions = {c: resume.positions.get(c, 0) for c in mine}
        events = [event for c in mine for event in self.logs[c][positions[c] :]]
        unknown = [c for c in mine if positions[c] > len(self.logs[c])]
        complete = len(events) <= resume.limit and not unknown
        events = events if complete else []
        return events, ResumedFrames(
            conversations=self._standing(mine),
            complete=complete,
            unknown=unknown,
            left=sorted(set(resume.positions) - set(mine)),
            relations=Relations(blocked=sorted(self.blocked[user])),
            frames=len(events),
        )

    async def positions(self, body: PositionsRequest) -> dict[str, Any]:
        return {"conversations": self._standing(body.ids)}

    async def missed(self, body: Missed) -> dict[str, Any]:
        self.calls.append("missed")
        stretches = [self.logs[c][after : after + body.limit] for c, after in body.after.items()]
        return {
            "events": [{"author": None, "target": None, "audience": None, "event": e} for s in stretches for e in s]
        }

    async def commands(self, body: CommandBatch) -> CommandResults:
        self.calls.append(f"commands:{len(body.commands)}")
        await asyncio.sleep(0)
        return CommandResults(results=[self._run(command) for command in body.commands])

    def _run(self, command: Any) -> CommandResult:
        if command.actor.user_id not in self.members[command.conversation_id]:
            return CommandResult(error=Failure(code=ErrorCode.NOT_MEMBER, detail="You are not there."))
        if not isinstance(command, SendCommand):
            return CommandResult(read=Read(read_seq=command.seq, delivered_seq=command.seq, unread=0, mentions=0))
        self.sends.append(command)
        said = command.body.model_dump(mode="json", exclude_unset=True)
        earlier = self.sent.get(command.client_id)
        if earlier and earlier[0] != said:
            return CommandResult(error=Failure(code=ErrorCode.IDEMPOTENCY_MISMATCH, detail="Another was sent."))
        if earlier:
            return CommandResult(sent=earlier[1].model_copy(update={"replayed": True}))
        event = self.append(command.conversation_id, command.actor.user_id, **said)
        sent = Sent(id="m", seq=event["seq"], msg_no=event["seq"], created_at=event["at"])
        self.sent[command.client_id] = said, sent
        return CommandResult(sent=sent)

    async def echo(self, path: str, request: Request) -> JSONResponse:
        if path.endswith("/broken"):
            return JSONResponse({}, 503)
        assert self.verifier
        principal = await self.verifier.verify(request.headers.get(IDENTITY_HEADER))
        body = {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "principal": principal.model_dump(),
            "headers": dict(request.headers),
        }
        return JSONResponse(body, 202, {"ETag": '"7"', "X-Inner": "hidden", "Link": '</v1/x>; rel="next"'})


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture
def provisioned(aws_account: str, namespace: str) -> None:
    """The secrets of gateway and auth in the test's account."""
    clients = connect(os.environ["AWS_ENDPOINT_URL"], aws_account, "test", REGION)
    provision(clients, [SERVICES / "gateway"], namespace, account_id=aws_account)
    manager = clients("secretsmanager")
    manager.create_secret(Name=f"{namespace}-auth-realtime-ticket", SecretString="k4.local." + "A" * 43)


@pytest.fixture
async def backend(provisioned: None, aws: Aws, namespace: str) -> Backend:
    """What answers behind the gateway."""
    backend = Backend()
    backend.verifier = IdentityVerifier(await key_ring(aws, f"{namespace}-gateway-identity-public"))
    return backend


@pytest.fixture
async def backend_url(backend: Backend) -> AsyncIterator[str]:
    """Where the backend answers."""
    async with serving(backend.app) as address:
        yield f"http://{address}"


@pytest.fixture
def settings(backend_url: str, valkey_url: str, namespace: str, provisioned: None, tmp_path: Path) -> GatewaySettings:
    """Settings of a gateway of the test's own."""
    document = tmp_path / "openapi.json"
    document.write_text('{"openapi": "3.1.0"}')
    return GatewaySettings(
        environment="test",
        resource_prefix=namespace,
        valkey_url=valkey_url,
        auth_url=backend_url,
        chat_url=backend_url,
        notification_url=backend_url,
        cognito_client_id=CLIENT,
        cognito_issuer=ISSUER,
        cognito_jwks_url=f"{backend_url}/jwks.json",
        openapi_file=document,
        allowed_origins=["https://app.example"],
        close_spread_seconds=0.01,
    )


@pytest.fixture
async def address(settings: GatewaySettings) -> AsyncIterator[str]:
    """A gateway that listens."""
    async with serving(create(settings)) as address:
        yield address


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway."""
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        yield client


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[Any]:
    """The Valkey through which services speak to the gateway."""
    client = create_valkey(valkey_url)
    yield client
    await client.aclose()


@pytest.fixture
async def tickets(aws: Aws, provisioned: None, namespace: str) -> Tokens:
    """Makes tickets as auth does."""
    return Tokens(await key_ring(aws, f"{namespace}-auth-realtime-ticket"), "realtime_ticket")


class Client:
    """A client of the socket: it takes frames apart and keeps what was not asked for yet."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.greeting: dict[str, Any] = {}
        self._number = 0

    async def next(self) -> dict[str, Any]:
        """The next frame, whatever it is."""
        while not self.frames:
            text = await asyncio.wait_for(self.socket.recv(), 10)
            self.frames += [orjson.loads(line) for line in text.split("\n")]
        return self.frames.pop(0)

    async def event(self) -> dict[str, Any]:
        """The next log event."""
        while (frame := await self.next()).get("op") != "event":
            pass
        return frame["d"]

    async def ask(self, op: str, **d: Any) -> dict[str, Any]:
        """Ask, and give the reply; frames that come before it stay for later."""
        self._number += 1
        await self.socket.send(orjson.dumps({"id": self._number, "op": op, "d": d}).decode())
        passed = []
        while (frame := await self.next()).get("id") != self._number:
            passed.append(frame)
        self.frames = passed + self.frames
        return frame

    async def closed(self) -> int:
        """The code with which the server ends the socket."""
        with suppress(websockets.ConnectionClosed):
            await asyncio.wait_for(self._exhaust(), 20)
        return self.socket.close_code

    async def _exhaust(self) -> None:
        async for _ in self.socket:
            pass


def joining(address: str, backend: Backend):
    """Connects people's sockets to a gateway."""

    @asynccontextmanager
    async def join(name: str, *, hello: bool = True, positions: dict[str, int] | None = None, **claims: Any):
        headers = {"Authorization": f"Bearer {backend.token(name, **claims)}"}
        url = f"ws://{address}/v1/realtime"
        async with websockets.connect(
            url, additional_headers=headers, subprotocols=[SUBPROTOCOL], max_queue=1
        ) as socket:
            client = Client(socket)
            if hello:
                client.greeting = (await client.ask("hello", positions=positions or {}))["ok"]
            yield client

    return join


@pytest.fixture
def joined_to(backend: Backend):
    """Gives what connects people to the gateway at an address."""
    return lambda address: joining(address, backend)


@pytest.fixture
def join(address: str, backend: Backend):
    """Connects a person's socket to the test's gateway."""
    return joining(address, backend)


@pytest.fixture
def gateway(settings: GatewaySettings, backend: Backend):
    """Starts another gateway, with settings of its own; gives what connects to it."""

    @asynccontextmanager
    async def start(**changes: Any):
        async with serving(create(settings.model_copy(update=changes))) as address:
            yield joining(address, backend)

    return start


@pytest.fixture
def publish(valkey: Any, namespace: str):
    """Publishes as chat and notification do."""

    async def to_conversation(conversation: str, *events: dict[str, Any], **about: Any) -> None:
        message = publication([live(event, **about) for event in events])
        await valkey.publish(conversation_channel(namespace, conversation), message)

    async def to_person(user_id: str, **message: Any) -> None:
        await valkey.publish(user_channel(namespace, user_id), orjson.dumps(message))

    to_conversation.person = to_person
    return to_conversation
