"""Which pages may speak for a browser's session.

A cookie goes along whoever made the request, so where it is the credential, the page must be ours. Browsers say of
which site a request is (`Sec-Fetch-Site`, W3C Fetch Metadata) and from which origin (`Origin`, RFC 6454); no script
can say otherwise. A request that says neither comes from no browser that we know, and has no use for a cookie.
"""

from collections.abc import Collection, Mapping

from gateway_service.credentials.errors import ForeignOrigin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})
"""`none`: the person did it, by address bar or bookmark."""


class Origins:
    """The origins that our pages have."""

    def __init__(self, ours: Collection[str]) -> None:
        self._ours = frozenset(ours)

    def check(self, headers: Mapping[str, str], *, silent: bool = False) -> None:
        """Raise `ForeignOrigin` for a request of a page that is not ours.

        `silent` lets pass what does not say where it comes from: a program's.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin in self._ours or (site in _OURS and origin != "null"):
            return
        if origin is None and site is None and silent:
            return
        raise ForeignOrigin
