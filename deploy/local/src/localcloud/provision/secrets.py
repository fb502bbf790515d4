"""Keys in Secrets Manager, in PASERK form (github.com/paseto-standard/paserk, version 4).

A key that exists is never replaced here: rotation does that. What third parties give is only read.
"""

import base64
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from localcloud.errors import LocalCloudError
from localcloud.provision.account import Account
from localcloud.provision.infra import Secret

_KEY_BYTES = 32


def ensure_secret(account: Account, service: str, name: str, secret: Secret) -> list[str]:
    """Create the key or the pair of keys unless it is there; return what was created."""
    manager = account.clients("secretsmanager")
    if secret.kind == "given":
        return []
    if secret.kind == "symmetric":
        return _create(manager, account.name(service, name), _paserk("local", secrets.token_bytes(_KEY_BYTES)))
    private = account.name(service, f"{name}-private")
    public = account.name(service, f"{name}-public")
    key = Ed25519PrivateKey.generate()
    pair = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    created = _create(manager, private, _paserk("secret", pair))
    if not created:  # the pair is there, or its creation was cut short between the halves
        pair = _payload(manager.get_secret_value(SecretId=private)["SecretString"])
    return created + _create(manager, public, _paserk("public", pair[_KEY_BYTES:]))


def given(account: Account, service: str, name: str) -> dict[str, str] | None:
    """The JSON object in a given secret; None where nobody has put it there."""
    manager = account.clients("secretsmanager")
    try:
        value = manager.get_secret_value(SecretId=account.name(service, name))["SecretString"]
    except manager.exceptions.ResourceNotFoundException:
        return None
    try:
        return {str(key): str(content) for key, content in json.loads(value).items()}
    except (ValueError, AttributeError):
        raise LocalCloudError(f"the secret {account.name(service, name)} is no JSON object") from None


def _create(manager: Any, full_name: str, paserk: str) -> list[str]:
    try:
        manager.create_secret(Name=full_name, SecretString=paserk)
    except manager.exceptions.ResourceExistsException:
        return []
    return [f"secret {full_name}"]


def _paserk(kind: str, payload: bytes) -> str:
    return f"k4.{kind}.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}"


def _payload(paserk: str) -> bytes:
    encoded = paserk.rpartition(".")[2]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
