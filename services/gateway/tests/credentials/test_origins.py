"""Which pages may speak for a browser's session."""

import pytest

from gateway_service.credentials.errors import ForeignOrigin
from gateway_service.credentials.origins import Origins

OURS, THEIRS = "https://chat.example", "https://evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": OURS},
        {"origin": OURS, "sec-fetch-site": "same-origin"},
        {"origin": OURS, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_our_own_pages_may(headers) -> None:
    Origins([OURS]).check(headers)


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": THEIRS},
        {"origin": THEIRS, "sec-fetch-site": "cross-site"},
        {"origin": THEIRS, "sec-fetch-site": "same-site"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": OURS + ".evil.example"},
        {"origin": OURS.replace("https", "http")},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "nonsense"},
    ],
)
def test_no_other_page_may(headers, silent) -> None:
    with pytest.raises(ForeignOrigin):
        Origins([OURS]).check(headers, silent=silent)


def test_who_says_nothing_is_a_program_which_has_no_cookie() -> None:
    Origins([OURS]).check({}, silent=True)
    with pytest.raises(ForeignOrigin):
        Origins([OURS]).check({})
