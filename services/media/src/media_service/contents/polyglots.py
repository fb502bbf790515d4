"""Refuses a picture that is something else as well.

What others get is made anew from the pixels, so nothing that hides in a picture reaches them. The owner's own file is
kept as it came, though, and a file with two faces is never an accident worth keeping.

Behind a JPEG's end phones put things of their own, which are let pass: further JPEGs (the Multi-Picture Format, gain
maps), a short film (Motion Photo) and Samsung's trailer.
"""

import re

from media_service.contents.anatomy import Buffer, dissect
from media_service.contents.errors import Refused
from messenger_contracts.media import RejectReason

_MARKUP = re.compile(rb"<(?:script|html|!doctype|iframe|svg|body|\?php)[\s>/]|<\?php", re.IGNORECASE)
_PDF = b"%PDF-"
_PDF_WITHIN = 1024
"""Readers of PDF look for its header that far into a file (ISO 32000-1, annex H.3.4.1)."""
_ZIP_ENTRY = b"PK\x01\x02"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_ZIP_TAIL = _ZIP_END_BYTES + 0xFFFF
"""How far from a file's end a ZIP's own end may be: behind a comment of up to 64 KiB (APPNOTE.TXT, 4.3.16)."""
_SCRIPTED_GIF = re.compile(rb"GIF8[79]a(?:/\*|=[ -~])")
"""A header that JavaScript reads as a comment or an assignment: the width is made of the second part."""
_PHONES_TAIL = re.compile(rb"\xff\xd8\xff|.{0,3}ftyp|.{0,4}Image_UTC_Data", re.DOTALL)
"""As it looks without the zeros before it, which may be the first ones of a length."""


def refuse_polyglots(content_type: str, data: Buffer) -> None:
    """Raises `Refused` for a picture that is a page, script, archive or document too, or that has an appendix."""
    anatomy = dissect(content_type, data)
    if _has_appendix(content_type, data, anatomy.end):
        raise Refused(RejectReason.HOSTILE, "There is something behind the picture's end.")
    if _SCRIPTED_GIF.match(data[:8]):
        raise Refused(RejectReason.HOSTILE, "The picture is a script as well.")
    if any(_MARKUP.search(data[start:end]) for start, end in [*anatomy.notes, (anatomy.end, len(data))]):
        raise Refused(RejectReason.HOSTILE, "The picture holds a page or a script.")
    if _PDF in data[:_PDF_WITHIN]:
        raise Refused(RejectReason.HOSTILE, "The picture is a document as well.")
    if _is_archive(data):
        raise Refused(RejectReason.HOSTILE, "The picture is an archive as well.")


def _has_appendix(content_type: str, data: Buffer, end: int) -> bool:
    """Whether more than filling, or what phones put there, follows the picture."""
    rest = data[end:].lstrip(b"\0")
    if not rest:
        return False
    return content_type != "image/jpeg" or not (_PHONES_TAIL.match(rest) or rest.endswith(b"SEFT"))


def _is_archive(data: Buffer) -> bool:
    """Whether a ZIP ends where the file does, and has its directory where that end says."""
    start = max(0, len(data) - _ZIP_TAIL)
    tail = data[start:]
    at = tail.rfind(_ZIP_END)
    while at >= 0:
        size = int.from_bytes(tail[at + 12 : at + 16], "little")
        directory = start + at - size
        if size and directory >= 0 and data[directory : directory + 4] == _ZIP_ENTRY:
            return True
        at = tail.rfind(_ZIP_END, 0, at)
    return False
