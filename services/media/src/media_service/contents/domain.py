"""Tells a file's type by its first bytes, and whether that agrees with what the upload declared.

SVG and HTML are refused as such: both are programs to a browser, and no filter of them has stayed tight. Signatures are
those of the WHATWG's MIME Sniffing Standard and of the formats' own specifications.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from media_service.contents.errors import Refused
from messenger_contracts.media import RejectReason

HEAD_BYTES = 4096
"""How much of a file's beginning tells its type."""

OCTETS = "application/octet-stream"
ZIP = "application/zip"
TEXT = "text/plain"


class Kind(StrEnum):
    """What can be done with a file."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file is."""

    content_type: str
    kind: Kind


_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_SOUND_BRANDS = {b"M4A ", b"M4B "}
_FILM_BRANDS = re.compile(rb"iso[m2-9]|mp4[12]|avc1|dash|M4V |MSNV|3g[2gp]\d|mmp4|qt  ")
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
_TOLD = frozenset(
    {content_type for _, content_type in _SIGNATURES}
    | {*_RIFF.values(), "image/avif", "image/heic", "image/heif", "image/bmp", "image/jpg"}
    | {"audio/mp4", "audio/aac", "audio/ogg", "audio/webm", "audio/mp3"}
    | {"video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/ogg"}
)
"""The types that are told by their bytes: what is declared as one of them, and is none, is no honest mistake."""
_PROLOGUE = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?xml.*?\?>|<!--.*?-->)*", re.DOTALL)
_ACTIVE = re.compile(
    rb"<(?:!doctype\s+(?:html|svg)|(?:\w+:)?svg|html|head|body|script|iframe|title|style|meta|link|table|div|a|h1|p|br|img)"
    rb"[\s>/]",
    re.IGNORECASE,
)
_TEXT_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1B})
_PAGES = re.compile(r"text/html|application/(?:xhtml|mathml)\+xml|image/svg")
_PROGRAMS = re.compile(
    r"text/(?:xml|javascript|ecmascript|css)|application/(?:x-)?(?:xml|javascript|ecmascript)|.*\+xml"
)


def sniff(head: bytes) -> Content:
    """Tell what a file is by its first `HEAD_BYTES`. Raises `Refused` for what a browser would run."""
    content_type = _by_signature(head) or _in_riff(head) or _in_boxes(head) or _by_structure(head)
    if content_type:
        return Content(content_type, _kind(content_type))
    prologue = _PROLOGUE.match(head)
    if _ACTIVE.match(head, prologue.end() if prologue else 0):
        raise Refused(RejectReason.TYPE_REFUSED, "The file is a page or a drawing that a browser would run.")
    return Content(TEXT if _is_text(head) else OCTETS, Kind.FILE)


def agreed(found: Content, declared: str) -> Content:
    """What a file counts as, given what it is and what the upload called it. Raises `Refused` where they differ.

    A wrong name within a kind is corrected: phones call WebP a JPEG. A picture that was sent as a file is a picture, so
    that what it tells of its owner is taken out. A picture or recording in a format that we do not know, as programs
    and old cameras have them, is a file. What an archive or plain bytes mean, the sender knows best; but what a browser
    would run is plain text to it.
    """
    named = declared.partition(";")[0].strip().lower()
    if _PAGES.match(named):
        raise Refused(RejectReason.TYPE_REFUSED, f"Files of type {named} are not taken.")
    expected = _kind(named)
    if expected is not Kind.FILE and found.kind is Kind.FILE and named not in _TOLD:
        return found
    if expected not in (Kind.FILE, found.kind) and not _may_be_sound(found, expected):
        raise Refused(
            RejectReason.TYPE_MISMATCH, f"The upload was declared as {named}, but it is {found.content_type}."
        )
    if found.kind is Kind.FILE and found.content_type in (OCTETS, ZIP, TEXT) and named and not _PROGRAMS.match(named):
        return replace(found, content_type=named)
    return found


def without_picture(content: Content) -> Content:
    """The same recording when it turns out to have sound alone: a voice message in a film's container."""
    subtype = content.content_type.partition("/")[2]
    return Content("audio/mp4" if subtype == "quicktime" else f"audio/{subtype}", Kind.AUDIO)


def _may_be_sound(found: Content, expected: Kind) -> bool:
    """Containers do not tell by their first bytes whether there is a picture in them."""
    return found.kind is Kind.VIDEO and expected is Kind.AUDIO


def _kind(content_type: str) -> Kind:
    family = content_type.partition("/")[0]
    return Kind(family) if family in (Kind.IMAGE, Kind.VIDEO, Kind.AUDIO) else Kind.FILE


def _by_signature(head: bytes) -> str | None:
    return next((content_type for signature, content_type in _SIGNATURES if head.startswith(signature)), None)


def _in_riff(head: bytes) -> str | None:
    return _RIFF.get(head[8:12]) if head.startswith(b"RIFF") else None


def _in_boxes(head: bytes) -> str | None:
    """The type of an ISO base media file (ISO/IEC 14496-12), by its brands."""
    if head[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major, others = head[8:12], {head[at : at + 4] for at in range(16, size - 3, 4)}
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and others & _AVIF_BRANDS):
        return "image/avif"
    if major in _HEIF_BRANDS:
        return "image/heic"
    if major in _SOUND_BRANDS:
        return "audio/mp4"
    if major == b"qt  ":
        return "video/quicktime"
    return "video/mp4" if any(map(_FILM_BRANDS.fullmatch, {major} | others)) else None


def _by_structure(head: bytes) -> str | None:
    """The type of what has a short signature, or one that is not at the beginning."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"OggS\0"):
        return "video/ogg" if b"\x80theora" in head[:512] else "audio/ogg"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4) and head[2] & 0xF0 != 0xF0:
        return "audio/mpeg"
    return None


def _is_text(head: bytes) -> bool:
    if not head or head.translate(None, _TEXT_CONTROLS) != head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # the head may end within a character
    return True
