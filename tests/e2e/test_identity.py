"""Behind the gateway nobody is believed who does not prove it: a request without a signed identity gets 401."""

import httpx
import pytest

from messenger_contracts.identity import IDENTITY_HEADER

ROUTES = {
    "auth": ("/v1/auth/me", "/internal/people"),
    "chat": ("/v1/conversations", "/internal/positions"),
    "notification": ("/v1/notifications",),
}


@pytest.mark.parametrize(("service", "path"), [(service, path) for service in ROUTES for path in ROUTES[service]])
@pytest.mark.parametrize("identity", [None, "v4.public.forged"], ids=["none", "forged"])
async def test_an_unsigned_request_is_refused(suite, ada, service, path, identity):
    headers = {"authorization": f"Bearer {ada.access_token}"} | ({IDENTITY_HEADER: identity} if identity else {})
    async with httpx.AsyncClient(base_url=suite.state.services[service].url) as http:
        method = "POST" if path == "/internal/positions" else "GET"
        answer = await http.request(method, path, headers=headers, json={"ids": []} if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_an_identity_from_outside_is_not_passed_on(suite):
    async with httpx.AsyncClient(base_url=suite.gateway) as http:
        answer = await http.get("/v1/auth/me", headers={IDENTITY_HEADER: "v4.public.forged"})
    assert answer.status_code == 401
