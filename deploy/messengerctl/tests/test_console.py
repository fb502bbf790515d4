"""What a person sees of an upload."""

import pytest

from messenger_contracts.media import Media, RejectReason
from messengerctl import console
from messengerctl.uploads import REMEDIES

ID = "01900000-0000-7000-8000-0000000000aa"


def test_a_bar_is_shown_where_there_is_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with console.transfer_bar("a.png", 2000) as progress:
        progress(500)
    told = capsys.readouterr()
    assert "a.png" in told.err
    assert "0.5/2.0 kB" in told.err
    assert told.out == ""


def test_no_bar_is_shown_where_there_is_none(capsys):
    with console.transfer_bar("a.png", 2000) as progress:
        progress(500)
    assert capsys.readouterr().err == ""


def test_a_file_is_told_in_one_line(capsys):
    media = Media(id=ID, status="ready", kind="image", content_type="image/png", size=12_345, width=40, height=30)
    console.show_media("a.png", media)
    assert capsys.readouterr().out == f"✓ a.png  {ID}  image  image/png  12.3 kB  40x30\n"


@pytest.mark.parametrize("reason", RejectReason)
def test_a_rejected_file_is_told_with_its_reason_and_what_it_is_about(capsys, reason):
    console.show_media("a.png", Media(id=ID, status="rejected", reason=reason))
    assert capsys.readouterr().out == f"✗ a.png  {ID}  rejected: {reason}  {REMEDIES[reason]}\n"
