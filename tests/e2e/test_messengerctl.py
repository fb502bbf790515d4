"""What a person types."""

import asyncio
import os
import re
import subprocess
import sys

import pytest

from messengerctl.accounts import client_of


@pytest.fixture
def messengerctl(suite):
    """Run a command; returns the finished process."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "messengerctl", *arguments]
        environment = {**os.environ, "MESSENGER_STATE": str(suite.path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)

    return run


def test_the_demonstration_loses_and_doubles_nothing(messengerctl):
    demo = messengerctl("demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "0 lost, 0 doubled" in demo.stdout
    assert re.search(r"picture +[\d.]+ kB, ready in [\d.]+ s, seen [\d.]+ s after it was sent", demo.stdout)


def test_the_audit_finds_nothing(messengerctl):
    audit = messengerctl("audit")
    assert audit.returncode == 0, audit.stdout


def test_the_doctor_finds_nothing(messengerctl):
    doctor = messengerctl("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "✗" not in doctor.stdout


def test_a_script_signs_up_unattended(messengerctl, suite):
    signed_up = messengerctl("sign-up", "--username", "unattended")
    assert signed_up.returncode == 0, signed_up.stdout
    mail = messengerctl("mail", "--to", "unattended@example.com")
    assert re.search(r"\b\d{6}\b", mail.stdout)
    assert (suite.path.parent / "people" / "unattended.json").stat().st_mode & 0o777 == 0o600


def test_keys_are_replaced_and_nobody_is_signed_out(messengerctl, ada):
    rotated = messengerctl("rotate-keys")
    assert rotated.returncode == 0, rotated.stdout + rotated.stderr
    assert "replaced messenger-local-auth-session" in rotated.stdout
    assert asyncio.run(_conversations_of(ada)) is not None


async def _conversations_of(person):
    async with client_of(person) as client:
        await client.refresh()
        return [each async for each in client.conversations()]
