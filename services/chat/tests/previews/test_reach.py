"""What the fetcher reaches, and that nothing which is not public is among it, by whichever way it is named."""

import asyncio
import socket

import pytest

HTML = b"<head><title>Hello</title></head>"
ELSEWHERE = "127.0.0.2"
"""An address that the tests' policy, as the real one, takes for private; something listens there."""


@pytest.fixture
async def inside(serve, site, wire):
    """What must not be reached: a service on a private address, at the port that the fetcher may use."""
    service = await serve(ELSEWHERE, site.port)
    service.pages["/"] = wire.answer(HTML)
    return service


async def test_a_name_with_a_private_address_is_not_connected_to(site, inside, fetcher, names) -> None:
    names.answers["inside.example"] = [[ELSEWHERE]]
    assert await fetcher.fetch(site.url(host="inside.example")) is None
    assert names.asked == ["inside.example"]
    assert inside.requests == []


@pytest.mark.parametrize("addresses", [["127.0.0.1", ELSEWHERE], [ELSEWHERE, "127.0.0.1"], ["127.0.0.1", "::1"], []])
async def test_a_name_is_refused_unless_all_its_addresses_are_public(
    site, inside, fetcher, names, wire, addresses
) -> None:
    site.pages["/"] = wire.answer(HTML)
    names.answers["mixed.example"] = [addresses]
    assert await fetcher.fetch(site.url(host="mixed.example")) is None
    assert (site.requests, inside.requests) == ([], [])


async def test_a_name_that_changes_its_address_is_asked_for_once(site, inside, fetcher, names, wire) -> None:
    site.pages["/"] = wire.answer(HTML)
    names.answers["rebinding.example"] = [["127.0.0.1"], [ELSEWHERE]]
    assert await fetcher.fetch(site.url(host="rebinding.example"))
    assert names.asked == ["rebinding.example"]
    assert inside.requests == []


async def test_a_redirect_to_the_same_name_is_judged_anew(site, inside, fetcher, names, wire) -> None:
    site.pages["/a"] = wire.redirect("/")
    names.answers["rebinding.example"] = [["127.0.0.1"], [ELSEWHERE]]
    assert await fetcher.fetch(site.url("/a", host="rebinding.example")) is None
    assert names.asked == ["rebinding.example"] * 2
    assert (site.requests, inside.requests) == (["/a"], [])


async def test_a_redirect_to_a_private_name_is_not_followed(site, inside, fetcher, names, wire) -> None:
    names.answers["inside.example"] = [[ELSEWHERE]]
    site.pages["/a"] = wire.redirect(site.url(host="inside.example"))
    assert await fetcher.fetch(site.url("/a")) is None
    assert (site.requests, inside.requests) == (["/a"], [])


@pytest.mark.parametrize(
    "host",
    [ELSEWHERE, "2130706434", "0x7f000002", "127.2", "0177.0.0.2", "[::ffff:127.0.0.2]", "①②⑦.0.0.2", "localhost"],
)
async def test_a_redirect_to_a_private_address_is_not_followed_however_it_is_written(
    site, inside, fetcher, names, wire, host: str
) -> None:
    site.pages["/a"] = wire.redirect(site.url(host=host))
    assert await fetcher.fetch(site.url("/a")) is None
    assert names.asked == ["page.example"]
    assert (site.requests, inside.requests) == (["/a"], [])


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://user:secret@page.example/",
        "http://page.example:6379/",
        "file:///etc/passwd",
        "gopher://page.example/",
        "http://",
        "http://[",
        "",
    ],
)
async def test_a_redirect_to_what_is_no_web_address_is_not_followed(site, fetcher, names, wire, location) -> None:
    site.pages["/a"] = wire.redirect(location)
    assert await fetcher.fetch(site.url("/a")) is None
    assert names.asked[1:] in ([], ["page.example"] * 3)  # an empty one leads to the same page again
    assert set(site.requests) == {"/a"}


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_redirects_are_followed(site, fetcher, wire, status: str) -> None:
    site.pages |= {"/a/b": wire.redirect("../c?d=ü", status), "/c?d=%C3%BC": wire.answer(HTML)}
    page = await fetcher.fetch(site.url("/a/b"))
    assert page.url == site.url("/c?d=%C3%BC")


async def test_three_redirects_are_followed_and_a_fourth_is_not(site, fetcher, wire) -> None:
    site.pages |= {f"/{n}": wire.redirect(f"/{n + 1}") for n in range(4)}
    site.pages["/4"] = wire.answer(HTML)
    assert await fetcher.fetch(site.url("/1"))
    assert await fetcher.fetch(site.url("/0")) is None
    assert site.requests == ["/1", "/2", "/3", "/4", "/0", "/1", "/2", "/3"]


async def test_a_cookie_is_not_kept(site, fetcher, wire) -> None:
    away = wire.answer(status="302 Found", Location="/b", Set_Cookie="session=1; Path=/")
    site.pages |= {"/a": away, "/b": wire.answer(HTML, Set_Cookie="session=2; Path=/")}
    for _ in range(2):
        assert await fetcher.fetch(site.url("/a"))
    assert len(site.headers) == 4
    assert all("cookie" not in headers and "referer" not in headers for headers in site.headers)


async def test_a_second_address_is_tried_when_the_first_does_not_answer(site, names, wire, make_fetcher) -> None:
    fetcher = make_fetcher(site, allows=lambda address: True)
    site.pages["/"] = wire.answer(HTML)
    names.answers["page.example"] = [[ELSEWHERE, "127.0.0.1"]]
    assert await fetcher.fetch(site.url())


async def test_a_name_that_hangs_ends_with_the_time(site, make_fetcher) -> None:
    async def hang(host: str) -> list:
        await asyncio.Event().wait()
        return []

    async with asyncio.timeout(10):
        assert await make_fetcher(site, resolve=hang, seconds=0.2).fetch(site.url()) is None


async def test_a_name_that_does_not_exist_is_left_alone(site, make_fetcher) -> None:
    asked = []

    async def unknown(host: str) -> list:
        asked.append(host)
        raise socket.gaierror

    fetcher = make_fetcher(site, resolve=unknown)
    for _ in range(2):
        assert await fetcher.fetch(site.url()) is None
    assert asked == ["page.example"]


async def test_a_secure_page_is_fetched_from_its_name(secure, make_fetcher, trust, wire) -> None:
    secure.pages["/"] = wire.answer(HTML)
    assert await make_fetcher(secure, trust=trust).fetch(secure.url(scheme="https"))
    assert secure.names == ["page.example"]  # SNI
    assert secure.headers[0]["host"] == f"page.example:{secure.port}"


async def test_a_certificate_of_another_name_is_refused(secure, make_fetcher, trust, wire) -> None:
    secure.pages["/"] = wire.answer(HTML)
    assert await make_fetcher(secure, trust=trust).fetch(secure.url(host="other.example", scheme="https")) is None
    assert secure.names == ["other.example"]
    assert secure.requests == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure, make_fetcher, wire) -> None:
    secure.pages["/"] = wire.answer(HTML)
    assert await make_fetcher(secure).fetch(secure.url(scheme="https")) is None
    assert (secure.names, secure.requests) == (["page.example"], [])


async def test_a_secure_link_does_not_lead_to_an_open_wire(secure, site, make_fetcher, trust, wire) -> None:
    secure.pages["/"] = wire.redirect(site.url())
    site.pages["/"] = wire.answer(HTML)
    assert await make_fetcher(secure, site, trust=trust).fetch(secure.url(scheme="https")) is None
    assert (secure.requests, site.requests) == (["/"], [])
