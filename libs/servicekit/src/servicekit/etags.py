"""Versions of what can be edited: `ETag` names the one that was read, `If-Match` demands it (RFC 9110, 8.8.3, 13.1.1).

A client that sends what it read back with its change cannot undo a change that it has not seen.
"""

import re
from typing import Annotated

from fastapi import Header

from messenger_contracts.problem import ErrorCode
from servicekit.errors import ServiceError

IfMatch = Annotated[
    str | None,
    Header(max_length=1024, description="An `ETag`: change it only if it is still the one that was read"),
]

_TAG = re.compile(r'(W/)?"([^"]*)"')


class PreconditionFailed(ServiceError):
    """The thing is no longer the one that the caller has read."""

    code = ErrorCode.PRECONDITION_FAILED
    detail = "It has been changed meanwhile: read it again."


def etag(version: object) -> str:
    """The header's value for a version."""
    return f'"{version}"'


def require_match(if_match: str | None, version: object) -> None:
    """Raise `PreconditionFailed` unless the caller demands nothing, anything (`*`), or this version.

    A weak tag matches nothing, as the comparison is the strong one.
    """
    if if_match is None or if_match.strip() == "*":
        return
    if not any(not weak and tag == str(version) for weak, tag in _TAG.findall(if_match)):
        raise PreconditionFailed
