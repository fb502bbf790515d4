"""What is kept of an upload leads back to it, and a file that cannot be uploaded says so."""

import hashlib
import os

import pytest

from messengerctl.client.uploads import Wish
from messengerctl.errands import Errand
from messengerctl.errors import CommandError
from messengerctl.uploads import MOST_IN_A_MESSAGE, Drafts, LocalFile, Sender

WISH = Wish(filename="a.png", content_type="image/png", size=4, sha256="a" * 64)


def test_the_same_content_leads_back_to_the_same_upload(tmp_path):
    begun = Drafts(tmp_path / "ada").begin(WISH)
    renamed = WISH.model_copy(update={"filename": "b.png"})
    assert Drafts(tmp_path / "ada").begin(renamed) == begun


@pytest.mark.parametrize("other", [{"sha256": "b" * 64}, {"purpose": "message"}, {"content_type": "image/webp"}])
def test_other_content_or_another_purpose_is_another_upload(tmp_path, other):
    drafts = Drafts(tmp_path)
    assert drafts.begin(WISH).key != drafts.begin(WISH.model_copy(update=other)).key


def test_what_has_ended_begins_anew(tmp_path):
    drafts = Drafts(tmp_path)
    begun = drafts.begin(WISH)
    drafts.forget(begun)
    assert drafts.of_content(WISH.sha256) == []
    assert drafts.begin(WISH).key != begun.key


def test_what_cannot_be_read_is_begun_anew(tmp_path):
    drafts = Drafts(tmp_path)
    drafts.begin(WISH)
    next(tmp_path.iterdir()).write_text("{")
    assert drafts.of_content(WISH.sha256) == []
    assert drafts.begin(WISH).wish == WISH


async def test_a_file_is_read_piece_by_piece(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(200)))
    with LocalFile(path) as file:
        assert file.size == 200
        assert await file.read(10, 3) == bytes([10, 11, 12])
        assert await file.sha256() == hashlib.sha256(bytes(range(200))).hexdigest()


async def test_a_file_that_became_shorter_says_so(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(200))
    with LocalFile(path) as file:
        path.write_bytes(bytes(100))
        with pytest.raises(CommandError, match=r"a\.bin became shorter"):
            await file.read(90, 20)


@pytest.mark.parametrize(
    ("name", "announced"),
    [
        (b"sommer \xc3\xbc \xf0\x9f\x8c\x8a.png", "sommer ü 🌊.png"),
        (b"a\nb\\c\x1b[31m.png", "a_b_c_[31m.png"),
        (b"latin-1 \xfc.png", "latin-1 _.png"),
        ("a\u202egnp.exe".encode(), "a_gnp.exe"),
    ],
)
async def test_whatever_a_file_is_named_it_can_be_announced(tmp_path, name, announced):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"x")
    with LocalFile(path) as file:
        draft = await Sender(None, Drafts(tmp_path / "drafts"), "library").begin(file)
    assert draft.wish.filename == announced


@pytest.mark.parametrize("name", ["nobody.png", "."])
def test_what_is_no_file_is_named(tmp_path, name):
    with pytest.raises(CommandError, match="cannot be read"), LocalFile(tmp_path / name):
        pytest.fail("there is nothing to open")


def test_more_than_a_message_holds_is_refused_before_anything_is_sent(tmp_path):
    with pytest.raises(CommandError, match="20 files at most"):
        Errand([tmp_path] * (MOST_IN_A_MESSAGE + 1), "bob", "", "", 1.0)
