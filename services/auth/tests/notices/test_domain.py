"""What the mails say, and when they are tried again."""

from datetime import UTC, datetime

import pytest

from auth_service.audits.domain import NEWS
from auth_service.notices.domain import LONGEST_PAUSE, MOST_TRIES, pause_after, write
from auth_service.notices.models import NEW_DEVICE, Notice
from auth_service.user_pool.models import Account
from messenger_contracts.events.auth import IdentityLinked, PasswordChanged, RecoveryCodeUsed

THEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
ADA = Account("u", "ada", "Click https://evil.example now", THEN, verified=True, email="ada@example.com")
FIREFOX = "Mozilla/5.0 (X11; Linux) Firefox/1"


def mail_about(kind: str, **facts: object):
    return write(Notice("u", "p", kind, THEN, facts), ADA)


def test_the_mail_names_device_address_and_time():
    mail = mail_about(NEW_DEVICE, user_agent=FIREFOX, address="203.0.113.7")
    assert mail.to == "ada@example.com"
    for fact in ("ada", "Firefox on Linux", "203.0.113.7", "2026-03-04 05:06 UTC"):
        assert fact in mail.text


@pytest.mark.parametrize("kind", sorted({NEW_DEVICE, *NEWS}))
def test_whatever_is_news_has_a_mail_of_its_own_that_says_what_to_do(kind):
    mail = mail_about(kind, user_id="u", network="203.0.113.0/24")
    others = {mail_about(other).subject for other in {NEW_DEVICE, *NEWS} - {kind}}
    assert mail.subject not in others
    for said in ("Hello ada,", "203.0.113.0/24", "2026-03-04 05:06 UTC", "If it was you, there is nothing to do."):
        assert said in mail.text
    steps = mail.text.partition("If it was not:\n\n  1. ")[2]
    assert "that ends all" in steps
    assert "Look at the devices" in steps
    assert "://" not in mail.text


def test_the_mail_names_the_provider_as_people_know_it():
    mail = mail_about(IdentityLinked.TYPE, provider="SignInWithApple")
    assert "Apple" in mail.text
    assert "SignIn" not in mail.text


@pytest.mark.parametrize("left", [9, 0])
def test_the_mail_says_how_many_recovery_codes_are_left(left):
    assert f"codes left  {left}\n" in mail_about(RecoveryCodeUsed.TYPE, remaining=left).text


@pytest.mark.parametrize(("kind", "facts"), [(PasswordChanged.TYPE, {}), (NEW_DEVICE, {"address": ""})])
def test_of_a_place_that_nobody_knows_nothing_is_said(kind, facts):
    text = mail_about(kind, **facts).text
    assert "time" in text
    for said in ("address ", "network ", "None"):
        assert said not in text


def test_nobody_writes_letters_through_us():
    phishing = "Click https://evil.example now"
    mail = mail_about(NEW_DEVICE, user_agent=f"{phishing}\r\nBcc: x@y", address="203.0.113.7")
    assert "evil" not in mail.text + mail.subject
    assert "Bcc" not in mail.text


def test_pauses_grow_and_end_after_some_days():
    pauses = [pause_after(tries) for tries in range(1, MOST_TRIES)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert 24 * 3600 < sum(pauses) < 3 * 24 * 3600
