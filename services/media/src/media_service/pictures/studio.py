"""Makes what others see of a picture. It decodes what strangers made: call it in a sandbox alone.

libvips reads a picture in strips, so that one of 50 megapixels takes about 100 MiB where Pillow takes 400, and less
time (docs/decisions/0016). What libvips has no decoder for, HEIC and BMP, libheif and Pillow read: as a whole, once.

Nothing is copied over from the file: every variant, `original` too, holds the pixels alone, upright, and a colour
profile where the colours need one. EXIF, XMP, IPTC, comments and thumbnails stay in the owner's own file.
"""

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pi_heif
import pyvips
from PIL import Image

from media_service.contents.errors import Refused
from media_service.pictures.domain import SAMPLE, SIZES, PictureLimits, blurhash, dominant, taken_at
from messenger_contracts.media import RejectReason

pyvips.cache_set_max(0)
Image.MAX_IMAGE_PIXELS = None  # `PictureLimits` says what is too large

ORIGINAL = "original"
JPEG, PNG, WEBP, AVIF = "image/jpeg", "image/png", "image/webp", "image/avif"
HEIC, BMP = "image/heic", "image/bmp"
_LOADERS = {
    JPEG: "jpegload",
    PNG: "pngload",
    WEBP: "webpload",
    "image/gif": "gifload",
    AVIF: "heifload",
    "image/tiff": "tiffload",
}
_WHOLE = (HEIC, BMP)
"""What is decoded into memory as a whole."""
_LOSSY = {JPEG: JPEG, WEBP: WEBP, AVIF: JPEG, HEIC: JPEG}
"""As what the original is given to others; any other type becomes a PNG, which loses nothing."""
_WEBP_SIDE = 16_383
_QUALITY, _ORIGINAL_QUALITY = 80, 90
_UPRIGHT, _MIRRORED, _SIDEWAYS = 1, 2, 5
_EXIF_IFD = 0x8769
_PROFILE, _EXIF = "icc-profile-data", "exif-data"
_EXIF_TIME, _EXIF_OFFSET = 0x9003, 0x9011
"""`DateTimeOriginal` and `OffsetTimeOriginal`."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A file that was made."""

    path: Path
    content_type: str
    width: int
    height: int


@dataclass(slots=True)
class Portrait:
    """A picture as others see it, and what it said about itself."""

    width: int
    height: int
    blurhash: str
    color: str
    taken_at: datetime | None
    variants: dict[str, Variant] = field(default_factory=dict)


def portray(source: Path, content_type: str, folder: Path, limits: PictureLimits, *, original: bool = True) -> Portrait:
    """Make every variant of a picture in a folder. Raises `Refused` for one that is damaged or too large."""
    try:
        return _portray(source, content_type, folder, limits, original=original)
    except (pyvips.Error, OSError, SyntaxError, ValueError, RuntimeError, MemoryError) as error:
        raise _refusal(error) from error


def cut(
    source: Path, content_type: str, box: tuple[int, int, int, int], target: Path, limits: PictureLimits
) -> Variant:
    """Make a part of a picture, given as left, top, width and height of the upright picture.

    Raises `Refused` when the part is not within it.
    """
    try:
        image = _open(source, content_type, limits, random=True)
        if not _within(box, image.width, image.height):
            raise Refused(RejectReason.DAMAGED, "The part lies outside of the picture.")
        part = _for_screens(image.crop(*box))
        return _save_webp(part.thumbnail_image(SIZES["large"], height=SIZES["large"], size="down"), target)
    except pyvips.Error as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> Refused:
    """What a decoder's complaint means; that it got no more memory mostly stands in its words alone."""
    told = str(error).strip()
    starved = isinstance(error, MemoryError) or "out of memory" in told
    reason = RejectReason.TOO_LARGE if starved else RejectReason.DAMAGED
    return Refused(reason, f"The picture cannot be decoded: {told[-200:]}")


def _within(box: tuple[int, int, int, int], width: int, height: int) -> bool:
    left, top, across, down = box
    return min(left, top) >= 0 and min(across, down) > 0 and left + across <= width and top + down <= height


def _portray(source: Path, content_type: str, folder: Path, limits: PictureLimits, *, original: bool) -> Portrait:
    image = _open(source, content_type, limits)
    made: dict[str, Variant] = {}
    if original:
        made[ORIGINAL] = _original(_again(image, source, content_type, limits), source, content_type, folder, limits)
    smaller = _shrunk(_again(image, source, content_type, limits), source, content_type)
    for name, side in SIZES.items():
        smaller = smaller.thumbnail_image(side, height=side, size="down").copy_memory()
        made[name] = _save_webp(smaller, folder / f"{name}.webp")
    sample = smaller.thumbnail_image(SAMPLE, height=SAMPLE, size="down")
    if sample.hasalpha():
        sample = sample.flatten(background=[255, 255, 255])
    raw = bytes(sample.cast("uchar").write_to_memory())
    pixels = list(zip(raw[::3], raw[1::3], raw[2::3], strict=True))
    width, height = _upright_size(image)
    return Portrait(
        width=width,
        height=height,
        blurhash=blurhash(pixels, sample.width, sample.height),
        color=dominant(pixels),
        taken_at=_taken_at(source, content_type, image),
        variants=made,
    )


def _original(image: Any, source: Path, content_type: str, folder: Path, limits: PictureLimits) -> Variant:
    """The whole picture at its own size: an animation as a WebP, anything else in a format that every browser shows."""
    if (moving := _animation(source, content_type, image, limits)) is not None:
        return _save_webp(moving, folder / f"{ORIGINAL}.webp", quality=_QUALITY, effort=2)
    if _turn(image) not in (_UPRIGHT, _MIRRORED):
        image = _open(source, content_type, limits, random=True)
    width, height = _upright_size(image)
    image = _eight_bits(image.autorot())
    kind = _LOSSY.get(content_type, PNG)
    if kind == JPEG and image.hasalpha():
        kind = WEBP if max(width, height) <= _WEBP_SIDE else PNG
    path = folder / f"{ORIGINAL}.{kind.partition('/')[2]}"
    if kind == JPEG:
        image.jpegsave(str(path), Q=_ORIGINAL_QUALITY, keep="icc")
    elif kind == WEBP:
        image.webpsave(str(path), Q=_ORIGINAL_QUALITY, effort=2, keep="icc")
    else:
        image.pngsave(str(path), compression=4, filter="paeth", keep="icc")
    return Variant(path, kind, width, height)


def _open(source: Path, content_type: str, limits: PictureLimits, *, random: bool = False) -> Any:
    """The first frame, decoded as it is read; from anywhere in it if asked, which may take a temporary file."""
    if content_type in _WHOLE:
        return _heic(source, limits) if content_type == HEIC else _bmp(source, limits)
    load = getattr(pyvips.Image, _LOADERS[content_type])  # by name: libvips itself does not know a moving AVIF for one
    image = load(str(source), access="random" if random else "sequential", fail_on="error")
    limits.check(image.width, image.height)
    return image


def _again(image: Any, source: Path, content_type: str, limits: PictureLimits) -> Any:
    """A picture for one more pass: what is decoded as it is read must be opened anew for it."""
    return image if content_type in _WHOLE else _open(source, content_type, limits)


def _heic(source: Path, limits: PictureLimits) -> Any:
    """Upright, as libheif turns it. Phones make such pictures of 48 megapixels, which are held no more than twice."""
    picture = pi_heif.open_heif(source)
    limits.check(*picture.size)
    data, bands = picture.data, len(picture.mode)
    image = pyvips.Image.new_from_memory(data, picture.stride // bands, picture.size[1], bands, "uchar")
    image = image.crop(0, 0, *picture.size).copy_memory()  # a copy: libheif frees its own with `picture`
    image = image.copy(interpretation="srgb" if bands > 2 else "b-w")
    if picture.premultiplied_alpha:
        image = image.unpremultiply().cast("uchar")
    for name, kept in ((_PROFILE, "icc_profile"), (_EXIF, "exif")):
        if value := picture.info.get(kept):
            image.set_type(pyvips.GValue.blob_type, name, value)
    return image


def _bmp(source: Path, limits: PictureLimits) -> Any:
    with Image.open(source, formats=["BMP"]) as picture:
        limits.check(*picture.size)
        plain = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    bands = len(plain.getbands())
    image = pyvips.Image.new_from_memory(plain.tobytes(), plain.width, plain.height, bands, "uchar")
    return image.copy(interpretation="srgb")


def _animation(source: Path, content_type: str, first: Any, limits: PictureLimits) -> Any:
    """All frames, one below the other; None where there is only one, or too much of them for us or for a WebP."""
    frames = first.get("n-pages") if content_type in ("image/gif", WEBP) and first.get_typeof("n-pages") else 1
    too_large = frames * first.width * first.height > limits.animated_pixels
    if frames == 1 or too_large or max(first.width, first.height) > _WEBP_SIDE:
        return None
    return pyvips.Image.new_from_file(str(source), access="sequential", fail_on="error", n=-1)


def _shrunk(image: Any, source: Path, content_type: str) -> Any:
    """The largest variant, upright and in screen colours; a JPEG is decoded at a fraction of its size for it."""
    fit = {"height": SIZES["large"], "size": "down"}
    if image.get_typeof(_PROFILE):  # to name one where there is none costs as much as all the rest
        fit["export_profile"] = "srgb"
    if content_type in (*_WHOLE, AVIF):
        return _for_screens(image.thumbnail_image(SIZES["large"], **fit))
    return _for_screens(pyvips.Image.thumbnail(str(source), SIZES["large"], fail_on="error", **fit))


def _for_screens(image: Any) -> Any:
    """As sRGB of eight bits, without a profile."""
    return image.colourspace("srgb").copy() if image.interpretation != "srgb" else image


def _eight_bits(image: Any) -> Any:
    """As a browser shows it; grey stays grey, and a profile of RGB stays with it."""
    if image.interpretation in ("srgb", "b-w") and image.format == "uchar":
        return image
    return image.colourspace("b-w" if image.interpretation == "grey16" else "srgb")


def _save_webp(image: Any, path: Path, *, quality: int = _QUALITY, effort: int = 2) -> Variant:
    image.webpsave(str(path), Q=quality, effort=effort, keep="none")
    return Variant(path, WEBP, image.width, image.get_page_height())


def _turn(image: Any) -> int:
    return image.get("orientation") if image.get_typeof("orientation") else _UPRIGHT


def _upright_size(image: Any) -> tuple[int, int]:
    """Width and height after turning; EXIF's orientations from 5 on lie on their side."""
    return (image.height, image.width) if _turn(image) >= _SIDEWAYS else (image.width, image.height)


def _taken_at(source: Path, content_type: str, image: Any) -> datetime | None:
    """When the camera says that it took a picture. What it says may be broken as it likes: the picture is not."""
    try:
        with warnings.catch_warnings(action="ignore"):
            fields = _exif(source, content_type, image)
    except (OSError, SyntaxError, ValueError, TypeError, struct.error):
        return None
    return taken_at(str(fields.get(_EXIF_TIME, "")), str(fields.get(_EXIF_OFFSET, "")))


def _exif(source: Path, content_type: str, image: Any) -> Mapping[int, Any]:
    if content_type in (PNG, HEIC):  # Pillow would decode all of it on the way to its EXIF
        exif = Image.Exif()
        if image.get_typeof(_EXIF):
            exif.load(bytes(image.get(_EXIF)))
        return exif.get_ifd(_EXIF_IFD)
    with Image.open(source, formats=[content_type.partition("/")[2].upper()]) as picture:
        return picture.getexif().get_ifd(_EXIF_IFD)
