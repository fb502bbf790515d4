"""Buckets: private, told of by their queue, and the same at every run."""

import json
import os
import secrets
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from localcloud.provision import ClientFactory, Outputs, connect, provision

PREFIX = "messenger-test"
BUCKET = {
    "notifications": [{"queue": "work", "events": ["s3:ObjectCreated:*"], "prefix": "incoming/"}],
    "lifecycle": [{"prefix": "incoming/", "expire_days": 7, "abort_multipart_days": 2}],
    "cors": {"methods": ["PUT"], "headers": ["content-type"], "expose": ["ETag"]},
}
POLICY = [
    {"sid": "Write", "actions": ["s3:PutObject"], "resources": ["bucket:files/incoming/*"]},
]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A service that owns a bucket, and a queue that hears of its objects."""
    folder = tmp_path / "attic"
    (folder / "infra").mkdir(parents=True)
    for name, declared in {"buckets": {"files": BUCKET}, "queues": {"work": {}}, "policy": POLICY}.items():
        (folder / "infra" / f"{name}.json").write_text(json.dumps(declared))
    return folder


@pytest.fixture
def account_id() -> str:
    """An empty account of the emulator."""
    return "".join(secrets.choice("123456789") for _ in range(12))


@pytest.fixture
def clients(account_id: str) -> ClientFactory:
    """Clients of the account's root."""
    return connect(os.environ["AWS_ENDPOINT_URL"], account_id, "test")


def test_a_queue_hears_of_new_objects_below_its_prefix(clients, service, account_id) -> None:
    provision(clients, [service], PREFIX)
    bucket = f"{PREFIX}-attic-files-{account_id}"
    for key in ("incoming/a", "elsewhere/b"):
        clients("s3").put_object(Bucket=bucket, Key=key, Body=b"x")

    url = clients("sqs").get_queue_url(QueueName=f"{PREFIX}-attic-work")["QueueUrl"]
    told = []
    while messages := clients("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            told += json.loads(message["Body"]).get("Records", [])
            clients("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert [record["s3"]["object"]["key"] for record in told] == ["incoming/a"]


def test_a_bucket_is_private_and_cleans_up_after_itself(clients, service, account_id) -> None:
    provision(clients, [service], PREFIX)
    bucket = f"{PREFIX}-attic-files-{account_id}"

    blocked = clients("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    [rule] = clients("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]

    assert set(blocked.values()) == {True}
    assert (rule["Expiration"]["Days"], rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]) == (7, 2)


def test_a_second_run_changes_nothing(clients, service) -> None:
    first = provision(clients, [service], PREFIX, identities={})

    second = provision(clients, [service], PREFIX, identities=first.identities)

    assert any(change.startswith("bucket ") for change in first.changed)
    assert second == Outputs(first.values, first.identities, changed=())


def test_what_a_policy_does_not_name_is_denied(service) -> None:
    prefix = f"messenger-t{secrets.token_hex(4)}"
    outputs = provision(connect(os.environ["AWS_ENDPOINT_URL"], "test", "test"), [service], prefix, identities={})
    own = outputs.identities["attic"]
    s3 = connect(os.environ["AWS_ENDPOINT_URL"], own.access_key_id, own.secret_access_key)("s3")
    bucket = f"{prefix}-attic-files-{outputs.values['account_id']}"

    s3.put_object(Bucket=bucket, Key="incoming/a", Body=b"x")

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="elsewhere/a", Body=b"x")
