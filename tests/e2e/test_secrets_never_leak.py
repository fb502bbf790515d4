"""A run of the whole suite at DEBUG, with every trace exported: no secret that it used stands in what it wrote."""

import asyncio
import json
import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from messenger_contracts.realtime import SUBPROTOCOL
from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.client import Client
from messengerctl.mailbox import await_code
from messengerctl.suite import Suite
from servicekit.rotation import PUBLIC, rotate
from servicekit.testing import eventually

_CODE = re.compile("[0-9]{6}")
"""What is mailed; it stands in longer numbers by chance."""
JSON = {"content-type": "application/json"}


class Used:
    """Every secret that was used, by what it is."""

    def __init__(self) -> None:
        self.secrets: dict[str, set[str]] = {}

    def note(self, what: str, *values: str | None) -> None:
        """Remember secrets. Of a token or cookie each part counts, but for the ids of keys, which are none."""
        for value in values:
            if value:
                self.secrets.setdefault(what, set()).update({value, *_parts(value)})

    def found_in(self, text: str) -> list[str]:
        """Which of them stand in a text, as they are or as a URL writes them."""
        return [
            what
            for what, values in self.secrets.items()
            for value in values
            if (re.search(rf"\b{value}\b", text) if _CODE.fullmatch(value) else value in text or quote(value) in text)
        ]


def _parts(value: str) -> Iterator[str]:
    for part in value.split("."):
        if len(part) >= 40:
            yield part


def _cookies(answer: httpx.Response) -> list[str]:
    return [line.partition(";")[0].partition("=")[2] for line in answer.headers.get_list("set-cookie")]


@pytest.fixture
async def web(watched: Suite):
    """Somebody who asks by hand."""
    async with httpx.AsyncClient(base_url=watched.gateway, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def used(watched: Suite) -> Used:
    """What the suite itself holds: every version of every key, passwords of databases, keys of AWS."""
    used = Used()
    credentials = watched.state.credentials
    used.note("database password", credentials.postgres, *credentials.databases.values())
    used.note("AWS secret key", *(key.secret_access_key for key in credentials.identities.values()))
    _note_keys(watched, used)
    return used


def _note_keys(watched: Suite, used: Used) -> None:
    manager = watched.aws("secretsmanager")
    for page in manager.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            versions = manager.describe_secret(SecretId=secret["Name"])["VersionIdsToStages"]
            for version in versions if not secret["Name"].endswith(PUBLIC) else ():
                value = manager.get_secret_value(SecretId=secret["Name"], VersionId=version)["SecretString"]
                used.note(f"secret {secret['Name']}", value)


async def live(watched: Suite, web: httpx.AsyncClient, used: Used) -> None:
    """Use everything that takes or gives a secret, rightly and wrongly."""
    ada = await sign_up(watched.gateway, Wishes(), partial(await_code, watched))
    used.note("password", ada.password)
    used.note("token", ada.access_token, ada.refresh_token)
    async with client_of(ada) as client:
        await client.refresh()
        tokens = client.tokens
        used.note("token", tokens.access_token, tokens.refresh_token)
        await _open_socket(watched, client, used)
    headers = {"authorization": f"Bearer {tokens.access_token}"}
    await _sign_up_badly(web, used)
    await _sign_in_by_cookie(web, ada.username, ada.password, used)
    await _reset(watched, web, ada.username, ada.email, used)
    await _enrol(web, headers, used)
    await _go_to_a_provider(web, used)
    await _forge(web, used)


async def _open_socket(watched: Suite, client: Client, used: Used) -> None:
    ticket = (await client.request("POST", "/v1/auth/realtime-ticket")).json()["ticket"]
    used.note("ticket", ticket)
    address = f"{watched.gateway.replace('http', 'ws', 1)}/v1/realtime?ticket={ticket}"
    async with connect(address, subprotocols=[SUBPROTOCOL]) as socket:
        await socket.send('{"id":1,"op":"hello","d":{"positions":{}}}')
        await socket.recv()
    with pytest.raises(InvalidStatus):
        await connect(address, subprotocols=[SUBPROTOCOL])


async def _sign_up_badly(web: httpx.AsyncClient, used: Used) -> None:
    wish = {"email": "nobody", "username": "!", "password": "a password that nobody takes"}
    used.note("password", wish["password"])
    assert (await web.post("/v1/auth/sign-up", json=wish)).status_code == 422
    broken = json.dumps(wish)[:-1]
    assert (await web.post("/v1/auth/sign-up", content=broken, headers=JSON)).status_code == 422


async def _sign_in_by_cookie(web: httpx.AsyncClient, login: str, password: str, used: Used) -> None:
    wrong, page = "wrong horse battery staple", {"origin": str(web.base_url).rstrip("/")}
    used.note("password", wrong)
    for typed in (wrong, password):
        wish = {"login": login, "password": typed, "session": "cookie"}
        answer = await web.post("/v1/auth/sign-in", json=wish, headers=page)
        used.note("cookie", *_cookies(answer))
    assert answer.status_code == 200, answer.text
    kept = "; ".join(line.partition(";")[0] for line in answer.headers.get_list("set-cookie"))
    assert (await web.get("/v1/auth/me", headers={"cookie": kept})).status_code == 200


async def _reset(watched: Suite, web: httpx.AsyncClient, login: str, email: str, used: Used) -> None:
    answer = await web.post("/v1/auth/password/forgot", json={"login": login})
    flow = answer.json()["flow"]
    used.note("flow", flow)
    code = await await_code(watched, email)
    used.note("code", code)
    new = "an entirely new password 7"
    used.note("password", new)
    wish = {"flow": flow, "code": code, "new_password": new}
    assert (await web.post("/v1/auth/password/reset", json={**wish, "code": "000000"})).status_code == 422
    await web.post("/v1/auth/password/reset", json=wish)


async def _enrol(web: httpx.AsyncClient, headers: dict[str, str], used: Used) -> None:
    """An authenticator, which is not confirmed; where the reset has ended the session, the refusal."""
    answer = await web.post("/v1/auth/totp", headers=headers)
    if answer.is_success:
        used.note("TOTP secret", *(str(value) for name, value in answer.json().items() if name != "expires_in"))


async def _go_to_a_provider(web: httpx.AsyncClient, used: Used) -> None:
    answer = await web.get("/v1/auth/oidc/google/start")
    state = parse_qs(urlsplit(answer.headers.get("location", "")).query).get("state", ["a-state-of-nobody"])[0]
    used.note("code", "a-code-of-a-provider-0123456789")
    used.note("state", state)
    await web.get("/v1/auth/oidc/callback", params={"code": "a-code-of-a-provider-0123456789", "state": state})
    await _prove_an_address(web, used)


async def _prove_an_address(web: httpx.AsyncClient, used: Used) -> None:
    """With a proof of nobody's: the suite has no provider. Those of somebody: services/auth/tests/federations."""
    code, proof = "730519", "v4.local." + "P" * 120 + "." + "Q" * 44
    used.note("code", code)
    used.note("cookie", proof)
    for path, body in (("proof", {"code": code}), ("proof/resend", {})):
        answer = await web.post(f"/v1/auth/oidc/{path}", json=body, headers={"cookie": f"__Host-proof={proof}"})
        assert answer.status_code == 401, answer.text


async def _forge(web: httpx.AsyncClient, used: Used) -> None:
    forged = "v4.local." + "A" * 120 + "." + "B" * 44
    used.note("token", forged)
    for headers in ({"authorization": f"Bearer {forged}"}, {"cookie": f"__Host-session={forged}"}):
        assert (await web.get("/v1/auth/me", headers=headers)).status_code == 401
    assert (await web.get("/v1/conversations", params={"access_token": forged})).status_code == 401
    assert (await web.post("/v1/auth/refresh", json={"refresh_token": forged})).status_code == 401
    assert (await web.get("/v1/realtime", params={"ticket": forged})).status_code >= 400


async def test_no_secret_is_written_anywhere(watched, web, used, collector):
    await live(watched, web, used)
    name = watched.resource("auth", "flow")
    await asyncio.to_thread(rotate, watched.aws("secretsmanager"), name)
    _note_keys(watched, used)
    written = {path.name: path.read_text(errors="replace") for path in watched.logs.glob("*.log")}
    leaks = {name: found for name, text in written.items() if (found := used.found_in(text))}
    assert leaks == {}
    assert {"auth.log", "gateway.log", "chat.log", "emulator.log", "postgres.log"} <= written.keys()
    assert "/v1/auth/sign-in" in written["gateway.log"]
    assert {"password", "token", "ticket", "cookie", "flow", "code", "database password"} <= used.secrets.keys()

    async def exported() -> bool:
        return all(path in collector.received for path in (b"/v1/auth/password/reset", b"/v1/auth/oidc/callback"))

    await eventually(exported, 30)
    traces = collector.received.decode("latin-1")
    assert used.found_in(traces) == []
