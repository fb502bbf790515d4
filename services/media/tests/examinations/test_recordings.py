"""Films and sounds, with ffmpeg and without, and other files, which stay as they are."""

import io
import shutil
import subprocess
import wave
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from media_service.contents.errors import Refused
from media_service.examinations.models import Findings
from messenger_contracts.media import RejectReason

Examine = Callable[..., Findings]
Render = Callable[..., Path]
SECRET = b"MEET-ME-AT-NOON"
PLACE = b"+52.52"
PICTURES = {"thumb", "small", "large"}


@pytest.mark.parametrize(
    ("name", "content_type", "options"),
    [
        ("a.mp4", "video/mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")),
        ("a.mov", "video/quicktime", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")),
        ("a.webm", "video/webm", ("-c:v", "libvpx", "-c:a", "libopus")),
        ("a.mkv", "video/x-matroska", ("-c:v", "libvpx", "-c:a", "libopus")),
    ],
)
def test_a_film_gets_a_picture_a_length_and_a_copy_that_tells_nothing(
    name: str, content_type: str, options: tuple[str, ...], look: Examine, render: Render, ffmpeg: str, folder: Path
) -> None:
    film = render(name, *options)
    assert SECRET in film.read_bytes()

    found = look(film, content_type, ffmpeg=ffmpeg)

    assert (found.kind, found.content_type, found.width, found.height) == ("video", content_type, 160, 90)
    assert found.duration_ms == pytest.approx(2000, abs=120)
    assert found.blurhash
    assert found.made.keys() == PICTURES | {"original"}
    copy = folder / found.made["original"].file
    assert SECRET not in copy.read_bytes()
    assert PLACE not in copy.read_bytes()
    assert look(copy.read_bytes(), content_type, ffmpeg=ffmpeg).duration_ms == pytest.approx(2000, abs=120)
    with Image.open(folder / found.made["thumb"].file) as thumb:
        assert thumb.size == (160, 90)


@pytest.mark.parametrize(
    ("name", "content_type", "options"),
    [
        ("a.m4a", "audio/mp4", ("-c:a", "aac")),
        ("a.ogg", "audio/ogg", ("-c:a", "libopus")),
        ("a.mp3", "audio/mpeg", ("-c:a", "libmp3lame")),
        ("a.flac", "audio/flac", ("-c:a", "flac")),
        ("a.wav", "audio/wav", ("-c:a", "pcm_s16le")),
        ("a.webm", "audio/webm", ("-c:a", "libopus")),
        ("a.mp4", "audio/mp4", ("-c:a", "aac", "-f", "mp4")),
    ],
)
def test_a_sound_gets_a_length_a_waveform_and_a_copy_that_tells_nothing(
    name: str, content_type: str, options: tuple[str, ...], look: Examine, render: Render, ffmpeg: str, folder: Path
) -> None:
    sound = render(name, *options, picture=False)
    assert SECRET in sound.read_bytes()

    found = look(sound, content_type, ffmpeg=ffmpeg)

    assert (found.kind, found.content_type, found.width, found.blurhash) == ("audio", content_type, None, None)
    assert found.duration_ms == pytest.approx(2000, abs=120)
    assert found.waveform
    assert 90 <= len(found.waveform) <= 100
    assert all(5 < peak < 25 for peak in found.waveform[5:-5]), "ffmpeg's sine has an eighth of the full scale"
    assert found.made.keys() == {"original"}
    assert SECRET not in (folder / found.made["original"].file).read_bytes()


@pytest.mark.parametrize(
    ("name", "told", "options"),
    [
        ("a.mp4", "creation_time=2024-05-06T05:08:09Z", ()),
        ("a.mov", "com.apple.quicktime.creationdate=2024-05-06T07:08:09+0200", ("-movflags", "use_metadata_tags")),
    ],
)
def test_the_time_of_recording_is_kept_for_the_owner(
    name: str, told: str, options: tuple[str, ...], look: Examine, render: Render, ffmpeg: str, folder: Path
) -> None:
    film = render(name, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-metadata", told, *options, sound=False)

    found = look(film, ffmpeg=ffmpeg)

    assert found.taken_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert look((folder / found.made["original"].file).read_bytes(), ffmpeg=ffmpeg).taken_at is None


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"MThd\0\0\0\x06\0\1\0\2\1\xe0", "audio/midi"),
        (b"8BPS\0\1\0\0\0\0", "image/vnd.adobe.photoshop"),
        (b"#EXTM3U\n", "audio/x-mpegurl"),
    ],
)
def test_a_format_that_we_do_not_know_is_a_file(content: bytes, declared: str, look: Examine) -> None:
    """Its owner declared it truly; it is given as what its bytes are known to be, for no browser to guess."""
    found = look(content, declared)

    assert (found.kind, found.as_it_is) == ("file", True)
    assert found.content_type in ("application/octet-stream", "text/plain")


def test_a_cover_does_not_make_a_song_a_film(look: Examine, ffmpeg: str, tmp_path: Path) -> None:
    """Half of all M4A files call themselves MP4 by their first bytes."""
    cover, song = tmp_path / "cover.png", tmp_path / "song.m4a"
    Image.new("RGB", (30, 30), "teal").save(cover)
    inputs = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-i", str(cover), "-map", "0", "-map", "1")
    how = ("-c:a", "aac", "-c:v", "copy", "-disposition:v", "attached_pic", "-f", "mp4")
    subprocess.run((ffmpeg, "-v", "error", *inputs, *how, str(song)), check=True)

    found = look(song, "audio/mp4", ffmpeg=ffmpeg)

    assert (found.kind, found.content_type, list(found.made)) == ("audio", "audio/mp4", ["original"])


def test_a_waveform_follows_the_loudness(look: Examine, ffmpeg: str) -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000 * 2) + b"\xff\x7f\x01\x80" * 4000)

    found = look(out.getvalue(), "audio/wav", ffmpeg=ffmpeg)

    assert found.waveform
    assert len(found.waveform) == 100
    assert max(found.waveform[:45]) == 0
    assert min(found.waveform[55:]) == 100


def test_a_voice_message_declared_as_sound_may_not_have_a_picture(look: Examine, render: Render, ffmpeg: str) -> None:
    film = render("a.webm", "-c:v", "libvpx", "-c:a", "libopus")

    with pytest.raises(Refused) as refused:
        look(film, "audio/webm", ffmpeg=ffmpeg)

    assert refused.value.reason is RejectReason.TYPE_MISMATCH


def test_a_silent_film_is_a_film(look: Examine, render: Render, ffmpeg: str) -> None:
    film = render("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", sound=False)

    assert look(film, "video/mp4", ffmpeg=ffmpeg).kind == "video"


@pytest.mark.parametrize("name", ["a.mp4", "a.ogg"])
def test_without_ffmpeg_only_the_owner_gets_a_recording(name: str, look: Examine, render: Render) -> None:
    found = look(render(name, picture=name == "a.mp4"))

    assert found.made == {}
    assert not found.as_it_is
    assert (found.duration_ms, found.width, found.blurhash, found.waveform) == (None, None, None, None)


@pytest.mark.parametrize("declared", ["video/mp4", "application/octet-stream"])
def test_a_film_that_breaks_off_is_damaged(declared: str, look: Examine, render: Render, ffmpeg: str) -> None:
    whole = render("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac").read_bytes()

    with pytest.raises(Refused) as refused:
        look(whole[: len(whole) // 2], declared, ffmpeg=ffmpeg)

    assert refused.value.reason is RejectReason.DAMAGED


def test_a_playlist_that_calls_itself_a_film_opens_nothing(look: Examine, ffmpeg: str, tmp_path: Path) -> None:
    """What ffmpeg would do with it, were it free to guess: read another file of ours."""
    (tmp_path / "other.txt").write_text("ours")
    playlist = f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/other.txt\n".encode()

    with pytest.raises(Refused) as refused:
        look(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + playlist, "video/mp4", ffmpeg=ffmpeg)

    assert refused.value.reason is RejectReason.DAMAGED


def test_frames_larger_than_a_picture_may_be_are_not_decoded(look: Examine, render: Render, ffmpeg: str) -> None:
    film = render("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")

    with pytest.raises(Refused):
        look(film, "video/mp4", ffmpeg=ffmpeg, pixels=160 * 90 - 1)


def archive_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(50_000_000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "declared", "content_type"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf", "application/pdf"),
        (archive_bomb(), "application/zip", "application/zip"),
        (b"Dear Ada,\n", "text/plain", "text/plain"),
        (b"\x7fELF\x02\x01\x01" + bytes(40), "application/octet-stream", "application/octet-stream"),
    ],
    ids=["document", "archive", "text", "program"],
)
def test_any_other_file_stays_as_it_is(content: bytes, declared: str, content_type: str, look: Examine) -> None:
    found = look(content, declared)

    assert (found.kind, found.content_type, found.as_it_is, found.made) == ("file", content_type, True, {})


@pytest.mark.parametrize(
    ("content", "declared", "reason"),
    [
        (archive_bomb(), "image/png", RejectReason.TYPE_MISMATCH),
        (b"%PDF-1.7\n", "image/jpeg", RejectReason.TYPE_MISMATCH),
        (b"not a film", "video/mp4", RejectReason.TYPE_MISMATCH),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/png", RejectReason.TYPE_REFUSED),
        (b"<svg><script>alert(1)</script></svg>", "image/svg+xml", RejectReason.TYPE_REFUSED),
        (b"<!doctype html><script>alert(1)</script>", "text/plain", RejectReason.TYPE_REFUSED),
    ],
)
def test_what_is_not_what_it_was_said_to_be_is_refused(
    content: bytes, declared: str, reason: RejectReason, look: Examine
) -> None:
    with pytest.raises(Refused) as refused:
        look(content, declared)

    assert refused.value.reason is reason


def test_ffmpeg_from_the_system_does_as_well(look: Examine, render: Render, ffmpeg: str) -> None:
    """The images have Debian's, which is some versions older than the one that comes with Python's package."""
    system = shutil.which("ffmpeg") or ffmpeg

    found = look(render("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"), ffmpeg=system)

    assert found.made.keys() == PICTURES | {"original"}
