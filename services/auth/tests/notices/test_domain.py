"""What the mail about a new device says, and when it is tried again."""

from auth_service.notices.domain import LONGEST_PAUSE, MOST_TRIES, pause_after, write
from auth_service.notices.models import Notice

NOTICE = Notice(
    user_id="u",
    session_id="s",
    username="ada",
    user_agent="Mozilla/5.0 (X11; Linux) Firefox/1",
    address="203.0.113.7",
    created_at=0,
)


def test_the_mail_names_device_address_and_time():
    mail = write(NOTICE, "ada@example.com")
    assert mail.to == "ada@example.com"
    for fact in ("ada", "Firefox on Linux", "203.0.113.7", "1970-01-01 00:00 UTC"):
        assert fact in mail.text


def test_nobody_writes_letters_through_us():
    phishing = "Click https://evil.example now"
    mail = write(Notice("u", "s", "ada", f"{phishing}\r\nBcc: x@y", "203.0.113.7", 0), "ada@example.com")
    assert "evil" not in mail.text + mail.subject
    assert "Bcc" not in mail.text


def test_pauses_grow_and_end_after_some_days():
    pauses = [pause_after(tries) for tries in range(1, MOST_TRIES)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert 24 * 3600 < sum(pauses) < 3 * 24 * 3600
