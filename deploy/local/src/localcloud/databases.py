"""One PostgreSQL database for each service that has migrations, owned by a role that may touch nothing else."""

import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from localcloud.postgres import create_database, service_database_url
from localcloud.suite import Member


def create_databases(members: Iterable[Member], superuser_url: str, passwords: dict[str, str]) -> dict[str, str]:
    """Create the databases that are missing, side by side; return each service's URL.

    Args:
        passwords: by service; those that are missing are made up and added.
    """
    owners = [member for member in members if member.has_database]
    for member in owners:
        passwords.setdefault(member.name, secrets.token_urlsafe(18))
    with ThreadPoolExecutor() as pool:
        arguments = [(superuser_url, member.database, passwords[member.name]) for member in owners]
        for creation in [pool.submit(create_database, *each) for each in arguments]:
            creation.result()
    return {member.name: service_database_url(*each) for member, each in zip(owners, arguments, strict=True)}
