"""What the declarations become in an account: all of it, once, and corrected when they change."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.errors import LocalCloudError
from localcloud.provision import AccessKey, ClientFactory, Outputs, connect, load_infra, provision, wire

PREFIX = "messenger-test"


@pytest.fixture
def account_id() -> str:
    """An empty account: the emulator takes a 12-digit access key as a tenant of its own."""
    return "".join(secrets.choice("123456789") for _ in range(12))


@pytest.fixture
def clients(account_id: str) -> ClientFactory:
    """Clients of the account's root."""
    return connect(os.environ["AWS_ENDPOINT_URL"], account_id, "test")


@pytest.fixture
def services(checkout) -> list[Path]:
    """The services of the sample suite."""
    return sorted((checkout.folder / "services").iterdir())


def test_everything_declared_is_created(clients, services) -> None:
    provision(clients, services, PREFIX, identities={})
    table = clients("dynamodb").describe_table(TableName=f"{PREFIX}-notes-drafts")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by_topic"]
    expiry = clients("dynamodb").describe_time_to_live(TableName=f"{PREFIX}-notes-drafts")
    assert expiry["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    queue = _queue(clients, "inbox")
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{PREFIX}-notes-inbox-dlq")
    assert int(redrive["maxReceiveCount"]) == 3


def test_a_second_run_changes_nothing(clients, services) -> None:
    first = provision(clients, services, PREFIX, identities={})
    second = provision(clients, services, PREFIX, identities=first.identities)
    assert second == Outputs(first.values, first.identities, changed=())


def test_only_events_of_the_declared_types_reach_the_queue(clients, services, account_id) -> None:
    provision(clients, services, PREFIX)
    for type_ in ("notes.erased.v1", "notes.written.v1"):
        clients("sns").publish(
            TopicArn=f"arn:aws:sns:us-east-1:{account_id}:{PREFIX}-notes-events",
            Message=type_,
            MessageAttributes={"type": {"DataType": "String", "StringValue": type_}},
        )
    assert _receive(clients, "inbox") == ["notes.written.v1"]


def test_changed_declarations_are_followed(clients, services, checkout, account_id) -> None:
    keys = provision(clients, services, PREFIX, identities={}).identities

    def hear_erasure(queues: dict[str, Any]) -> dict[str, Any]:
        queues["inbox"]["subscriptions"][0]["types"] = ["notes.erased.v1"]
        queues["inbox"]["max_receives"] = 9
        return queues

    checkout.declare("notes", "queues", hear_erasure)
    checkout.declare("notes", "policy", lambda policy: policy[:1])
    changed = provision(clients, services, PREFIX, identities=keys).changed
    assert sorted(change.split(" of ")[0] for change in changed) == [
        "attributes",
        "policy",
        "subscription",
    ]
    assert json.loads(_queue(clients, "inbox")["RedrivePolicy"])["maxReceiveCount"] in (9, "9")


def test_a_group_is_added_to_a_pool_that_exists(clients, services, checkout) -> None:
    pool_id = provision(clients, services, PREFIX).values["user_pool.id"]
    checkout.declare("notes", "user_pool", lambda pool: {**pool, "groups": ["editors", "readers"]})
    assert provision(clients, services, PREFIX).changed == (f"group readers of user pool {PREFIX}-notes-users",)
    groups = clients("cognito-idp").list_groups(UserPoolId=pool_id)["Groups"]
    assert sorted(group["GroupName"] for group in groups) == ["editors", "readers"]


def test_a_second_factor_is_added_to_a_pool_that_exists(clients, services, checkout) -> None:
    pool_id = provision(clients, services, PREFIX).values["user_pool.id"]
    mfa = {"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": True}}
    checkout.declare("notes", "user_pool", lambda pool: {**pool, "mfa": mfa})
    assert provision(clients, services, PREFIX).changed == (f"second factor of user pool {PREFIX}-notes-users",)
    assert provision(clients, services, PREFIX).changed == ()
    present = clients("cognito-idp").get_user_pool_mfa_config(UserPoolId=pool_id)
    assert {name: present[name] for name in mfa} == mfa


def test_a_subscription_that_is_no_longer_declared_ends(clients, services, checkout) -> None:
    provision(clients, services, PREFIX)
    checkout.declare("notes", "queues", lambda queues: {"inbox": {"max_receives": 3}})
    provision(clients, services, PREFIX)
    assert clients("sns").list_subscriptions()["Subscriptions"] == []


def test_an_index_is_added_to_a_table_that_exists(clients, services, checkout) -> None:
    provision(clients, services, PREFIX)

    def index(tables: dict[str, Any]) -> dict[str, Any]:
        tables["drafts"]["indexes"]["by_title"] = {"hash_key": {"name": "title", "type": "S"}}
        return tables

    checkout.declare("notes", "tables", index)
    assert provision(clients, services, PREFIX).changed == (f"index {PREFIX}-notes-drafts/by_title",)


def test_half_a_pair_of_keys_is_completed_with_the_other_half_that_fits(clients, services) -> None:
    provision(clients, services, PREFIX)
    whole = _secret(clients, "identity-public")
    clients("secretsmanager").delete_secret(SecretId=f"{PREFIX}-notes-identity-public", ForceDeleteWithoutRecovery=True)
    provision(clients, services, PREFIX)
    assert _secret(clients, "identity-public") == whole


def test_a_service_may_do_what_its_policy_grants(granted, clients) -> None:
    granted("dynamodb").put_item(TableName=f"{PREFIX}-notes-drafts", Item={"author": {"S": "ada"}, "id": {"S": "1"}})
    secret = granted("secretsmanager").get_secret_value(SecretId=f"{PREFIX}-notes-cursor")["SecretString"]
    assert secret == _secret(clients, "cursor")


def test_a_service_may_do_nothing_else(granted) -> None:
    denied = [
        lambda: granted("dynamodb").get_item(
            TableName=f"{PREFIX}-notes-drafts", Key={"author": {"S": "ada"}, "id": {"S": "1"}}
        ),
        lambda: granted("secretsmanager").get_secret_value(SecretId=f"{PREFIX}-notes-identity-private"),
        lambda: granted("sqs").get_queue_url(QueueName=f"{PREFIX}-notes-inbox"),
    ]
    for call in denied:
        with pytest.raises(ClientError, match="not authorized"):
            call()


def test_a_service_without_a_policy_may_do_nothing(clients, services) -> None:
    key = provision(clients, services, PREFIX, identities={}).identities["gateway"]
    with pytest.raises(ClientError, match="not authorized"):
        _as(key)("dynamodb").list_tables()


def test_a_key_that_the_account_does_not_know_is_replaced(clients, services) -> None:
    lost = {"notes": AccessKey("AKIALOSTLOSTLOSTLOST", "lost")}
    keys = provision(clients, services, PREFIX, identities=lost).identities
    assert keys["notes"] != lost["notes"]


def test_a_topic_of_a_service_that_is_not_there_is_created_when_it_is_heard(clients, services, checkout) -> None:
    heard = {"service": "auth", "topic": "events", "types": ["auth.user.erased.v1"]}
    checkout.declare("notes", "queues", lambda queues: {"inbox": {"subscriptions": [heard]}})
    provision(clients, services, PREFIX)
    topics = [topic["TopicArn"].rpartition(":")[2] for topic in clients("sns").list_topics()["Topics"]]
    assert f"{PREFIX}-auth-events" in topics


def test_a_misspelt_declaration_is_named(services, checkout) -> None:
    checkout.declare("notes", "queues", lambda queues: {"inbox": {"max_recieves": 3}})
    with pytest.raises(LocalCloudError, match="queues/inbox/max_recieves"):
        load_infra(checkout.folder / "services" / "notes")


def test_a_placeholder_that_nothing_provides_is_named(checkout) -> None:
    with pytest.raises(LocalCloudError, match=r"environment.json of notes: nothing provides \{database.url\}"):
        wire(load_infra(checkout.folder / "services" / "notes"), {})


@pytest.fixture
def granted(clients, services) -> Iterator[ClientFactory]:
    """Clients with the identity of the notes service."""
    key = provision(clients, services, PREFIX, identities={}).identities["notes"]
    return _as(key)


def _as(key: AccessKey) -> ClientFactory:
    return connect(os.environ["AWS_ENDPOINT_URL"], key.access_key_id, key.secret_access_key)


def _secret(clients: ClientFactory, name: str) -> str:
    return clients("secretsmanager").get_secret_value(SecretId=f"{PREFIX}-notes-{name}")["SecretString"]


def _queue(clients: ClientFactory, name: str) -> dict[str, str]:
    sqs = clients("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-notes-{name}")["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def _receive(clients: ClientFactory, name: str) -> list[str]:
    sqs = clients("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-notes-{name}")["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    return [message["Body"] for message in answer.get("Messages", [])]
