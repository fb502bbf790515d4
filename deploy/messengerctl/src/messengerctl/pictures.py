"""Pictures that are made of numbers, for those who need one to send: PNG, 8 bits a channel (RFC 2083)."""

import hashlib
import struct
import zlib

from messengerctl.client.uploads import Wish

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 2


def paint(width: int, height: int, seed: int = 0, *, packed: bool = True) -> bytes:
    """A picture of a slope of colour. Another seed is another picture; unpacked, it is as large as its pixels."""
    row, rows = bytearray(3 * width), bytearray()
    row[0::3] = bytes(x * 255 // width for x in range(width))
    row[2::3] = bytes([seed & 0xFF]) * width
    for y in range(height):
        row[1::3] = bytes([y * 255 // height]) * width
        rows += b"\0" + row
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"tEXt", b"Comment\0" + str(seed).encode()),
        (b"IDAT", zlib.compress(bytes(rows), 6 if packed else 0)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def wish_of(picture: bytes, purpose: str = "library") -> Wish:
    """What a painted picture is announced as."""
    digest = hashlib.sha256(picture).hexdigest()
    return Wish(filename="slope.png", content_type="image/png", size=len(picture), sha256=digest, purpose=purpose)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
