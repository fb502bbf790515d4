"""What a picture becomes: how large it may be, in which sizes it is shown, and what stands for it until it is there.

The blurhash is Wolt's (https://github.com/woltapp/blurhash/blob/master/Algorithm.md): the first terms of a cosine
transform in linear light, in base 83.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from media_service.contents.errors import Refused
from messenger_contracts.media import RejectReason

SIZES = {"large": 2048, "small": 800, "thumb": 256}
"""The longest side of each variant in pixels, the largest first: each is made of the one before. None is enlarged."""
SAMPLE = 32
"""The longest side of the picture that blurhash and colour are made of."""

Pixel = tuple[int, int, int]
"""Red, green and blue, 0 to 255, as sRGB."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")
_EXIF_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_LINEAR = [value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in range(256)]


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """How large a picture may be. A film's or an animation's frames count together."""

    pixels: int = 100_000_000
    side: int = 32_768
    animated_pixels: int = 100_000_000
    """An animation with more keeps its first frame alone."""

    def check(self, width: int, height: int) -> None:
        """Raises `Refused` for what is too large."""
        if max(width, height) > self.side or width * height > self.pixels:
            raise Refused(RejectReason.TOO_LARGE, f"{width} x {height} pixels are more than we take.")


def taken_at(time: str, offset: str) -> datetime | None:
    """When a picture was taken, from EXIF's `DateTimeOriginal` and `OffsetTimeOriginal`, whatever stands behind them.

    Most cameras do not say in which zone they are; their clock is then taken for UTC's.
    """
    found, zone = _EXIF_TIME.match(time), _EXIF_OFFSET.match(offset)
    if not found:
        return None
    year, month, day, clock = found.groups()
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{zone.group() if zone else '+00:00'}")
    except ValueError:
        return None  # cameras whose clock was never set write zeros


def dominant(pixels: Sequence[Pixel]) -> str:
    """The colour that most of a picture has, as `#rrggbb`: the mean of the fullest of 512 boxes of colours."""
    box = Counter((red >> 5, green >> 5, blue >> 5) for red, green, blue in pixels).most_common(1)[0][0]
    inside = [pixel for pixel in pixels if tuple(channel >> 5 for channel in pixel) == box]
    return "#" + "".join(f"{round(sum(channel) / len(inside)):02x}" for channel in zip(*inside, strict=True))


def blurhash(pixels: Sequence[Pixel], width: int, height: int) -> str:
    """The blurhash of a small picture, given row by row; 4 by 3 terms, more along the longer side."""
    across, down = (4, 3) if width >= height else (3, 4)
    terms = _terms(pixels, width, height, across, down)
    first, others = terms[0], terms[1:]
    largest = max(abs(channel) for term in others for channel in term)
    scale = max(0, min(82, math.floor(largest * 166 - 0.5)))
    code = _base83(across - 1 + (down - 1) * 9, 1) + _base83(scale, 1)
    code += _base83(int.from_bytes(bytes(_srgb(channel) for channel in first), "big"), 4)
    return code + "".join(_base83(_alternating(term, (scale + 1) / 166), 2) for term in others)


def _terms(pixels: Sequence[Pixel], width: int, height: int, across: int, down: int) -> list[Sequence[float]]:
    """The terms of the cosine transform, row by row, each as red, green and blue."""
    linear = [tuple(_LINEAR[channel] for channel in pixel) for pixel in pixels]
    columns = [[math.cos(math.pi * i * x / width) for x in range(width)] for i in range(across)]
    rows = [[math.cos(math.pi * j * y / height) for y in range(height)] for j in range(down)]
    found: list[Sequence[float]] = []
    for row, column in product(rows, columns):
        weights = [vertical * horizontal for vertical in row for horizontal in column]
        norm = (1 if not found else 2) / (width * height)
        found.append([norm * sum(map(_times, weights, channel)) for channel in zip(*linear, strict=True)])
    return found


def _times(one: float, other: float) -> float:
    return one * other


def _srgb(linear: float) -> int:
    value = max(0.0, min(1.0, linear))
    return round((value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055) * 255)


def _alternating(term: Sequence[float], largest: float) -> int:
    code = 0
    for channel in term:
        root = math.copysign(math.sqrt(abs(channel / largest)), channel)
        code = code * 19 + max(0, min(18, math.floor(root * 9 + 9.5)))
    return code


def _base83(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in reversed(range(length)))
