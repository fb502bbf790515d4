"""Pictures that are something else as well, and those that only look like it."""

import io
import struct
import zipfile
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from media_service.contents.anatomy import dissect
from media_service.contents.domain import sniff
from media_service.contents.errors import Refused
from media_service.contents.polyglots import refuse_polyglots
from messenger_contracts.media import RejectReason

FORMS = ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"]
SCRIPT = b"<script>alert(document.domain)</script>"


def picture(form: str, **how: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((40, 30), 60).convert("RGB").save(out, form, **how)
    return out.getvalue()


def archive(comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("run.sh", "echo pwned")
        file.comment = comment
    return out.getvalue()


def examine(data: bytes) -> None:
    refuse_polyglots(sniff(data).content_type, data)


def refusal(data: bytes) -> RejectReason:
    with pytest.raises(Refused) as refused:
        examine(data)
    return refused.value.reason


@pytest.mark.parametrize("form", FORMS)
def test_a_plain_picture_passes(form: str) -> None:
    examine(picture(form))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "TIFF"])
def test_the_end_of_a_picture_is_found(form: str) -> None:
    data = picture(form)

    assert dissect(sniff(data).content_type, data + bytes(3)).end in (len(data), len(data) + 3)


def test_moving_and_progressive_pictures_pass() -> None:
    frames = [Image.effect_noise((20, 20), 40).convert("P") for _ in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], loop=0, comment=b"made at home")

    examine(out.getvalue())
    examine(picture("JPEG", progressive=True))
    examine(picture("PNG", pnginfo=_text("Comment", "a < b, and c > d")))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP"])
@pytest.mark.parametrize("appendix", [SCRIPT, archive(), b"%PDF-1.4\n1 0 obj", b"MZ\x90\0" * 9, b"x"])
def test_an_appendix_is_refused(form: str, appendix: bytes) -> None:
    assert refusal(picture(form) + appendix) in (RejectReason.HOSTILE, RejectReason.DAMAGED)


def test_filling_behind_the_end_is_none() -> None:
    examine(picture("JPEG") + bytes(4096))


@pytest.mark.parametrize(
    "appendix",
    [
        picture("JPEG"),
        bytes(16) + picture("JPEG"),
        b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(64),
        b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1577800000SEFHd\0\0\0SEFT",
    ],
    ids=["multi-picture", "gain map", "motion photo", "samsung"],
)
def test_what_phones_append_passes(appendix: bytes) -> None:
    examine(picture("JPEG") + appendix)


def test_what_phones_append_is_no_cover() -> None:
    assert refusal(picture("JPEG") + picture("JPEG") + SCRIPT) is RejectReason.HOSTILE
    assert refusal(picture("JPEG") + picture("JPEG") + archive()) is RejectReason.HOSTILE
    assert refusal(picture("JPEG") + archive(b"SEFT")) is RejectReason.HOSTILE


@pytest.mark.parametrize(
    "markup", [SCRIPT, b"<!DOCTYPE html><p>", b"<?php system($_GET[0]);", b"<svg onload=x>", b"<IFRAME src=x>"]
)
def test_a_page_in_a_pictures_notes_is_refused(markup: bytes) -> None:
    assert refusal(picture("JPEG", comment=markup)) is RejectReason.HOSTILE
    assert refusal(picture("GIF", comment=markup)) is RejectReason.HOSTILE
    assert refusal(picture("PNG", pnginfo=_text("Comment", markup.decode()))) is RejectReason.HOSTILE
    assert refusal(picture("WEBP", xmp=markup)) is RejectReason.HOSTILE
    assert refusal(picture("TIFF", tiffinfo={270: markup.decode()})) is RejectReason.HOSTILE


def test_a_gif_that_is_a_script_is_refused() -> None:
    scripted = bytearray(picture("GIF", comment=b"*/=1;alert(1)//"))
    scripted[6:8] = b"/*"

    assert refusal(bytes(scripted)) is RejectReason.HOSTILE


def test_a_document_at_the_beginning_is_refused() -> None:
    assert refusal(picture("JPEG", comment=b"%PDF-1.4 1 0 obj")) is RejectReason.HOSTILE


def test_an_archive_within_is_refused() -> None:
    """A ZIP whose directory lies in the last chunk of a PNG needs nothing behind its end."""
    plain, hidden = picture("PNG"), archive()
    end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    comment = struct.pack("<H", 4 + len(end))
    body = hidden[:-2] + comment
    chunk = struct.pack(">I", len(body)) + b"zzZz" + body + struct.pack(">I", zlib.crc32(b"zzZz" + body))
    data = plain[: -len(end)] + chunk + end

    Image.open(io.BytesIO(data)).load()
    assert zipfile.is_zipfile(io.BytesIO(data))
    assert refusal(data) is RejectReason.HOSTILE


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_picture_that_breaks_off_is_damaged(form: str) -> None:
    data = picture(form)

    assert refusal(data[: len(data) * 2 // 3]) is RejectReason.DAMAGED


@pytest.mark.parametrize("form", FORMS)
def test_whatever_follows_a_signature_is_walked_to_an_end(form: str) -> None:
    """Lengths that lie lead to a refusal or to an end, never out of the file or into a loop."""
    whole = picture(form)

    @settings(max_examples=60, deadline=2000)
    @given(st.integers(12, len(whole) - 1), st.binary(min_size=1, max_size=12))
    def walk(at: int, noise: bytes) -> None:
        data = whole[:at] + noise + whole[at + len(noise) :]
        with suppress(Refused):
            assert 0 <= dissect(sniff(whole).content_type, data).end <= len(data)

    walk()


def _text(key: str, value: str) -> PngInfo:
    info = PngInfo()
    info.add_text(key, value)
    return info
