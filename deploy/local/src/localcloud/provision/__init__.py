"""Create what the services own from their infra/*.json, in any AWS account or emulator, as often as one likes.

A second run creates nothing and corrects only what the declarations changed. Nothing is ever deleted but
subscriptions that are no longer declared. Servers, processes and state files do not belong here.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.errors import LocalCloudError
from localcloud.provision.account import Account, ClientFactory, connect
from localcloud.provision.buckets import ensure_bucket, told_by
from localcloud.provision.environment import variable_prefix, wire
from localcloud.provision.identities import AccessKey, ensure_identity
from localcloud.provision.infra import Infra, load_infra
from localcloud.provision.messaging import ensure_queue, ensure_topic
from localcloud.provision.secrets import ensure_secret
from localcloud.provision.tables import ensure_table
from localcloud.provision.user_pool import ensure_user_pool

__all__ = [
    "AccessKey",
    "ClientFactory",
    "Infra",
    "Outputs",
    "connect",
    "load_infra",
    "provision",
    "variable_prefix",
    "wire",
]


@dataclass(frozen=True)
class Outputs:
    """What was provisioned.

    Attributes:
        values: what environment.json may name: `resource_prefix`, `region`, `account_id`, `user_pool.*`.
        identities: each service's access key.
        changed: what this run created or corrected, for people to read.
    """

    values: dict[str, str]
    identities: dict[str, AccessKey] = field(default_factory=dict)
    changed: tuple[str, ...] = ()


def provision(
    clients: ClientFactory,
    service_dirs: Iterable[Path],
    prefix: str,
    *,
    identities: Mapping[str, AccessKey] | None = None,
    region: str = "us-east-1",
    account_id: str | None = None,
) -> Outputs:
    """Create or correct everything that the services declare.

    Args:
        clients: from `connect`, or any factory of boto3 clients by service name.
        identities: access keys of earlier runs, reused; None makes no IAM users at all.
        account_id: spares one call where it is known.

    Raises:
        LocalCloudError: a declaration or an answer of AWS stands in the way.
    """
    try:
        return _provision(clients, service_dirs, prefix, identities, region, account_id)
    except (BotoCoreError, ClientError) as error:
        raise LocalCloudError(f"the resources cannot be created: {error}") from error


def _provision(
    clients: ClientFactory,
    service_dirs: Iterable[Path],
    prefix: str,
    identities: Mapping[str, AccessKey] | None,
    region: str,
    account_id: str | None,
) -> Outputs:
    account = Account(clients, prefix, account_id or clients("sts").get_caller_identity()["Account"], region)
    services = [load_infra(folder) for folder in service_dirs]
    values = {"resource_prefix": prefix, "region": region, "account_id": account.account_id}
    with ThreadPoolExecutor(max_workers=8) as pool:

        def together(tasks: list[Callable[[], list[str]]]) -> list[str]:
            return [change for result in pool.map(lambda task: task(), tasks) for change in result]

        for service, name in _topics(services):
            ensure_topic(account, service, name)
        changed = together(_tasks(account, services))
        changed += together(
            [
                partial(ensure_bucket, account, infra.service, name, bucket)
                for infra in services
                for name, bucket in infra.buckets.items()
            ]
        )
        for infra in services:
            if infra.user_pool:
                pool_values, pool_changes = ensure_user_pool(account, infra.service, infra.user_pool)
                values |= pool_values
                changed += pool_changes
        keys = {}
        for infra in services if identities is not None else ():
            keys[infra.service], more = ensure_identity(account, infra, values.get("user_pool.id"), identities or {})
            changed += more
    return Outputs(values, keys, tuple(changed))


def _topics(services: list[Infra]) -> set[tuple[str, str]]:
    """Return the topics to create: those that are owned, and those that are heard of services not among ours."""
    owned = {(infra.service, name) for infra in services for name in infra.topics}
    heard = {(one.service, one.topic) for i in services for queue in i.queues.values() for one in queue.subscriptions}
    return owned | heard


def _tasks(account: Account, services: list[Infra]) -> list[Callable[[], list[str]]]:
    """Return what can be done in any order."""
    tasks: list[Callable[[], list[str]]] = []
    for infra in services:
        own = (account, infra.service)
        tasks += [partial(ensure_table, *own, name, table) for name, table in infra.tables.items()]
        tasks += [
            partial(ensure_queue, *own, name, queue, told_by(infra, name)) for name, queue in infra.queues.items()
        ]
        tasks += [partial(ensure_secret, *own, name, secret) for name, secret in infra.secrets.items()]
    return tasks
