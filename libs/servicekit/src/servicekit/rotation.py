"""Rotates a key: the four steps in which Secrets Manager calls a rotation function, and the same from a command line.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html

A step may come again with the same token, after any failure, and then finds its work done. `handler` is the Lambda's
entry; `rotate` takes all steps at once. A pair rotates by its private secret: the public half is offered to those who
verify before anything is signed with the private one, and never rotates alone. Which version a process uses, and how
long an old one stays good, is decided in `keys`.
"""

import base64
import logging
import secrets
from typing import Any, Literal, get_args
from uuid import uuid4

import boto3
import pyseto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyseto import Key, KeyInterface

from servicekit.keys import CURRENT, PENDING, PREVIOUS, RETIRED

Step = Literal["createSecret", "setSecret", "testSecret", "finishSecret"]
STEPS: tuple[Step, ...] = get_args(Step)
KEY_BYTES = 32
PRIVATE, PUBLIC = "-private", "-public"
SYMMETRIC_KEY, SECRET_KEY, PUBLIC_KEY = "k4.local.", "k4.secret.", "k4.public."
"""How PASERK begins a key that seals, a private one, and a public one."""

log = logging.getLogger(__name__)


class RotationRefused(Exception):
    """This secret or this request cannot be rotated as asked."""


def handler(event: dict[str, str], context: object) -> None:
    """Take the step that Secrets Manager asks for: `{Step, SecretId, ClientRequestToken}`, the id being an ARN."""
    manager = boto3.session.Session(region_name=event["SecretId"].split(":")[3]).client("secretsmanager")
    Rotation(manager, event["SecretId"], event["ClientRequestToken"]).take(event["Step"])


def rotate(secrets_manager: Any, secret: str) -> str:
    """Take all four steps with a new token; gives the id of the version that is current now."""
    rotation = Rotation(secrets_manager, secret, str(uuid4()))
    for step in STEPS:
        rotation.take(step)
    return rotation.token


class Rotation:
    """One rotation of one secret, known by its token, which becomes the id of the new version."""

    def __init__(self, secrets_manager: Any, secret: str, token: str) -> None:
        self.token = token
        self._manager = secrets_manager
        self._secret = secret
        self._name: str = secrets_manager.describe_secret(SecretId=secret)["Name"]
        if self._name.endswith(PUBLIC):
            raise RotationRefused(f"{self._name} rotates with its private half.")

    def take(self, step: str) -> None:
        """Take one step, again if need be; raises `RotationRefused` for one that is none, or that finds no good key."""
        steps = {
            "createSecret": self._create,
            "setSecret": self._set,
            "testSecret": self._test,
            "finishSecret": self._finish,
        }
        if step not in steps:
            raise RotationRefused(f"{step} is no step of a rotation.")
        steps[step]()
        log.info("%s of %s", step, self._name)

    @property
    def _public(self) -> str | None:
        """The secret with the public half, where this one has the private."""
        return self._name.removesuffix(PRIVATE) + PUBLIC if self._name.endswith(PRIVATE) else None

    def _create(self) -> None:
        self._offer(self._secret, _new_private() if self._public else _new_symmetric())

    def _set(self) -> None:
        """Let those who verify know the new key. Who shares a symmetric key reads the same secret."""
        if self._public:
            self._offer(self._public, _public_half(self._value(self._secret, self.token)))

    def _test(self) -> None:
        """See that the stored key does its work, and is a new one."""
        paserk = self._value(self._secret, self.token)
        if paserk == self._value(self._secret, self._holder(self._secret, CURRENT)) and not self._done(self._secret):
            raise RotationRefused("The new key is the present one.")
        if len(_payload(paserk)) != (2 * KEY_BYTES if self._public else KEY_BYTES):
            raise RotationRefused("The new key is too short or too long.")
        key = Key.from_paserk(paserk)
        reader = Key.from_paserk(self._value(self._public, self.token)) if self._public else key
        if not _opens(key, reader):
            raise RotationRefused("What the new key makes cannot be read.")

    def _finish(self) -> None:
        """Promote the public half first: nobody may sign with what nobody can verify."""
        for secret in (self._public, self._secret):
            if secret and not self._done(secret):
                self._promote(secret)

    def _offer(self, secret: str, paserk: str) -> None:
        """Keep a key as the pending version, unless this rotation did so before."""
        if self._known(secret):
            return
        if stale := self._holder(secret, PENDING):  # of a rotation that was given up
            self._move(secret, PENDING, stale, None)
        try:
            self._manager.put_secret_value(
                SecretId=secret, ClientRequestToken=self.token, SecretString=paserk, VersionStages=[PENDING]
            )
        except self._manager.exceptions.ResourceExistsException:
            log.info("another call of this rotation was first")

    def _promote(self, secret: str) -> None:
        """Make the pending version current; the one before the previous one keeps a label, or AWS would drop it."""
        if previous := self._holder(secret, PREVIOUS):
            self._move(secret, RETIRED, self._holder(secret, RETIRED), previous)
        self._move(secret, CURRENT, self._holder(secret, CURRENT), self.token)
        if self._holder(secret, PENDING) == self.token:
            self._move(secret, PENDING, self.token, None)

    def _move(self, secret: str, stage: str, holder: str | None, to: str | None) -> None:
        if holder != to:
            where = {"RemoveFromVersionId": holder, "MoveToVersionId": to}
            given = {name: version for name, version in where.items() if version}
            self._manager.update_secret_version_stage(SecretId=secret, VersionStage=stage, **given)

    def _stages(self, secret: str) -> dict[str, list[str]]:
        stages: dict[str, list[str]] = self._manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
        return stages

    def _holder(self, secret: str, stage: str) -> str | None:
        """The version that has a label."""
        return next((version for version, stages in self._stages(secret).items() if stage in stages), None)

    def _done(self, secret: str) -> bool:
        return self._holder(secret, CURRENT) == self.token

    def _known(self, secret: str) -> bool:
        """Whether this rotation's version has a value. RotateSecret announces it before it has one."""
        try:
            self._value(secret, self.token)
        except self._manager.exceptions.ResourceNotFoundException:
            return False
        return True

    def _value(self, secret: str, version: str | None) -> str:
        value: str = self._manager.get_secret_value(SecretId=secret, VersionId=version)["SecretString"]
        return value


def _new_symmetric() -> str:
    return str(Key.new(4, "local", secrets.token_bytes(KEY_BYTES)).to_paserk())


def _new_private() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return str(Key.new(4, "public", pem).to_paserk())


def _public_half(paserk: str) -> str:
    if not paserk.startswith(SECRET_KEY):
        raise RotationRefused("The secret holds no private key.")
    public = _payload(paserk)[KEY_BYTES:]  # PASERK: the private key, then the public one
    return f"{PUBLIC_KEY}{base64.urlsafe_b64encode(public).decode().rstrip('=')}"


def _payload(paserk: str) -> bytes:
    """The bytes that a PASERK string writes down. Python wants padding, and takes too much of it."""
    return base64.urlsafe_b64decode(paserk.rpartition(".")[2] + "==")


def _opens(key: KeyInterface, reader: KeyInterface) -> bool:
    """Whether what one key makes is read by the other."""
    probe = secrets.token_bytes(KEY_BYTES)
    try:
        return bool(pyseto.decode(reader, pyseto.encode(key, probe)).payload == probe)
    except pyseto.PysetoError:
        return False
