"""The signed identity: demanded, verified, remembered."""

import pytest
from fastapi import APIRouter

from messenger_contracts.identity import IDENTITY_HEADER, anonymous, service
from servicekit.errors import TokenExpired, Unauthenticated
from servicekit.identity import (
    PURPOSE,
    CallingService,
    CurrentUser,
    IdentitySigner,
    IdentityVerifier,
    ServiceSigner,
    SignedPrincipal,
)
from servicekit.keys import KeyRing
from servicekit.testing import client_of, person
from servicekit.tokens import Tokens


def ring_of(paserk):
    async def load():
        return [paserk]

    return KeyRing(load)


@pytest.fixture
def signer(key_pair):
    return IdentitySigner(ring_of(key_pair[0]))


@pytest.fixture
def verifier(key_pair):
    return IdentityVerifier(ring_of(key_pair[1]))


@pytest.fixture
async def api(make_app):
    """Three routes: for anybody who is signed, for people, and for services."""
    router = APIRouter()

    @router.get("/anybody")
    async def anybody(caller: SignedPrincipal) -> str:
        return caller.kind

    @router.get("/people")
    async def people(caller: CurrentUser) -> str:
        return caller.user_id

    @router.get("/services")
    async def services(caller: CallingService) -> str:
        return caller.user_id

    @router.get("/unmarked")
    async def unmarked() -> str:
        return "done"

    async with client_of(make_app(router)) as client:
        yield client


async def test_who_was_signed_is_who_is_verified(signer, verifier):
    bob = person("bob").model_copy(update={"relationship_version": 12, "groups": ("moderators",)})
    assert await verifier.verify(await signer.sign(bob)) == bob


async def test_a_signature_is_used_again_for_the_same_caller_only(signer):
    assert await signer.sign(person("bob")) == await signer.sign(person("bob"))
    assert await signer.sign(person("bob")) != await signer.sign(person("carol"))


async def test_a_change_of_relationships_is_signed_anew(signer):
    changed = person("bob").model_copy(update={"relationship_version": 1})
    assert await signer.sign(person("bob")) != await signer.sign(changed)


async def test_what_was_verified_is_remembered(signer, verifier):
    token = await signer.sign(person("bob"))
    assert await verifier.verify(token) is await verifier.verify(token)


async def test_an_expired_identity_is_refused(key_pair, verifier):
    token = await Tokens(ring_of(key_pair[0]), PURPOSE).make(person("bob").model_dump(), -1)
    with pytest.raises(TokenExpired):
        await verifier.verify(token)


async def test_a_signed_token_of_another_purpose_is_no_identity(key_pair, verifier):
    token = await Tokens(ring_of(key_pair[0]), "something-else").make(person("bob").model_dump(), 60)
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize("path", ["/anybody", "/people", "/services", "/unmarked"])
@pytest.mark.parametrize("headers", [{}, {IDENTITY_HEADER: ""}, {IDENTITY_HEADER: '{"user_id": "user-bob"}'}])
async def test_a_request_that_nobody_signed_gets_401(api, path, headers):
    answer = await api.get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("caller", "statuses"),
    [
        (person("bob"), {"/anybody": 200, "/people": 200, "/services": 403, "/unmarked": 200}),
        (anonymous(), {"/anybody": 200, "/people": 401, "/services": 403, "/unmarked": 200}),
        (service("gateway"), {"/anybody": 200, "/people": 401, "/services": 200, "/unmarked": 200}),
    ],
    ids=["person", "anonymous", "service"],
)
async def test_each_route_takes_whom_it_is_for(api, local_callers, caller, statuses):
    headers = await local_callers.headers(caller)
    assert {path: (await api.get(path, headers=headers)).status_code for path in statuses} == statuses


async def test_a_service_proves_itself_with_its_own_key(key_pair):
    verifier = IdentityVerifier(ring_of(key_pair[1]), {"auth": ring_of(key_pair[1])})
    assert await verifier.verify(await ServiceSigner(ring_of(key_pair[0]), "auth").sign()) == service("auth")


@pytest.mark.parametrize("claimed", ["chat", "gateway", "", "auth:auth"])
async def test_a_service_proves_nobody_but_itself(key_pair, claimed):
    verifier = IdentityVerifier(ring_of(key_pair[1]), {"auth": ring_of(key_pair[1]), "chat": ring_of(key_pair[1])})
    token = (await ServiceSigner(ring_of(key_pair[0]), "auth").sign()).removeprefix("auth:")
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{claimed}:{token}")


async def test_a_service_cannot_sign_for_a_person(key_pair, verifier):
    token = await ServiceSigner(ring_of(key_pair[0]), "auth").sign()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token.removeprefix("auth:"))


async def test_a_persons_identity_is_no_services(key_pair, signer):
    verifier = IdentityVerifier(ring_of(key_pair[1]), {"auth": ring_of(key_pair[1])})
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"auth:{await signer.sign(service('auth'))}")
