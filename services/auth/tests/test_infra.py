"""What auth owns, and that it may do no more than its policy says."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from auth_service.challenges.service import FLOW_SECONDS
from auth_service.passwords.domain import SHORTEST
from auth_service.settings import AuthSettings

INFRA = Path(__file__).parents[1] / "infra"


def test_a_session_lasts_as_long_as_cognitos_refresh_token():
    client = json.loads((INFRA / "user_pool.json").read_bytes())["client"]
    assert client["TokenValidityUnits"]["RefreshToken"] == "days"
    assert client["RefreshTokenValidity"] == AuthSettings.model_fields["session_days"].default


def test_the_pool_takes_the_passwords_that_we_take():
    policy = json.loads((INFRA / "user_pool.json").read_bytes())["pool"]["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] == SHORTEST
    assert not [name for name, demanded in policy.items() if name.startswith("Require") and demanded]


def test_cognito_waits_for_a_code_as_long_as_our_flow():
    client = json.loads((INFRA / "user_pool.json").read_bytes())["client"]
    assert client["AuthSessionValidity"] * 60 == FLOW_SECONDS


async def test_auth_may_not_read_the_key_that_signs_identities(aws, settings):
    secrets_manager = await aws.client("secretsmanager")
    with pytest.raises(ClientError, match="AccessDenied"):
        await secrets_manager.get_secret_value(SecretId=settings.resource("identity-private", "gateway"))


async def test_auth_may_not_list_the_people_of_its_pool(aws, settings):
    cognito = await aws.client("cognito-idp")
    with pytest.raises(ClientError, match="AccessDenied"):
        await cognito.list_users(UserPoolId=settings.user_pool_id)
