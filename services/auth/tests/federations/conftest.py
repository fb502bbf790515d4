"""A browser between auth, the emulator's hosted UI, and a provider that speaks OpenID Connect for real."""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from auth_service.dependencies import make_log
from auth_service.lockouts.domain import subject_of
from auth_service.user_pool.repository import UserPool
from localcloud.processes import answers, free_port
from localcloud.provision import provision
from messenger_contracts.browsers import SESSION_PURPOSE
from messenger_contracts.identity import anonymous
from servicekit.keys import key_ring
from servicekit.testing import REGION, eventually
from servicekit.tokens import Tokens

SERVICES = Path(__file__).parents[3]
ORIGIN = "http://127.0.0.1:8080"
CALLBACK = f"{ORIGIN}/v1/auth/oidc/callback"


@pytest.fixture(scope="session")
def provider_url() -> Iterator[str]:
    """The provider that stands for Kakao, as a process."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
async def provider(provider_url: str) -> str:
    """The provider, once it answers."""

    async def up() -> bool:
        return answers(f"{provider_url}/.well-known/openid-configuration")

    await eventually(up)
    return provider_url


@pytest.fixture
def federated(cloud, root, provider, aws_account) -> dict[str, str]:
    """The pool with Kakao and Google set up; gives what auth is told."""
    kakao = {"oidc_issuer": provider, "authorize_scopes": "openid email profile"}  # its scopes are its own
    credentials = {
        "oidc-kakao": {"client_id": "messenger", "client_secret": "kakao-secret", **kakao},
        "oidc-google": {"client_id": "google-client", "client_secret": "google-secret"},
    }
    manager = root("secretsmanager")
    for name, content in credentials.items():
        value = {"SecretId": f"{cloud.prefix}-auth-{name}", "SecretString": json.dumps(content)}
        try:
            manager.put_secret_value(**value)
        except manager.exceptions.ResourceNotFoundException:
            manager.create_secret(Name=value["SecretId"], SecretString=value["SecretString"])
    return provision(root, [SERVICES / "gateway", SERVICES / "auth"], cloud.prefix).values


@pytest.fixture
def settings(settings, federated):
    """Auth with the hosted UI."""
    return settings.model_copy(
        update={
            "public_origin": ORIGIN,
            "hosted_ui_url": federated["user_pool.hosted_ui_url"],
            "cognito_issuer": federated["user_pool.issuer"],
            "cognito_jwks_url": federated["user_pool.jwks_url"],
            "oidc_providers": json.loads(federated["user_pool.providers"]),
            "return_targets": ["https://app.example/", "messenger://signed-in"],
        }
    )


@dataclass
class Browser:
    """Somebody's browser. It keeps auth's cookies, and finds the hosted UI's domain at the emulator."""

    auth: httpx.AsyncClient
    headers: dict[str, str]
    web: httpx.AsyncClient
    prefix: str
    emulator: str
    cookies: dict[str, str] = field(default_factory=dict)
    subject: str = ""
    """Who its person is at the provider."""

    async def ask(self, path: str, **params: str) -> httpx.Response:
        """Ask auth, and keep the cookies of the answer."""
        return await self._request("GET", path, params=params or None)

    async def send(self, path: str, **body: str) -> httpx.Response:
        """Send something to auth, as a page of ours does."""
        return await self._request("POST", path, json=body or None)

    async def prove(self, code: str) -> httpx.Response:
        """Enter a mailed code."""
        return await self.send("/v1/auth/oidc/proof", code=code)

    async def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**self.headers, **({"cookie": kept} if kept else {})}
        answer = await self.auth.request(method, path, headers=headers, **content)
        self.auth.cookies.clear()  # the client is shared by all browsers
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    async def start(self, return_to: str = "/chats", provider: str = "kakao") -> httpx.Response:
        """Begin a sign-in."""
        return await self.ask(f"/v1/auth/oidc/{provider}/start", return_to=return_to)

    async def vouch(self, url: str, subject: str) -> str:
        """Go from the hosted UI to the provider, be somebody there, and come back to our callback."""
        at_provider = await self._follow(url)
        answer = await self.web.post(at_provider, data={"sub": subject})
        return await self._follow(answer.headers["location"])

    async def log_in(self, url: str, username: str, password: str) -> str:
        """Log in on the hosted UI's own page, as a link without a provider would."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        form = {**asked, "username": username, "password": password}
        answer = await self.web.post(f"{self.emulator}/login", data=form)
        return answer.headers["location"]

    async def come_back(self, url: str) -> httpx.Response:
        """Bring what the hosted UI gave."""
        assert url.startswith(CALLBACK), url
        return await self.ask(url.removeprefix(ORIGIN))

    async def sign_in(self, subject: str, return_to: str = "/chats") -> httpx.Response:
        """All of it, with the second round that a first sign-in takes; gives the last answer."""
        answer = await self.start(return_to)
        for _ in range(3):
            assert answer.status_code == 303, answer.text
            if "/oauth2/authorize" not in answer.headers["location"]:
                return answer
            answer = await self.come_back(await self.vouch(answer.headers["location"], subject))
        raise AssertionError("it goes round and round")

    async def _follow(self, url: str) -> str:
        """One redirect on, past the hosted UI's domain."""
        domain = f"https://{self.prefix}.auth.{REGION}.amazoncognito.com"
        answer = await self.web.get(url.replace(domain, self.emulator))
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@pytest.fixture
async def browser(client, callers, cloud, emulator_url) -> AsyncIterator[Callable[[], Browser]]:
    """Makes browsers, each with cookies of its own."""
    headers = await callers.headers(anonymous())
    async with httpx.AsyncClient(trust_env=False) as web:
        yield lambda: Browser(client, headers, web, cloud.prefix, emulator_url)


@pytest.fixture
def somebody_at(provider) -> Callable[..., Any]:
    """Makes people at the provider."""

    async def make(subject: str, **claims: Any) -> str:
        async with httpx.AsyncClient(trust_env=False) as web:
            (await web.put(f"{provider}/users/{subject}", json=claims)).raise_for_status()
        return subject

    return make


@pytest.fixture
def session_of(aws, settings):
    """What a browser's session cookie says."""

    async def read(browser):
        ring = await key_ring(aws, settings.resource("active-session"))
        return await Tokens(ring, SESSION_PURPOSE).read(browser.cookies["session"])

    return read


@pytest.fixture
def cognito(root):
    """The pool, as root."""
    return root("cognito-idp")


@pytest.fixture
def codes_of(emulator_mails):
    """The codes that were mailed to an address by us, oldest first."""

    async def read(email: str) -> list[str]:
        mails = [mail for mail in await emulator_mails(email) if "sign in to Messenger as you" in mail["BodyText"]]
        return [re.findall(r"\b\d{6}\b", mail["BodyText"])[0] for mail in mails]

    return read


@pytest.fixture
def time_passes(valkey, cloud):
    """Ends what the last mail to an address, or the last try at it, makes one wait for."""

    async def end(email: str) -> None:
        for kind in ("mail", "code"):
            await valkey.hset(f"{cloud.prefix}:tries:{kind}:{subject_of(f'proof {email}')}", "until", 0)

    return end


@pytest.fixture
async def log(settings, aws):
    """The security log."""
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    return await make_log(settings, aws, pool)
