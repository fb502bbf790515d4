"""What a service owns, as its `infra/*.json` says. Terraform reads the same files; nothing here talks to anybody."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from localcloud.errors import LocalCloudError


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Key(_Declared):
    """An attribute of a key."""

    name: str
    type: Literal["S", "N", "B"] = "S"


class Index(_Declared):
    """A global secondary index."""

    hash_key: Key
    range_key: Key | None = None
    projection: Literal["ALL", "KEYS_ONLY"] | list[str] = "ALL"


class Table(_Declared):
    """A DynamoDB table, billed on demand; `ttl` names the attribute that holds its expiry."""

    hash_key: Key
    range_key: Key | None = None
    indexes: dict[str, Index] = {}
    ttl: str | None = None
    stream: bool = False


class Topic(_Declared):
    """An SNS topic."""


class Subscription(_Declared):
    """What a queue takes from a topic: the events of these types; of these, if it says so, those with certain marks."""

    service: str
    topic: str
    types: list[str]
    marks: dict[str, list[str]] = {}


class Queue(_Declared):
    """An SQS queue and its dead-letter queue."""

    subscriptions: list[Subscription] = []
    max_receives: int = 5
    visibility_seconds: int = 30
    retention_days: int = 14


class Notification(_Declared):
    """Which queue of the same service hears of which objects."""

    queue: str
    events: list[str]
    prefix: str = ""


class Lifecycle(_Declared):
    """What S3 removes by itself, after how many days."""

    prefix: str
    expire_days: int | None = None
    abort_multipart_days: int | None = None


class Cors(_Declared):
    """What browsers may do. Any origin may: a request needs a signature to be of use."""

    methods: list[str]
    headers: list[str]
    expose: list[str]


class Bucket(_Declared):
    """A private S3 bucket, encrypted; its name ends in the account's number, because such names are global."""

    notifications: list[Notification] = []
    lifecycle: list[Lifecycle] = []
    cors: Cors | None = None


class Secret(_Declared):
    """A key in PASERK form: one secret if symmetric, a private and a public one if a pair.

    One that is given is not made here but by whoever has it of a third party, and need not be there.
    """

    kind: Literal["symmetric", "keypair", "given"]
    rotation_days: int | None = None


class IdentityProvider(_Declared):
    """Who may vouch for people, in the words of CreateIdentityProvider; set up where its secret is there.

    The given secret is a JSON object with the rest of `ProviderDetails`: `client_id`, `client_secret` and the like.
    """

    type: Literal["Google", "Facebook", "SignInWithApple", "OIDC"]
    secret: str
    details: dict[str, str] = {}
    attributes: dict[str, str] = {}


class UserPool(_Declared):
    """A Cognito user pool and its one client, in the words of CreateUserPool and CreateUserPoolClient.

    `mfa` is its second factor, in those of SetUserPoolMfaConfig: CreateUserPool takes none without SMS.
    `groups` are the names of its groups; nobody is in them at first. `domain` is that of the hosted UI. The domain and
    the client's URLs may name `{public_origin}` and `{resource_prefix}`.
    """

    pool: dict[str, Any]
    mfa: dict[str, Any] = {}
    client: dict[str, Any]
    groups: list[str] = []
    domain: str | None = None
    identity_providers: dict[str, IdentityProvider] = {}


class Mail(_Declared):
    """Mails that a service sends by SES: the local part of their sender's address."""

    sender: str


class Statement(_Declared):
    """What the service may do, and to which resources: `table:sessions`, `secret:identity-public@gateway`, `*`."""

    sid: str
    actions: list[str]
    resources: list[str]


class Infra(_Declared):
    """All that one service declares; each field stands in a file of its name."""

    service: str
    tables: dict[str, Table] = {}
    topics: dict[str, Topic] = {}
    queues: dict[str, Queue] = {}
    buckets: dict[str, Bucket] = {}
    secrets: dict[str, Secret] = {}
    user_pool: UserPool | None = None
    mail: Mail | None = None
    policy: list[Statement] = []
    environment: dict[str, str] = {}


def load_infra(service_dir: Path) -> Infra:
    """Read a service's declarations; a service without any owns nothing."""
    declared: dict[str, Any] = {"service": service_dir.name}
    for file in sorted((service_dir / "infra").glob("*.json")):
        try:
            declared[file.stem] = json.loads(file.read_bytes())
        except ValueError as error:
            raise LocalCloudError(f"{file} is not JSON: {error}") from error
    try:
        return Infra.model_validate(declared)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        raise LocalCloudError(f"{service_dir / 'infra'}: {where}: {first['msg']}") from error
