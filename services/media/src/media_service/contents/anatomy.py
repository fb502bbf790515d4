"""Where a picture ends, and where in it there is room for words: the structure of each format, walked and not decoded.

Pure: it takes any buffer, such as a mapped file, and reads only what it needs. It trusts no length that it finds.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from mmap import mmap
from typing import Literal

from media_service.contents.errors import Refused
from messenger_contracts.media import RejectReason

Buffer = bytes | mmap
"""Bytes that may be a mapped file."""


@dataclass(slots=True)
class Anatomy:
    """What was found.

    Attributes:
        end: the position behind the picture's last byte.
        notes: stretches, as start and end, that hold no pixels: comments, metadata, profiles.
    """

    end: int = 0
    notes: list[tuple[int, int]] = field(default_factory=list)


_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""In a JPEG's entropy-coded data, what is neither a stuffed byte, a restart nor filling."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"fdAT", b"fcTL", b"acTL", b"tRNS"})
_GIF_EXTENSION, _GIF_FRAME, _GIF_END = 0x21, 0x2C, 0x3B
_GIF_CONTROL = 0xF9
_WEBP_PIXELS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})


def dissect(content_type: str, data: Buffer) -> Anatomy:
    """Walk a picture. Raises `Refused` when it breaks off. A TIFF has no end: all of it may be notes."""
    walk = _WALKS.get(content_type)
    return walk(data) if walk else Anatomy(len(data), [(0, len(data))])


def _byte(data: Buffer, at: int) -> int:
    found = data[at : at + 1]
    if not found:
        raise Refused(RejectReason.DAMAGED, "The picture breaks off.")
    return found[0]


def _number(data: Buffer, at: int, size: int, order: Literal["little", "big"] = "big") -> int:
    found = data[at : at + size]
    if len(found) < size:
        raise Refused(RejectReason.DAMAGED, "The picture breaks off.")
    return int.from_bytes(found, order)


def _jpeg(data: Buffer) -> Anatomy:
    """ITU-T T.81, annex B: segments, and scans between them."""
    found = Anatomy()
    at = 2
    while True:
        if _byte(data, at) != 0xFF:
            raise Refused(RejectReason.DAMAGED, "The picture has no marker where one must be.")
        while (marker := _byte(data, at + 1)) == 0xFF:  # filling
            at += 1
        if marker == _END_OF_IMAGE:
            found.end = at + 2
            return found
        end = at + 2 + _number(data, at + 2, 2)
        if marker >= 0xE0:  # applications' segments and comments
            found.notes.append((at + 4, end))
        if marker == _START_OF_SCAN:
            following = _MARKER.search(data, end)
            if not following:
                raise Refused(RejectReason.DAMAGED, "The picture breaks off within its pixels.")
            end = following.start()
        at = end


def _png(data: Buffer) -> Anatomy:
    """PNG (third edition), section 5: chunks up to IEND."""
    found = Anatomy()
    at = 8
    while True:
        length, name = _number(data, at, 4), data[at + 4 : at + 8]
        start, at = at + 8, at + 12 + length
        if at > len(data):
            raise Refused(RejectReason.DAMAGED, "The picture breaks off within a chunk.")
        if name not in _PNG_PIXELS:
            found.notes.append((start, start + length))
        if name == b"IEND":
            found.end = at
            return found


def _gif(data: Buffer) -> Anatomy:
    """GIF89a: frames and extensions, each a chain of blocks."""
    found = Anatomy()
    at = 13 + _palette(_byte(data, 10))
    while (block := _byte(data, at)) != _GIF_END:
        if block == _GIF_EXTENSION:
            end = _chain(data, at + 2)
            if _byte(data, at + 1) != _GIF_CONTROL:
                found.notes.append((at + 2, end))
        elif block == _GIF_FRAME:
            end = _chain(data, at + 11 + _palette(_byte(data, at + 9)))
        else:
            raise Refused(RejectReason.DAMAGED, "The picture has an unknown block.")
        at = end
    found.end = at + 1
    return found


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _chain(data: Buffer, at: int) -> int:
    """The position behind a chain of blocks."""
    while size := _byte(data, at):
        at += 1 + size
    return at + 1


def _webp(data: Buffer) -> Anatomy:
    """RFC 9649: a RIFF file, whose header says how long it is."""
    found = Anatomy(8 + _number(data, 4, 4, "little"))
    if found.end > len(data):
        raise Refused(RejectReason.DAMAGED, "The picture breaks off.")
    at = 12
    while at + 8 <= found.end:
        length = _number(data, at + 4, 4, "little")
        if data[at : at + 4] not in _WEBP_PIXELS:
            found.notes.append((at + 8, min(at + 8 + length, found.end)))
        at += 8 + length + length % 2
    return found


def _boxes(data: Buffer) -> Anatomy:
    """ISO/IEC 14496-12: boxes one after another. Metadata lies among the pixels, in `mdat`: only the rest is notes."""
    found = Anatomy()
    for start, end, name in _each_box(data):
        if name != b"mdat":
            found.notes.append((start, end))
        found.end = end
    return found


def _each_box(data: Buffer) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, name = _number(data, at, 4), data[at + 4 : at + 8]
        if not name.isalnum():
            return  # no box: whatever this is, it comes after the picture
        if size == 1:
            size = _number(data, at + 8, 8)
        end = at + size if size else len(data)
        if (size and size < 8) or end > len(data):
            raise Refused(RejectReason.DAMAGED, "The picture breaks off within a box.")
        yield at + 8, end, name
        at = end


def _bmp(data: Buffer) -> Anatomy:
    """The header says how long the file is; some writers leave that out."""
    return Anatomy(min(_number(data, 2, 4, "little"), len(data)) or len(data))


_WALKS: Mapping[str, Callable[[Buffer], Anatomy]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/avif": _boxes,
    "image/heic": _boxes,
    "image/bmp": _bmp,
}
