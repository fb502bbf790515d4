"""Fetching over real connections: what is read, how much of it, and when a host is left alone."""

import asyncio
import gzip

import pytest

from chat_service.previews.fetcher import USER_AGENT, NameResolver

HTML = b"<html><head><title>Hello</title></head><body>there</body></html>"


async def test_a_page_is_read_to_the_end_of_its_head(site, fetcher, wire) -> None:
    site.pages["/p?q=1"] = wire.answer(HTML)
    page = await fetcher.fetch(site.url("/p?q=1"))
    assert page.url == site.url("/p?q=1")
    assert page.html.startswith("<html><head><title>Hello</title></head>")


async def test_a_request_says_nothing_of_who_asks(site, fetcher, wire) -> None:
    site.pages["/"] = wire.answer(HTML)
    await fetcher.fetch(site.url())
    (headers,) = site.headers
    assert headers.pop("host") == f"page.example:{site.port}"
    assert headers.pop("user-agent") == USER_AGENT
    assert headers == {
        "accept": "application/xhtml+xml, text/html",
        "accept-encoding": "identity",
        "connection": "close",
    }


async def test_a_proxy_of_the_environment_is_not_used(site, make_fetcher, wire, monkeypatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    site.pages["/"] = wire.answer(HTML)
    assert await make_fetcher(site).fetch(site.url())


async def test_a_head_that_begins_an_endless_page_is_enough(site, fetcher, wire) -> None:
    async def endless(writer) -> None:
        writer.write(wire.answer(HTML))
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    site.pages["/"] = endless
    assert (await fetcher.fetch(site.url())).html.startswith("<html>")


async def test_the_end_of_a_head_is_seen_where_it_comes_in_two_pieces(site, fetcher, wire) -> None:
    async def pieces(writer) -> None:
        writer.write(wire.answer(Transfer_Encoding="chunked"))
        for piece in (b"<head><title>Hello</title></he", b"ad>"):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.wait_closed()

    site.pages["/"] = pieces
    assert (await fetcher.fetch(site.url())).html == "<head><title>Hello</title></head>"


async def test_a_page_whose_head_does_not_end_in_time_is_refused(site, make_fetcher, wire) -> None:
    site.pages["/large"] = wire.answer(b"<title>x</title>".ljust(200_001) + b"</head>")
    site.pages["/fits"] = wire.answer(b"<title>x</title>".ljust(200_000 - len("</head>")) + b"</head>")
    fetcher = make_fetcher(site, bytes=200_000)
    assert await fetcher.fetch(site.url("/large")) is None
    assert await fetcher.fetch(site.url("/fits"))


async def test_an_endless_head_is_not_read_further_than_the_limit(site, make_fetcher, wire) -> None:
    sent = 0

    async def endless(writer) -> None:
        nonlocal sent
        writer.write(wire.answer())
        while True:
            writer.write(b"<meta>" * 1_000)
            await writer.drain()
            sent += 6_000

    site.pages["/"] = endless
    assert await make_fetcher(site, bytes=100_000, seconds=60).fetch(site.url()) is None
    assert sent < 20_000_000  # what the kernel buffers, and no more


async def test_a_page_that_trickles_ends_with_the_time(site, make_fetcher, wire) -> None:
    async def trickle(writer) -> None:
        writer.write(wire.answer())
        while True:
            writer.write(b"<")
            await writer.drain()
            await asyncio.sleep(0.01)  # the pace of the host that the test is about

    site.pages["/"] = trickle
    async with asyncio.timeout(10):
        assert await make_fetcher(site, seconds=0.3).fetch(site.url()) is None
    assert site.requests == ["/"]


async def test_a_host_that_never_answers_ends_with_the_time(site, make_fetcher) -> None:
    async def silent(writer) -> None:
        await writer.wait_closed()

    site.pages["/"] = silent
    async with asyncio.timeout(10):
        assert await make_fetcher(site, seconds=0.2).fetch(site.url()) is None


async def test_headers_without_end_are_refused(site, fetcher) -> None:
    async def headers(writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 10_000 + b"\r\n")
            await writer.drain()

    site.pages["/"] = headers
    assert await fetcher.fetch(site.url()) is None


async def test_a_packed_page_is_refused_unread(site, fetcher, wire) -> None:
    bomb = gzip.compress(b"<title>x</title>" + bytes(50_000_000))
    site.pages["/"] = wire.answer(bomb, Content_Encoding="gzip")
    assert await fetcher.fetch(site.url()) is None


@pytest.mark.parametrize("content_type", ["application/json", "image/svg+xml", "text/plain; x=text/html", ""])
async def test_what_is_no_page_is_refused(site, fetcher, wire, content_type: str) -> None:
    site.pages["/"] = wire.answer(HTML, content_type=content_type)
    assert await fetcher.fetch(site.url()) is None
    assert site.requests == ["/"]


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "304 Not Modified", "404 Not Found"])
async def test_only_a_whole_page_counts(site, fetcher, wire, status: str) -> None:
    site.pages["/"] = wire.answer(HTML, status=status)
    assert await fetcher.fetch(site.url()) is None


async def test_a_page_is_read_in_the_charset_of_its_header(site, fetcher, wire) -> None:
    site.pages["/"] = wire.answer("<title>Привет</title>".encode("koi8-r"), content_type="Text/HTML; charset=KOI8-R")
    assert (await fetcher.fetch(site.url())).html == "<title>Привет</title>"


async def test_a_page_that_is_refused_leaves_its_host_in_use(site, fetcher, wire) -> None:
    site.pages["/"] = wire.answer(HTML)
    assert await fetcher.fetch(site.url("/missing")) is None
    assert await fetcher.fetch(site.url())


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"])
async def test_a_host_that_fails_is_left_alone_for_a_minute(site, fetcher, wire, clock, status: str) -> None:
    site.pages |= {"/": wire.answer(status=status), "/other": wire.answer(HTML)}
    assert await fetcher.fetch(site.url()) is None
    clock[0] += 59
    assert await fetcher.fetch(site.url("/other")) is None
    assert site.requests == ["/"]
    clock[0] += 2
    assert await fetcher.fetch(site.url("/other"))


async def test_a_host_that_fails_leaves_others_in_use(site, fetcher, wire) -> None:
    site.pages |= {"/": wire.answer(status="500 No"), "/other": wire.answer(HTML)}
    assert await fetcher.fetch(site.url()) is None
    assert await fetcher.fetch(site.url("/other", host="other.example"))


async def test_a_redirect_to_a_host_that_fails_does_not_blame_the_first(site, fetcher, wire) -> None:
    site.pages |= {
        "/away": wire.redirect(site.url("/broken", host="broken.example")),
        "/broken": wire.answer(status="500 No"),
        "/": wire.answer(HTML),
    }
    assert await fetcher.fetch(site.url("/away")) is None
    assert await fetcher.fetch(site.url())
    assert await fetcher.fetch(site.url("/", host="broken.example")) is None


async def test_no_more_than_the_limit_are_fetched_at_once(site, make_fetcher, wire) -> None:
    two_are_here = asyncio.Event()

    async def together(writer) -> None:
        if site.at_once == 2:
            two_are_here.set()
        await two_are_here.wait()
        writer.write(wire.answer(HTML))
        await writer.drain()

    site.pages["/"] = together
    fetcher = make_fetcher(site, at_once=2)
    pages = await asyncio.gather(*(fetcher.fetch(site.url()) for _ in range(6)))
    assert all(pages)
    assert site.most_at_once == 2


async def test_a_fetch_that_is_cancelled_gives_its_turn_back(site, make_fetcher, wire) -> None:
    asked = asyncio.Event()

    async def silent(writer) -> None:
        asked.set()
        await writer.wait_closed()

    site.pages |= {"/silent": silent, "/": wire.answer(HTML)}
    fetcher = make_fetcher(site, at_once=1)
    fetch = asyncio.create_task(fetcher.fetch(site.url("/silent")))
    await asked.wait()
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    assert await fetcher.fetch(site.url())


async def test_a_name_that_does_not_exist_has_no_addresses() -> None:
    with pytest.raises(OSError):
        await NameResolver()("no-such-name.invalid")
