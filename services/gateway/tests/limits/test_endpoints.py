"""The limits on routes that take a secret, per address, account and device; each closed without Valkey."""

from ipaddress import ip_network

import httpx
import pytest

from gateway_service.main import create
from messenger_contracts.browsers import KnownDevice, login_mark
from servicekit.testing import serving

LOOPBACK = [ip_network("127.0.0.0/8")]
OPEN = [
    *("sign-up", "sign-in", "sign-in/totp", "refresh", "verify-email", "verify-email/resend"),
    *("password/forgot", "password/reset", "oidc/proof", "oidc/proof/resend"),
]
OF_A_PERSON = [
    ("POST", "password/change"),
    ("POST", "totp"),
    ("DELETE", "totp"),
    ("POST", "totp/verify"),
    ("DELETE", "me"),
]


@pytest.fixture
async def narrow(settings):
    """A gateway with few tries, behind a proxy, and a client that comes from wherever it says."""
    update = {
        "secret_requests_per_minute": 3,
        "account_requests_per_minute": 2,
        "device_requests_per_minute": 2,
        "trusted_proxies": LOOPBACK,
    }
    async with (
        serving(create(settings.model_copy(update=update))) as address,
        httpx.AsyncClient(base_url=f"http://{address}/v1/auth") as http,
    ):
        yield http


def elsewhere(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"198.51.100.{number}"}


@pytest.mark.parametrize("route", OPEN)
async def test_an_address_has_so_many_tries_at_each(narrow, route) -> None:
    answers = [await narrow.post(f"/{route}", json={}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[3].json()["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert answers[3].headers["ratelimit-policy"] == '"secret";q=3;w=60'
    assert (await narrow.post(f"/{route}", json={}, headers=elsewhere(1))).status_code == 202


@pytest.mark.parametrize(
    ("route", "named"), [("sign-in", "login"), ("password/forgot", "login"), ("refresh", "refresh_token")]
)
async def test_an_account_has_so_many_tries_from_wherever_they_come(narrow, route, named) -> None:
    answers = [await narrow.post(f"/{route}", json={named: "ada"}, headers=elsewhere(n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["ratelimit-policy"] == '"account";q=2;w=60'
    assert (await narrow.post(f"/{route}", json={named: "bob"}, headers=elsewhere(0))).status_code == 202


async def test_a_proof_has_so_many_tries_from_wherever_they_come(narrow) -> None:
    def proof(value: str, number: int) -> dict[str, str]:
        return {"Cookie": f"__Host-proof={value}"} | elsewhere(number)

    answers = [await narrow.post("/oidc/proof", json={"code": "123456"}, headers=proof("mine", n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["ratelimit-policy"] == '"account";q=2;w=60'
    other = await narrow.post("/oidc/proof", json={"code": "123456"}, headers=proof("theirs", 0))
    assert other.status_code == 202


@pytest.mark.parametrize("how", ["cookie", "body"])
async def test_strangers_do_not_keep_a_person_out_at_home(narrow, devices, how) -> None:
    for n in range(3):
        stranger = await narrow.post("/sign-in", json={"login": "ada"}, headers=elsewhere(n))
    assert stranger.status_code == 429
    device = KnownDevice(id="home", people=("user-ada",), logins=(login_mark("ada"),))
    token = await devices.make(device.model_dump(), 60)
    body = {"login": "Ada"} | ({"device_token": token} if how == "body" else {})
    cookie = {"Cookie": f"__Host-device={token}"} if how == "cookie" else {}
    answers = [await narrow.post("/sign-in", json=body, headers=elsewhere(n) | cookie) for n in range(4, 7)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["ratelimit-policy"] == '"device";q=2;w=60'


@pytest.mark.parametrize("device", [KnownDevice(id="theirs", logins=(login_mark("eve"),)), None])
async def test_a_device_of_somebody_else_or_of_nobody_wins_nothing(narrow, devices, device) -> None:
    token = await devices.make(device.model_dump(), 60) if device else "v4.local.forged"
    for n in range(2):
        await narrow.post("/sign-in", json={"login": "ada"}, headers=elsewhere(n))
    answer = await narrow.post("/sign-in", json={"login": "ada", "device_token": token}, headers=elsewhere(5))
    assert answer.status_code == 429


@pytest.mark.parametrize(("method", "route"), OF_A_PERSON)
async def test_who_is_signed_in_has_so_many_tries_too(narrow, backend, method, route) -> None:
    headers = {"Authorization": f"Bearer {backend.token('ada')}"}
    answers = [await narrow.request(method, f"/{route}", headers=headers | elsewhere(n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert (await narrow.get("/me", headers=headers)).status_code == 202


async def test_without_valkey_nobody_tries_at_a_secret(settings, backend) -> None:
    alone = settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"})
    signed_in = {"Authorization": f"Bearer {backend.token('ada')}"}
    async with serving(create(alone)) as address, httpx.AsyncClient(base_url=f"http://{address}/v1/auth") as http:
        answers = [await http.post(f"/{route}", json={}) for route in OPEN]
        answers += [await http.request(method, f"/{route}", headers=signed_in) for method, route in OF_A_PERSON]
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "dependency_unavailable")}
        cookie = {"Cookie": await backend.cookie("ada")}
        assert (await http.get("/me", headers=cookie)).status_code == 202
