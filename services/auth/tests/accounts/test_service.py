"""What the emulator cannot do: addresses that another account has, and accounts that are old."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import ANY
from pydantic import SecretStr

from auth_service.accounts.schemas import SignUp
from auth_service.accounts.service import AccountService
from auth_service.dependencies import make_accounts
from auth_service.lockouts.domain import MAIL
from auth_service.user_pool.errors import AddressTaken, UsernameTaken


@pytest.fixture
async def accounts(settings, aws, stubbed, stubbed_lockouts) -> AccountService:
    return await make_accounts(settings, aws, stubbed.pool, stubbed_lockouts)


@pytest.fixture
def wish(somebody) -> SignUp:
    person = somebody()
    return SignUp(email=person.email, username=person.username, password=SecretStr("correct horse"))


def profile(username: str, status: str, age: timedelta) -> dict[str, object]:
    """What AdminGetUser answers."""
    return {
        "Username": username,
        "UserAttributes": [{"Name": "sub", "Value": f"id-of-{username}"}],
        "UserCreateDate": datetime.now(UTC) - age,
        "UserStatus": status,
    }


async def test_the_right_code_for_a_taken_address_says_so_and_frees_the_username(accounts, stubbed, wish):
    stubbed.answers.add_response("sign_up", {"UserConfirmed": False, "UserSub": "new-id"})
    flow = (await accounts.sign_up(wish)).flow
    stubbed.answers.add_client_error("confirm_sign_up", "AliasExistsException", http_status_code=400)
    stubbed.answers.add_response("admin_delete_user", {}, {"UserPoolId": ANY, "Username": "new-id"})
    with pytest.raises(AddressTaken):
        await accounts.verify_email(flow, "123456")
    assert not await accounts.waits_for_code(wish.username, "correct horse")


async def test_a_username_that_nobody_verified_in_time_is_free_again(accounts, stubbed, wish):
    old = profile(wish.username, "UNCONFIRMED", timedelta(hours=2))
    stubbed.answers.add_response("admin_get_user", old)
    assert await accounts.is_available(wish.username)
    stubbed.answers.add_client_error("sign_up", "UsernameExistsException")
    stubbed.answers.add_response("admin_get_user", old)
    stubbed.answers.add_response("admin_delete_user", {}, {"UserPoolId": ANY, "Username": f"id-of-{wish.username}"})
    stubbed.answers.add_response("sign_up", {"UserConfirmed": False, "UserSub": "new-id"})
    assert (await accounts.sign_up(wish)).user_id == "new-id"


@pytest.mark.parametrize(("status", "age"), [("UNCONFIRMED", timedelta(minutes=59)), ("CONFIRMED", timedelta(days=9))])
async def test_a_username_in_use_is_not_taken_over(accounts, stubbed, wish, status, age):
    stubbed.answers.add_client_error("sign_up", "UsernameExistsException")
    stubbed.answers.add_response("admin_get_user", profile(wish.username, status, age))
    with pytest.raises(UsernameTaken):
        await accounts.sign_up(wish)


async def test_resend_says_nothing_about_a_verified_account(accounts, stubbed, stubbed_lockouts, wish):
    stubbed.answers.add_response("sign_up", {"UserConfirmed": False, "UserSub": f"id-of-{wish.username}"})
    flow = (await accounts.sign_up(wish)).flow
    await stubbed_lockouts.forgive(MAIL, f"verify id-of-{wish.username}")
    stubbed.answers.add_client_error("resend_confirmation_code", "InvalidParameterException", http_status_code=400)
    await accounts.resend(flow)
