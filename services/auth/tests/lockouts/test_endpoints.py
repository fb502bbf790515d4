"""Lock-outs at sign-in, as a client sees them."""

import httpx

HOME, CAFE = "203.0.113.7", "198.51.100.7"


async def sign_in_from(person, address: str, password: str = "correct horse battery") -> httpx.Response:
    headers = await person._callers.headers(person.principal)
    body = {"login": person.username, "password": password}
    return await person._client.post("/v1/auth/sign-in", json=body, headers=headers | {"x-client-address": address})


async def test_wrong_passwords_lock_the_known_and_the_unknown_alike(member, somebody):
    locked = []
    for person in (member, somebody()):
        answers = [await person.sign_in(password="wrong horse battery") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        locked.append(answers[-1])
    known, unknown = locked
    assert known.json() | {"trace_id": ""} == unknown.json() | {"trace_id": ""}
    assert known.headers["Retry-After"] == unknown.headers["Retry-After"] == "5"
    assert known.json()["retryable"] is True


async def test_a_locked_login_does_not_tell_the_right_password(member):
    for _ in range(5):
        await member.sign_in(password="wrong horse battery")
    assert (await member.sign_in()).status_code == 429


async def test_a_stranger_elsewhere_locks_nobody_out_at_home(member):
    assert (await sign_in_from(member, HOME)).status_code == 200
    for _ in range(6):
        answer = await sign_in_from(member, CAFE, "wrong horse battery")
    assert answer.status_code == 429
    assert (await sign_in_from(member, CAFE)).status_code == 429
    assert (await sign_in_from(member, HOME)).status_code == 200


async def test_the_other_login_is_not_locked(member):
    for _ in range(6):
        await member.sign_in(password="wrong horse battery")
    assert (await member.sign_in(member.email)).status_code == 200


async def test_a_locked_username_does_not_tell_whose_address_it_goes_with(member, somebody):
    """Whoever locks a username and then tries addresses must not see in which one the lock goes on."""
    for _ in range(6):
        locked = await member.sign_in(password="wrong horse battery")
    assert locked.status_code == 429
    own, other = [await member.sign_in(email, "wrong horse battery") for email in (member.email, somebody().email)]
    assert own.status_code == other.status_code == 401
    assert own.json() | {"trace_id": ""} == other.json() | {"trace_id": ""}


async def test_an_unverified_account_is_not_locked_by_the_right_password(somebody):
    person = somebody()
    await person.sign_up()
    assert [(await person.sign_in()).status_code for _ in range(7)] == [403] * 7
