"""Pictures of every kind: what others see of them, and what they no longer tell."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo

from media_service.contents.errors import Refused
from media_service.examinations.models import Findings
from messenger_contracts.media import RejectReason

pillow_heif.register_heif_opener()

Examine = Callable[..., Findings]
EXIF_IFD, GPS_IFD, ORIENTATION = 0x8769, 0x8825, 0x0112
SECRET = "MEET-ME-AT-NOON"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>52,31.2N</exif:GPSLatitude>{SECRET}</x:xmpmeta>'.encode()
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x14\x1c\x02\x78\0\x0f" + SECRET.encode()
TAKEN = datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
NAMES = {"thumb", "small", "large", "original"}
"""What is made of every picture."""


def drawing(width: int = 120, height: int = 90, mode: str = "RGB") -> Image.Image:
    """A teal picture whose top left quarter is orange, so that one can see how it lies."""
    image = Image.new("RGB", (width, height), (0, 128, 128))
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=(255, 140, 0))
    return image.convert(mode)


def telling_exif(orientation: int = 1) -> Image.Exif:
    """EXIF with a place, a time, a name and an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x013B] = SECRET
    exif.get_ifd(EXIF_IFD).update({0x9003: "2024:05:06 07:08:09", 0x9011: "+02:00", 0x9286: SECRET})
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 29: SECRET})
    return exif


def encoded(image: Image.Image, form: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def made_of(found: Findings, folder: Path) -> Iterator[tuple[str, Path]]:
    for name, made in found.made.items():
        yield name, folder / made.file


def looks_as_drawn(image: Image.Image) -> bool:
    """Orange above on the left, teal elsewhere, within what compression does to it."""
    seen = image.convert("RGB")
    wide, high = seen.size
    quarters = [(wide // 4, high // 4), (wide * 3 // 4, high // 4), (wide // 4, high * 3 // 4)]
    orange, *teal = (seen.getpixel(at) for at in quarters)
    return near(orange, (255, 140, 0)) and all(near(one, (0, 128, 128)) for one in teal)


def near(one: Any, other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 25 for a, b in zip(one[:3], other, strict=True))


@pytest.mark.parametrize(
    ("form", "content_type", "original"),
    [
        ("JPEG", "image/jpeg", "image/jpeg"),
        ("PNG", "image/png", "image/png"),
        ("GIF", "image/gif", "image/png"),
        ("WEBP", "image/webp", "image/webp"),
        ("AVIF", "image/avif", "image/jpeg"),
        ("HEIF", "image/heic", "image/jpeg"),
        ("BMP", "image/bmp", "image/png"),
        ("TIFF", "image/tiff", "image/png"),
    ],
)
def test_a_picture_gets_its_variants(form: str, content_type: str, original: str, look: Examine, folder: Path) -> None:
    found = look(encoded(drawing(), form), content_type)

    assert (found.content_type, found.kind, found.width, found.height) == (content_type, "image", 120, 90)
    assert found.blurhash
    assert found.blurhash[0] == "L"
    assert near(tuple(bytes.fromhex((found.color or "")[1:])), (0, 128, 128))
    assert found.made.keys() == NAMES
    assert found.made["original"].content_type == original
    for name, path in made_of(found, folder):
        with Image.open(path) as image:
            assert image.get_format_mimetype() == found.made[name].content_type
            assert image.size == (found.made[name].width, found.made[name].height)
            assert looks_as_drawn(image)


def test_sizes_fit_and_nothing_is_enlarged(look: Examine) -> None:
    found = look(encoded(drawing(1000, 3000), "JPEG"), "image/jpeg")

    sizes = {name: (made.width, made.height) for name, made in found.made.items()}
    assert sizes == {"original": (1000, 3000), "large": (683, 2048), "small": (267, 800), "thumb": (85, 256)}


@pytest.mark.parametrize(("form", "how"), [("JPEG", {}), ("WEBP", {}), ("TIFF", {}), ("PNG", {})])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_upright(
    form: str, how: dict[str, Any], orientation: int, look: Examine, folder: Path
) -> None:
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    lying = drawing().transpose(turn[orientation]) if orientation > 1 else drawing()

    found = look(encoded(lying, form, exif=telling_exif(orientation), **how))

    assert (found.width, found.height) == (120, 90)
    for name, path in made_of(found, folder):
        with Image.open(path) as image:
            assert image.size == (120, 90), name
            assert looks_as_drawn(image), name
            assert image.getexif().get(0x0112, 1) == 1, name


@pytest.mark.parametrize(
    ("form", "how"),
    [
        ("JPEG", {"xmp": XMP, "comment": SECRET.encode()}),
        ("PNG", {"pnginfo": "text"}),
        ("WEBP", {"xmp": XMP}),
        ("AVIF", {"xmp": XMP}),
        ("HEIF", {"xmp": XMP}),
        ("TIFF", {"tiffinfo": {270: SECRET, 700: XMP, 33723: IPTC}}),
        ("GIF", {"comment": SECRET.encode()}),
    ],
)
def test_no_variant_tells_what_the_file_told(form: str, how: dict[str, Any], look: Examine, folder: Path) -> None:
    if "pnginfo" in how:
        how = {"pnginfo": texts()}
    if form not in ("GIF", "TIFF"):
        how = how | {"exif": telling_exif()}
    sent = encoded(drawing(), form, **how)
    if form == "JPEG":
        sent = sent[:2] + struct.pack(">BBH", 0xFF, 0xED, 2 + len(IPTC)) + IPTC + sent[2:]
    assert SECRET.encode() in sent

    found = look(sent)

    assert found.made.keys() == NAMES
    for name, path in made_of(found, folder):
        content = path.read_bytes()
        assert SECRET.encode() not in content, name
        assert b"GPS" not in content, name
        assert b"xmpmeta" not in content, name
        with Image.open(path) as image:
            image.load()
            exif = image.getexif()
            assert not exif.get_ifd(GPS_IFD), name
            assert not exif.get_ifd(EXIF_IFD).get(0x9003), name
            assert not {"xmp", "comment", "photoshop", "Comment"} & image.info.keys(), name


def texts() -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", SECRET)
    info.add_text("Author", SECRET, zip=False)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return info


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_the_time_of_capture_is_kept_for_the_owner(form: str, look: Examine) -> None:
    assert look(encoded(drawing(), form, exif=telling_exif())).taken_at == TAKEN


def test_broken_exif_does_not_break_a_picture(look: Examine) -> None:
    found = look(encoded(drawing(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x69\x87\x04\0" * 30))

    assert found.made.keys() == NAMES
    assert found.taken_at is None


def test_colours_are_those_that_the_profile_means(look: Examine, folder: Path) -> None:
    """A profile stays with the original, where colours need it; variants are plain sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    found = look(encoded(drawing(), "JPEG", icc_profile=profile))

    with Image.open(folder / found.made["original"].file) as original:
        assert original.info.get("icc_profile") == profile
    with Image.open(folder / found.made["large"].file) as large:
        assert "icc_profile" not in large.info
        assert looks_as_drawn(large)


def test_transparency_is_kept(look: Examine, folder: Path) -> None:
    clear = drawing(mode="RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))

    for form in ("PNG", "WEBP", "AVIF", "HEIF"):
        for name, path in made_of(look(encoded(clear, form)), folder):
            with Image.open(path) as image:
                assert image.mode == "RGBA", (form, name)
                assert image.getchannel("A").getextrema()[0] < 30


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "I;16", "CMYK"])
def test_any_kind_of_pixels_is_shown(mode: str, look: Examine, folder: Path) -> None:
    image = Image.linear_gradient("L").convert("I;16" if mode == "I;16" else "L")
    sent = encoded(image if mode == "I;16" else image.convert(mode), "JPEG" if mode == "CMYK" else "PNG")

    found = look(sent)

    for name, path in made_of(found, folder):
        with Image.open(path) as shown:
            assert shown.mode in ("L", "LA", "RGB", "RGBA", "P", "1"), name
            assert shown.size == (256, 256)


def test_an_animation_moves_in_the_original_alone(look: Examine, folder: Path) -> None:
    frames = [drawing(), drawing().rotate(90), drawing().rotate(180)]
    sent = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0)

    found = look(sent, "image/gif")

    assert found.made["original"].content_type == "image/webp"
    for name, path in made_of(found, folder):
        with Image.open(path) as image:
            assert getattr(image, "n_frames", 1) == (3 if name == "original" else 1)
            assert image.size == (120, 90)
            assert looks_as_drawn(image), name
    with Image.open(folder / found.made["original"].file) as moving:
        moving.load()
        assert (moving.info["duration"], moving.info["loop"]) == (120, 0)


def test_an_animation_with_too_many_pixels_stands_still(look: Examine, folder: Path) -> None:
    frames = [drawing().rotate(angle) for angle in range(0, 90, 10)]
    sent = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    found = look(sent, animated_pixels=120 * 90 * 8)

    with Image.open(folder / found.made["original"].file) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert looks_as_drawn(image)


@pytest.mark.parametrize("form", ["PNG", "AVIF", "HEIF"])
def test_other_moving_pictures_stand_still(form: str, look: Examine, folder: Path) -> None:
    frames = [drawing(), drawing().rotate(180)]

    found = look(encoded(frames[0], form, save_all=True, append_images=frames[1:]))

    for name, path in made_of(found, folder):
        with Image.open(path) as image:
            assert getattr(image, "n_frames", 1) == 1
            assert looks_as_drawn(image), name


def test_an_animation_too_wide_for_a_webp_stands_still(look: Examine, folder: Path) -> None:
    frames = [Image.new("P", (16_384, 4), shade) for shade in (0, 1)]

    found = look(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert (found.width, found.height, found.made["original"].content_type) == (16_384, 4, "image/png")


def bomb(width: int, height: int, rows: int = 4) -> bytes:
    """A PNG that says it is large, and goes on for a few rows only."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes((1 + 3 * width) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (40_000, 10), (10, 40_000), (10_001, 10_000)])
def test_a_bomb_is_refused_by_what_its_header_says(size: tuple[int, int], look: Examine) -> None:
    with pytest.raises(Refused) as refused:
        look(bomb(*size), "image/png")

    assert refused.value.reason is RejectReason.TOO_LARGE


@pytest.mark.parametrize("form", ["BMP", "HEIF", "TIFF", "WEBP", "GIF", "JPEG", "AVIF"])
def test_every_format_is_held_to_the_limit(form: str, look: Examine) -> None:
    with pytest.raises(Refused) as refused:
        look(encoded(drawing(), form), pixels=120 * 90 - 1)

    assert refused.value.reason is RejectReason.TOO_LARGE


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF", "BMP", "TIFF"])
def test_a_truncated_picture_is_damaged(form: str, look: Examine) -> None:
    noise = Image.effect_noise((300, 200), 80).convert("RGB")
    whole = encoded(noise, form)

    with pytest.raises(Refused) as refused:
        look(whole[: len(whole) // 2])

    assert refused.value.reason is RejectReason.DAMAGED


def test_a_picture_that_lacks_rows_is_damaged(look: Examine) -> None:
    with pytest.raises(Refused) as refused:
        look(bomb(300, 300), "image/png")

    assert refused.value.reason is RejectReason.DAMAGED


def test_a_signature_alone_is_no_picture(look: Examine) -> None:
    for head in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 ", b"II*\0\x08\0\0\0"):
        with pytest.raises(Refused) as refused:
            look(head, "image/png")
        assert refused.value.reason is RejectReason.DAMAGED
