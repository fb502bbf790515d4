"""The keys of a suite on this machine, which no Lambda rotates. In the cloud Secrets Manager calls for it itself."""

from collections.abc import Iterator

from messengerctl.suite import Suite
from servicekit.rotation import PUBLIC, SECRET_KEY, SYMMETRIC_KEY, rotate


def keys_of(suite: Suite) -> list[str]:
    """The secrets that hold keys, by name; of a pair the private one, with which the public one rotates."""
    manager = suite.aws("secretsmanager")
    pages = manager.get_paginator("list_secrets").paginate()
    names = sorted(secret["Name"] for page in pages for secret in page["SecretList"])
    prefix = f"{suite.state.resources['resource_prefix']}-"
    ours = [name for name in names if name.startswith(prefix) and not name.endswith(PUBLIC)]
    return [name for name in ours if value_of(suite, name).startswith((SYMMETRIC_KEY, SECRET_KEY))]


def value_of(suite: Suite, name: str) -> str:
    """The current key, as PASERK."""
    return str(suite.aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def rotate_keys(suite: Suite) -> Iterator[str]:
    """Replace every key, and name each that was replaced."""
    for name in keys_of(suite):
        rotate(suite.aws("secretsmanager"), name)
        yield name
