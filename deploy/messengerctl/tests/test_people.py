"""Who signed up here is kept for their owner's eyes alone."""

import pytest

from messengerctl.client import Tokens
from messengerctl.errors import CommandError
from messengerctl.people import People, Person

ADA = Person(
    gateway="http://test",
    user_id="1",
    username="ada",
    email="ada@example.com",
    password="secret",
    access_token="a",
    refresh_token="r",
    expires_at=1.0,
)


def test_a_person_is_readable_by_the_owner_alone(tmp_path):
    path = People(tmp_path / "people").save(ADA)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_person_is_found_again(tmp_path):
    People(tmp_path).save(ADA)
    assert People(tmp_path).load("ada") == ADA


def test_somebody_unknown_is_told_who_is_known(tmp_path):
    people = People(tmp_path)
    people.save(ADA)
    with pytest.raises(CommandError, match="there is: ada"):
        people.load("bob")


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "ada.json").write_text("{")
    with pytest.raises(CommandError, match=r"ada\.json cannot be read"):
        People(tmp_path).load("ada")


async def test_new_tokens_are_kept(tmp_path):
    people = People(tmp_path)
    async with people.client(ADA.model_copy()) as client:
        await client.adopt(Tokens("a2", "r2", 2.0))
    assert people.load("ada").refresh_token == "r2"
