"""What a file is, by its bytes."""

import io
import zipfile

import pytest
from PIL import Image

from media_service.contents.domain import Content, Kind, agreed, sniff, without_picture
from media_service.contents.errors import Refused
from messenger_contracts.media import RejectReason

BMFF = b"\0\0\0\x1cftyp%b\0\0\0\0%b\0\0\0\0"


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, form)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a", "b")
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_a_picture_is_known(form: str, content_type: str) -> None:
    assert sniff(picture(form)) == Content(content_type, Kind.IMAGE)


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (BMFF % (b"heic", b"mif1"), "image/heic"),
        (BMFF % (b"mif1", b"avif"), "image/avif"),
        (BMFF % (b"isom", b"mp42"), "video/mp4"),
        (BMFF % (b"qt  ", b"qt  "), "video/quicktime"),
        (BMFF % (b"M4A ", b"mp42"), "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", "video/x-matroska"),
        (b"OggS\0\x02" + bytes(22) + b"\x01\x13OpusHead", "audio/ogg"),
        (b"OggS\0\x02" + bytes(22) + b"\x01\x2a\x80theora", "video/ogg"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x7fELF\x02\x01\x01" + bytes(9), "application/octet-stream"),
        ("Grüße\n".encode(), "text/plain"),
        ("ü".encode()[:1].rjust(40), "text/plain"),
        (b"", "application/octet-stream"),
        (b"\xff\xfeh\0i\0", "application/octet-stream"),
    ],
)
def test_other_files_are_known(head: bytes, content_type: str) -> None:
    assert sniff(head).content_type == content_type


@pytest.mark.parametrize(
    "page",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
        b"\xef\xbb\xbf  <!DOCTYPE html><p>",
        b"<HTML ><body>",
        b"\n\n<script >1</script>",
        b"<iframe src=x>",
    ],
)
def test_what_a_browser_would_run_is_refused(page: bytes) -> None:
    with pytest.raises(Refused) as refused:
        sniff(page)

    assert refused.value.reason is RejectReason.TYPE_REFUSED


def test_text_about_a_page_is_text() -> None:
    assert sniff(b"How to write <script> tags").content_type == "text/plain"


def test_a_wrong_name_within_a_kind_is_corrected() -> None:
    webp = Content("image/webp", Kind.IMAGE)

    assert agreed(webp, "image/jpeg") == webp


def test_a_picture_that_was_sent_as_a_file_is_a_picture() -> None:
    assert agreed(Content("image/jpeg", Kind.IMAGE), "application/octet-stream").kind is Kind.IMAGE


def test_the_sender_knows_what_an_archive_means() -> None:
    named = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

    assert agreed(sniff(archive()), named) == Content(named, Kind.FILE)


def test_the_sender_does_not_know_better_than_a_signature() -> None:
    assert agreed(sniff(b"%PDF-1.7"), "application/zip").content_type == "application/pdf"


@pytest.mark.parametrize("declared", ["image/png", "video/mp4", "audio/mpeg"])
def test_an_archive_is_no_picture_film_or_sound(declared: str) -> None:
    with pytest.raises(Refused) as refused:
        agreed(sniff(archive()), declared)

    assert refused.value.reason is RejectReason.TYPE_MISMATCH


@pytest.mark.parametrize(
    "declared", ["text/html", "image/svg+xml", "application/xhtml+xml; charset=utf-8", "TEXT/HTML"]
)
def test_nothing_is_kept_under_the_name_of_a_page(declared: str) -> None:
    with pytest.raises(Refused) as refused:
        agreed(sniff(b"harmless"), declared)

    assert refused.value.reason is RejectReason.TYPE_REFUSED


@pytest.mark.parametrize("declared", ["text/javascript", "text/css", "application/xml", "application/gpx+xml"])
def test_a_program_may_be_sent_and_is_text(declared: str) -> None:
    assert agreed(sniff(b"<?xml version='1.0'?><gpx/>"), declared) == Content("text/plain", Kind.FILE)


def test_a_voice_message_comes_in_a_films_container() -> None:
    film = Content("video/webm", Kind.VIDEO)

    assert agreed(film, "audio/webm;codecs=opus") == film
    assert without_picture(film) == Content("audio/webm", Kind.AUDIO)
