"""What may be said in a message."""

import pytest
from pydantic import ValidationError

from messenger_contracts.commands import MessageCreate, ReactCommand, SendCommand
from messenger_contracts.conversations import MAX_TEXT_BYTES


@pytest.mark.parametrize(
    "text", ["hi", " hi ", "\n.\n", "👩‍👩‍👧‍👦", "مرحبا", "a" * MAX_TEXT_BYTES, "é" * (MAX_TEXT_BYTES // 2)]
)
def test_any_unicode_that_says_something_is_a_text(text: str) -> None:
    assert MessageCreate(text=text).text == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "blank"),
        (" \n\t\u2003", "blank"),
        ("a\x00b", "U\\+0000"),
        ("a\ud800b", "surrogates"),
        ("a" * (MAX_TEXT_BYTES + 1), "at most 16384 bytes"),
        ("é" * (MAX_TEXT_BYTES // 2 + 1), "at most 16384 bytes"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        MessageCreate(text=text)


@pytest.mark.parametrize(
    "client_id", ["", "1", "6b7e2f7e6f0b4f7c9a590d0f5d0f0001", "6b7e2f7e-6f0b-4f7c-9a59-0d0f5d0f0001\n"]
)
def test_a_client_id_is_a_uuid_in_its_one_spelling(client_id: str) -> None:
    with pytest.raises(ValidationError, match="client_id"):
        SendCommand.model_validate(
            {
                "actor": {"user_id": "u", "username": "ann"},
                "conversation_id": "c",
                "client_id": client_id,
                "body": {"text": "hi"},
            }
        )


@pytest.mark.parametrize("user_id", ["", "a\x00", "a b", "\ud800", "é", "u" * 129])
def test_a_mention_is_an_id_that_can_be_looked_up(user_id: str) -> None:
    with pytest.raises(ValidationError, match="mentions"):
        MessageCreate(text="hi", mentions=[user_id])


def reaction(emoji: str) -> ReactCommand:
    actor = {"user_id": "u", "username": "ann"}
    return ReactCommand.model_validate({"actor": actor, "conversation_id": "c", "message_id": "m", "emoji": emoji})


@pytest.mark.parametrize("emoji", ["👍", "👩‍👩‍👧‍👦", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "+1", "party_parrot"])
def test_a_reaction_is_an_emoji_or_a_short_name(emoji: str) -> None:
    assert reaction(emoji).emoji == emoji


@pytest.mark.parametrize("emoji", ["", " ", "a b", "a\x00", "\u2003", "\x85", "a/b", "\ud800", "x" * 33])
def test_what_is_no_emoji_is_refused(emoji: str) -> None:
    with pytest.raises(ValidationError, match="emoji"):
        reaction(emoji)
