"""The keys of a suite on this machine, which no Lambda rotates. In the cloud Secrets Manager calls for it itself."""

from collections.abc import Iterator
from typing import Any

from messengerctl.suite import Suite
from servicekit.rotation import PUBLIC, SECRET_KEY, SYMMETRIC_KEY, rotate


def current_keys(suite: Suite) -> dict[str, str]:
    """The keys in use, as PASERK by the secret's name; of a pair the private one, with which the public one rotates."""
    manager = suite.aws("secretsmanager")
    prefix = f"{suite.state.resources['resource_prefix']}-"
    pages = manager.get_paginator("list_secrets").paginate()
    names = sorted(secret["Name"] for page in pages for secret in page["SecretList"])
    held = {name: _value(manager, name) for name in names if name.startswith(prefix) and not name.endswith(PUBLIC)}
    return {name: value for name, value in held.items() if value.startswith((SYMMETRIC_KEY, SECRET_KEY))}


def rotate_keys(suite: Suite) -> Iterator[str]:
    """Replace every key, and name each that was replaced."""
    manager = suite.aws("secretsmanager")
    for name in current_keys(suite):
        rotate(manager, name)
        yield name


def _value(manager: Any, name: str) -> str:
    return str(manager.get_secret_value(SecretId=name)["SecretString"])
