"""What every list route takes and gives beside its items."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Response

from messenger_contracts.pagination import MAX_LIMIT, Page

CursorQuery = Annotated[str | None, Query(max_length=2048, description="`next` of the page before")]
LimitQuery = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


def link_next(response: Response, page: Page[Any], path: str, limit: int, **query: str) -> None:
    """Say where the next page is, as RFC 8288 does."""
    if page.next:
        parameters = urlencode({**query, "cursor": page.next, "limit": limit})
        response.headers["Link"] = f'<{path}?{parameters}>; rel="next"'
