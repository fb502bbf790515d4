"""The gateway on a real Valkey and real keys; behind it one stand-in that answers for all services."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request
from jose import jwk, jwt
from starlette.responses import JSONResponse, Response

from gateway_service.main import create
from gateway_service.settings import GatewaySettings
from localcloud.provision import connect, provision
from messenger_contracts.browsers import DEVICE_PURPOSE, SESSION_PURPOSE, BrowserSession, Renewal, Renewed
from messenger_contracts.commands import (
    Changed,
    CommandBatch,
    CommandResult,
    CommandResults,
    DeleteCommand,
    EditCommand,
    Failure,
    JoinsAnswer,
    JoinsRequest,
    Missed,
    Peers,
    PeersCommand,
    Position,
    PositionsRequest,
    ReactCommand,
    Read,
    Relations,
    RelationsAnswer,
    RelationsRequest,
    Resume,
    ResumeBatch,
    ResumedFrames,
    Scheduled,
    SendCommand,
    Sent,
)
from messenger_contracts.identity import IDENTITY_HEADER
from messenger_contracts.media import Media
from messenger_contracts.problem import ErrorCode
from servicekit.aws import Aws
from servicekit.fanout import event_frame
from servicekit.identity import IdentityVerifier
from servicekit.keys import key_ring
from servicekit.testing import REGION, serving
from servicekit.tokens import Tokens

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
        self.authors: dict[tuple[str, int], str] = {}
        self.visible_from: dict[tuple[str, str], int] = {}
        self.joined: dict[str, dict[str, int]] = defaultdict(dict)
        self.ran: list[dict[str, Any]] = []
        self.since: list[str | None] = []
        self.room = 1000
        self.epoch = EPOCH
        self.calls: list[str] = []
        self.sends: list[SendCommand] = []
        self.knows_files = asyncio.Event()
        self.knows_files.set()
        self.asked_relations, self.knows_relations = asyncio.Event(), asyncio.Event()
        self.knows_relations.set()
        self.sent: dict[str, tuple[dict[str, Any], Sent]] = {}
        self.verifier: IdentityVerifier | None = None
        self.browsers: Tokens | None = None
        self.renewals: list[Renewal] = []
        self.renewing = 200
        self.answered_cookies: list[str] = []
        self.app = FastAPI()
        self.app.add_api_route("/jwks.json", self.jwks)
        self.app.add_api_route("/internal/resumes", self.resumes, methods=["POST"])
        self.app.add_api_route("/internal/positions", self.positions, methods=["POST"])
        self.app.add_api_route("/internal/missed", self.missed, methods=["POST"])
        self.app.add_api_route("/internal/relations", self.relations, methods=["POST"])
        self.app.add_api_route("/internal/joins", self.joins, methods=["POST"])
        # chat leaves out what is not set, too
        self.app.add_api_route("/internal/commands", self.commands, methods=["POST"], response_model_exclude_none=True)
        self.app.add_api_route("/internal/browser-sessions", self.renew, methods=["POST"])
        self.app.add_api_route("/v1/{path:path}", self.echo, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        self.key = KEY

    def append(
        self, conversation: str, by: str = "user-ada", kind: str = "message.created", **data: Any
    ) -> dict[str, Any]:
        """Add an event to a log, as chat would commit it."""
        seq = len(self.logs[conversation]) + 1
        event = {
            "c": conversation,
            "epoch": self.epoch,
            "seq": seq,
            "type": kind,
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

    async def cookie(self, name: str, *, renew_in: float = 300, access_for: float = 600, **claims: Any) -> str:
        """The session cookie of a person's browser, as auth seals it."""
        shown = BrowserSession(
            user_id=f"user-{name}",
            username=name,
            session_id=f"session-{name}",
            generation=claims.pop("generation", 1),
            renew_at=time.time() + renew_in,
            access_expires_at=time.time() + access_for,
            **claims,
        )
        assert self.browsers
        return f"__Host-session={await self.browsers.make(shown.model_dump(), 3600)}"

    async def renew(self, body: Renewal) -> Response:
        self.renewals.append(body)
        await asyncio.sleep(0)
        if self.renewing != httpx.codes.OK:
            return JSONResponse({}, self.renewing)
        assert self.browsers
        shown = BrowserSession.model_validate(await self.browsers.read(body.session))
        following = await self.cookie(shown.username, generation=shown.generation + 1, groups=shown.groups)
        return JSONResponse(Renewed(session=following.partition("=")[2], seconds=3600, device=body.device).model_dump())

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
        self.since.append(resume.since)
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
            relations=self._relations(user),
            frames=len(events),
        )

    def _relations(self, user: str) -> Relations:
        blockers = [blocker for blocker, blocked in self.blocked.items() if user in blocked]
        return Relations(blocked=sorted(self.blocked[user]), blocked_by=sorted(blockers))

    async def relations(self, body: RelationsRequest) -> RelationsAnswer:
        self.asked_relations.set()
        await self.knows_relations.wait()
        return RelationsAnswer(relations={user: self._relations(user) for user in body.user_ids}, version=7)

    async def joins(self, body: JoinsRequest) -> JoinsAnswer:
        joined = {
            user: {c: Position(**self._standing([c])[c] | {"visible_from": seq}) for c, seq in came.items()}
            for user, came in self.joined.items()
            if user in body.user_ids
        }
        return JoinsAnswer(joined=joined, version=7)

    async def positions(self, body: PositionsRequest) -> dict[str, Any]:
        return {"conversations": self._standing(body.ids)}

    async def missed(self, body: Missed) -> dict[str, Any]:
        self.calls.append("missed")
        told = []
        for c, after in body.after.items():
            first = self.visible_from.get((c, body.reader or ""), 1)
            if after < first - 1:
                told.append({"c": c, "epoch": self.epoch, "seq": after + 1, "to": first - 1, "type": "skip"})
            told += self.logs[c][max(after, first - 1) : after + body.limit]
        return {"events": [self._live(each) for each in told]}

    def _live(self, event: dict[str, Any]) -> dict[str, Any]:
        author = self.authors.get((event["c"], event["seq"]))
        return {"author": author, "target": author and event["seq"], "audience": None, "event": event}

    async def commands(self, body: CommandBatch) -> CommandResults:
        self.calls.append(f"commands:{len(body.commands)}")
        await asyncio.sleep(0)
        if any(isinstance(each, SendCommand) and each.body.media_ids for each in body.commands):
            await self.knows_files.wait()
        return CommandResults(results=[self._run(command) for command in body.commands])

    def _run(self, command: Any) -> CommandResult:
        self.ran.append(command.model_dump(mode="json", exclude={"actor"}))
        if isinstance(command, PeersCommand):
            apart = self._relations(command.actor.user_id)
            kept_from = {*apart.blocked, *apart.blocked_by, "user-stranger"}
            return CommandResult(peers=Peers(user_ids=[each for each in command.user_ids if each not in kept_from]))
        if command.actor.user_id not in self.members[command.conversation_id]:
            return CommandResult(error=Failure(code=ErrorCode.NOT_MEMBER, detail="You are not there."))
        if isinstance(command, EditCommand | DeleteCommand | ReactCommand):
            return CommandResult(changed=Changed(seq=9))
        if not isinstance(command, SendCommand):
            return CommandResult(read=Read(read_seq=command.seq, delivered_seq=command.seq, unread=0, mentions=0))
        self.sends.append(command)
        if command.body.send_at:
            waiting = Scheduled(client_id=command.client_id, send_at=command.body.send_at, created_at=datetime.now(UTC))
            return CommandResult(scheduled=waiting)
        said = command.body.model_dump(mode="json", exclude_unset=True)
        earlier = self.sent.get(command.client_id)
        if earlier and earlier[0] != said:
            return CommandResult(error=Failure(code=ErrorCode.IDEMPOTENCY_MISMATCH, detail="Another was sent."))
        if earlier:
            return CommandResult(sent=earlier[1].model_copy(update={"replayed": True}))
        event = self.append(command.conversation_id, command.actor.user_id, **said)
        files = [Media(id=each, status="ready") for each in command.body.media_ids] or None
        sent = Sent(id="m", seq=event["seq"], msg_no=event["seq"], created_at=event["at"], media=files)
        self.sent[command.client_id] = said, sent
        return CommandResult(sent=sent)

    async def _wait(self, request: Request) -> None:
        self.calls.append("waits")
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.calls.append("gone")

    async def echo(self, path: str, request: Request) -> JSONResponse:
        if path.endswith("/broken"):
            return JSONResponse({}, 503)
        assert self.verifier
        principal = await self.verifier.verify(request.headers.get(IDENTITY_HEADER))
        if request.query_params.get("timeout"):
            await self._wait(request)
        body = {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "principal": principal.model_dump(),
            "headers": dict(request.headers),
        }
        response = JSONResponse(body, 202, {"ETag": '"7"', "X-Inner": "hidden", "Link": '</v1/x>; rel="next"'})
        for plain in self.answered_cookies:
            response.headers.append("set-cookie", plain)
        return response


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture
def provisioned(aws_account: str, emulator_url: str, namespace: str) -> None:
    """The secrets of gateway and auth in the test's account."""
    clients = connect(emulator_url, aws_account, "test", REGION)
    provision(clients, [SERVICES / "gateway"], namespace, account_id=aws_account)
    manager = clients("secretsmanager")
    for name, letter in (("realtime-ticket", "A"), ("active-session", "E"), ("known-device", "I")):
        manager.create_secret(Name=f"{namespace}-auth-{name}", SecretString="k4.local." + letter * 43)


@pytest.fixture
async def backend(provisioned: None, aws: Aws, namespace: str) -> Backend:
    """What answers behind the gateway."""
    backend = Backend()
    backend.verifier = IdentityVerifier(await key_ring(aws, f"{namespace}-gateway-identity-public"))
    backend.browsers = Tokens(await key_ring(aws, f"{namespace}-auth-active-session"), SESSION_PURPOSE)
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
        media_url=backend_url,
        notification_url=backend_url,
        cognito_client_id=CLIENT,
        cognito_issuer=ISSUER,
        cognito_jwks_url=f"{backend_url}/jwks.json",
        openapi_file=document,
        allowed_origins=["https://app.example"],
        close_spread_seconds=0.01,
        presence_grace_seconds=0.1,
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
async def tickets(aws: Aws, provisioned: None, namespace: str) -> Tokens:
    """Makes tickets as auth does."""
    return Tokens(await key_ring(aws, f"{namespace}-auth-realtime-ticket"), "realtime_ticket")


@pytest.fixture
async def devices(aws: Aws, provisioned: None, namespace: str) -> Tokens:
    """Makes what devices are known by, as auth does."""
    return Tokens(await key_ring(aws, f"{namespace}-auth-known-device"), DEVICE_PURPOSE)
