"""Auth on real parts, with the rights that its policy gives and no more.

Cognito's calls for people without credentials (SignUp and its kin) go unsigned, and the emulator takes those for its
default account: so here a test run has a prefix of its own there, not each test an account.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.stub import Stubber
from fastapi import FastAPI

from auth_service.audits.service import SecurityLog
from auth_service.dependencies import make_log
from auth_service.lockouts.dependencies import open_lockouts
from auth_service.lockouts.service import LockoutService
from auth_service.main import create
from auth_service.settings import AuthSettings
from auth_service.user_pool.repository import UserPool
from localcloud.provision import ClientFactory, Outputs, connect, provision
from messenger_contracts.identity import Principal, anonymous
from servicekit.aws import Aws
from servicekit.cognito import AccessToken, AccessTokenVerifier
from servicekit.keys import key_ring
from servicekit.testing import REGION, Callers, client_of

SERVICES = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
CODE = "123456"
"""The code that the emulator mails for every sign-up."""
ROOT = "test"
"""The emulator's credential that may do everything."""


@dataclass(frozen=True)
class Cloud:
    """What auth, and those whose keys it looks at, own in this run."""

    prefix: str
    outputs: Outputs


@pytest.fixture(scope="session")
def root(emulator_url: str) -> ClientFactory:
    """The emulator's services, for one who may do everything."""
    return connect(emulator_url, ROOT, ROOT, REGION)


@pytest.fixture(scope="session")
def cloud(root: ClientFactory) -> Cloud:
    prefix = f"messenger-t{secrets.token_hex(4)}"
    outputs = provision(root, [SERVICES / "gateway", SERVICES / "chat", SERVICES / "auth"], prefix, identities={})
    return Cloud(prefix, outputs)


@pytest.fixture
def aws_account(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> str:
    """The account, with auth's own key."""
    key = cloud.outputs.identities["auth"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return cloud.outputs.values["account_id"]


@pytest.fixture
async def callers(cloud: Cloud) -> AsyncIterator[Callers]:
    """Signed identities, made with the gateway's key, which auth may not read."""
    async with Aws(REGION, aws_access_key_id=ROOT, aws_secret_access_key=ROOT) as root:
        yield Callers(await key_ring(root, f"{cloud.prefix}-gateway-identity-private"))


@pytest.fixture
def settings(cloud: Cloud, aws_account: str, valkey_url: str) -> AuthSettings:
    return AuthSettings(
        environment="test",
        resource_prefix=cloud.prefix,
        account_id=aws_account,
        valkey_url=valkey_url,
        user_pool_id=cloud.outputs.values["user_pool.id"],
        user_pool_client_id=cloud.outputs.values["user_pool.client_id"],
    )


@pytest.fixture
def app(settings: AuthSettings) -> FastAPI:
    return create(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API that signs nothing."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
def verifier(cloud: Cloud) -> AccessTokenVerifier:
    """What the gateway checks access tokens with."""
    values = cloud.outputs.values

    async def fetch() -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(values["user_pool.jwks_url"])).json()

    return AccessTokenVerifier(
        issuer=values["user_pool.issuer"], client_id=values["user_pool.client_id"], fetch_jwks=fetch
    )


@pytest.fixture
def emulator_mails(emulator_url: str) -> Callable[[str], Awaitable[list[dict[str, Any]]]]:
    """Reads what the emulator would have mailed to an address, oldest first."""

    async def read(email: str) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=emulator_url, trust_env=False) as emulator:
            accounts = (await emulator.get("/_ministack/ses/messages")).json()["messages"]
        return [mail for mails in accounts.values() for mail in mails if email in mail["To"]]

    return read


@pytest.fixture
def mails_to(emulator_mails) -> Callable[[str], Awaitable[list[str]]]:
    """Reads their texts."""

    async def read(email: str) -> list[str]:
        return [mail["BodyText"] for mail in await emulator_mails(email)]

    return read


@dataclass(frozen=True)
class StubbedPool:
    """The pool with answers that the emulator does not give; `answers` takes them in the order of the calls."""

    pool: UserPool
    answers: Stubber


@pytest.fixture
async def stubbed(aws: Aws) -> AsyncIterator[StubbedPool]:
    cognito = await aws.client("cognito-idp")
    with Stubber(cognito) as answers:
        yield StubbedPool(UserPool(cognito, "us-east-1_stub", "client", "secret"), answers)
    answers.assert_no_pending_responses()


@pytest.fixture
async def stubbed_log(settings: AuthSettings, aws: Aws, stubbed: StubbedPool) -> SecurityLog:
    """The security log beside a stubbed pool."""
    return await make_log(settings, aws, stubbed.pool)


@pytest.fixture
async def stubbed_lockouts(settings: AuthSettings, stubbed_log: SecurityLog) -> AsyncIterator[LockoutService]:
    """The lock-outs beside a stubbed pool."""
    async with open_lockouts(settings, stubbed_log) as lockouts:
        yield lockouts


class Somebody:
    """A person at a client: not signed in at first."""

    def __init__(self, client: httpx.AsyncClient, callers: Callers, verifier: AccessTokenVerifier) -> None:
        self._client = client
        self._callers = callers
        self._verifier = verifier
        self.principal = anonymous()
        self.username = f"u01{secrets.token_hex(5)}"
        self.email = f"{self.username}@example.com"
        self.flow = self.user_id = ""
        self.tokens: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        """What the gateway tells of the client."""

    async def post(self, path: str, **body: Any) -> httpx.Response:
        headers = self.headers | await self._callers.headers(self.principal)
        return await self._client.post(f"/v1/auth/{path}", json=body, headers=headers)

    async def request(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = await self._callers.headers(self.principal)
        return await self._client.request(method, f"/v1/auth/{path}", json=body or None, headers=headers)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        headers = self.headers | await self._callers.headers(self.principal)
        return await self._client.get(f"/v1/auth/{path}", params=params, headers=headers)

    async def sign_up(self, **changes: Any) -> httpx.Response:
        wish = {"email": self.email, "username": self.username, "password": PASSWORD} | changes
        answer = await self.post("sign-up", **wish)
        if answer.status_code == 201:
            self.flow, self.user_id = answer.json()["flow"], answer.json()["user_id"]
        return answer

    async def verify(self, code: str = CODE) -> httpx.Response:
        return await self.post("verify-email", flow=self.flow, code=code)

    async def sign_in(self, login: str | None = None, password: str = PASSWORD, **more: Any) -> httpx.Response:
        answer = await self.post("sign-in", login=login or self.username, password=password, **more)
        if answer.status_code == 200:
            self.tokens = answer.json()
            user = self.tokens["user"]
            self.principal = Principal(
                user_id=user["id"], username=user["username"], session_id=self.tokens["session_id"]
            )
        return answer

    async def refresh(self, token: str | None = None) -> httpx.Response:
        return await self.post("refresh", refresh_token=token or self.tokens["refresh_token"])

    async def access_token(self) -> AccessToken:
        """What the gateway reads in the access token."""
        return await self._verifier.verify(self.tokens["access_token"])


@pytest.fixture
def somebody(client: httpx.AsyncClient, callers: Callers, verifier: AccessTokenVerifier) -> Callable[[], Somebody]:
    """Makes people who have no account yet."""
    return lambda: Somebody(client, callers, verifier)


@pytest.fixture
async def member(somebody: Callable[[], Somebody]) -> Somebody:
    """A person whose account is verified."""
    person = somebody()
    assert (await person.sign_up()).status_code == 201
    assert (await person.verify()).status_code == 204
    return person


@pytest.fixture
async def signed_in(member: Somebody) -> Somebody:
    """A person who is signed in."""
    assert (await member.sign_in(device_name="phone")).status_code == 200
    return member


@pytest.fixture
def another_device(somebody: Callable[[], Somebody]) -> Callable[[Somebody], Awaitable[Somebody]]:
    """Signs a member in once more."""

    async def sign_in(member: Somebody) -> Somebody:
        other = somebody()
        other.username, other.email = member.username, member.email
        assert (await other.sign_in()).status_code == 200
        return other

    return sign_in
