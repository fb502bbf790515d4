"""An IAM user for each service that may do what its policy.json says and nothing more, as its task role will."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.errors import LocalCloudError
from localcloud.provision.account import Account, same_json
from localcloud.provision.infra import Infra

_POLICY = "service"
_NAMED_KINDS = ("table", "topic", "queue", "bucket", "secret")


@dataclass(frozen=True)
class AccessKey:
    """What an IAM user signs its requests with."""

    access_key_id: str
    secret_access_key: str


def ensure_identity(
    account: Account, infra: Infra, pool_id: str | None, known: Mapping[str, AccessKey]
) -> tuple[AccessKey, list[str]]:
    """Create the user, correct its policy, and return its key; a key whose secret nobody knows is replaced."""
    iam = account.clients("iam")
    user = f"{account.prefix}-{infra.service}"
    changed = []
    try:
        iam.create_user(UserName=user)
        changed.append(f"user {user}")
    except iam.exceptions.EntityAlreadyExistsException:
        pass  # as it should be from the second run on
    if _put_policy(iam, user, json.dumps(_document(account, infra, pool_id))):
        changed.append(f"policy of {user}")
    credentials = known.get(infra.service)
    present = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
    if credentials and credentials.access_key_id in present:
        return credentials, changed
    for access_key_id in present:
        iam.delete_access_key(UserName=user, AccessKeyId=access_key_id)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return AccessKey(key["AccessKeyId"], key["SecretAccessKey"]), [*changed, f"key of {user}"]


def _put_policy(iam: Any, user: str, document: str) -> bool:
    try:
        present = iam.get_user_policy(UserName=user, PolicyName=_POLICY)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        present = None
    if present is not None and same_json(json.dumps(present), document):
        return False
    iam.put_user_policy(UserName=user, PolicyName=_POLICY, PolicyDocument=document)
    return True


def _document(account: Account, infra: Infra, pool_id: str | None) -> dict[str, Any]:
    statements = [
        {
            "Sid": statement.sid,
            "Effect": "Allow",
            "Action": statement.actions,
            "Resource": [_resource(account, infra.service, named, pool_id) for named in statement.resources],
        }
        for statement in infra.policy
    ]
    nothing = {"Sid": "Nothing", "Effect": "Deny", "Action": "*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": statements or [nothing]}


def _resource(account: Account, own_service: str, named: str, pool_id: str | None) -> str:
    """Return the ARN of `kind:name[/rest][@service]`; `*` stays, for actions that know no resources."""
    if named == "*":
        return named
    reference, _, service = named.partition("@")
    kind, _, path = reference.partition(":")
    if kind == "user_pool":
        return f"arn:aws:cognito-idp:{account.region}:{account.account_id}:userpool/{pool_id or 'absent'}"
    if kind not in _NAMED_KINDS:
        raise LocalCloudError(f"policy.json of {own_service}: {named} names no kind of resource that is known")
    name, slash, rest = path.partition("/")
    return account.arn(kind, service or own_service, name) + slash + rest
