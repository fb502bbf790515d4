"""Programs with tokens and browsers with cookies reach the same routes, as the same people."""

import json
import re
from pathlib import Path

import httpx
import pytest

DOCUMENT = json.loads((Path(__file__).parents[2] / "openapi.json").read_text())
ROUTES = sorted(
    (
        method.upper(),
        re.sub(r"\{\w+\}", "0190b5a6-7b1e-7cc3-9d2f-3a4b5c6d7e8f", path),
        tuple(map(min, operation["security"])),
    )
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if path.startswith("/v1/") and path != "/v1/realtime"
)


def test_the_document_offers_both_or_neither() -> None:
    assert {security for _, _, security in ROUTES} == {(), ("bearer", "session")}


@pytest.fixture
async def ask(http, backend):
    """Asks a route with a credential; gives whether one is let in, and as whom."""

    async def ask(method: str, path: str, headers: dict[str, str]) -> object:
        answer = await http.request(method, path, headers=headers)
        return answer.status_code == httpx.codes.ACCEPTED and answer.json()["principal"]

    return ask


@pytest.mark.parametrize(("method", "path", "security"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
async def test_both_credentials_have_the_same_rights(ask, backend, method, path, security) -> None:
    token = backend.token("ada", **{"cognito:groups": ["moderators"]})
    cookie = await backend.cookie("ada", groups=("moderators",))
    as_program = await ask(method, path, {"Authorization": f"Bearer {token}"})
    as_browser = await ask(method, path, {"Cookie": cookie, "Origin": "http://127.0.0.1:8080"})
    as_nobody = await ask(method, path, {})
    assert as_program == as_browser
    assert as_program["kind"] == ("user" if security else "anonymous")
    assert bool(as_nobody) == (not security)
