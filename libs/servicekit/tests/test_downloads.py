"""Fetches by signed URLs: all of a file, or an error; piece by piece."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from servicekit.downloads import PIECE_BYTES, Downloads
from servicekit.errors import DependencyUnavailable, NotFound
from servicekit.testing import serving

CONTENT = bytes(range(256)) * 8192


async def whole(request: Request) -> Response:
    return Response(CONTENT)


async def short(request: Request) -> Response:
    async def some() -> AsyncIterator[bytes]:
        yield CONTENT[:1000]

    return StreamingResponse(some(), headers={"Content-Length": str(len(CONTENT))})


async def stuck(request: Request) -> Response:
    async def some() -> AsyncIterator[bytes]:
        yield CONTENT[:1000]
        await asyncio.Event().wait()

    return StreamingResponse(some(), headers={"Content-Length": str(len(CONTENT))})


async def echo(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.path}?{request.url.query} {sorted(request.headers)}")


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def refused(request: Request) -> Response:
        return Response(status_code=int(request.path_params["status"]))

    async def moved(request: Request) -> Response:
        return RedirectResponse("/whole")

    routes = {"whole": whole, "short": short, "stuck": stuck, "moved": moved, "echo": echo}
    app = Starlette(routes=[Route(f"/{name}", endpoint) for name, endpoint in routes.items()])
    app.router.routes.append(Route("/refused/{status}", refused))
    async with serving(app) as at:  # type: ignore[arg-type]
        yield f"http://{at}"


async def read(url: str) -> list[bytes]:
    async with Downloads(stall_seconds=0.2) as downloads, downloads.open(url) as pieces:
        return [piece async for piece in pieces]


async def test_a_file_comes_whole_in_pieces(address: str) -> None:
    pieces = await read(f"{address}/whole")
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= PIECE_BYTES


async def test_a_url_is_taken_as_it_was_signed_and_nothing_goes_along(address: str) -> None:
    (said,) = await read(f"{address}/echo?X-Signature=a%2Fb%20c")
    url, _, headers = said.decode().partition(" ")
    assert url == "/echo?X-Signature=a%2Fb%20c"
    assert not {"authorization", "cookie", "traceparent"} & set(headers.strip("[]").replace("'", "").split(", "))


async def test_what_is_gone_is_told_from_what_failed(address: str) -> None:
    with pytest.raises(NotFound):
        await read(f"{address}/refused/404")


@pytest.mark.parametrize("path", ["short", "stuck", "moved", "refused/403", "refused/503", "refused/206"])
async def test_who_does_not_get_all_of_it_is_told_so(path: str, address: str) -> None:
    with pytest.raises(DependencyUnavailable):
        await read(f"{address}/{path}")


async def test_a_host_that_is_away_is_told(address: str) -> None:
    with pytest.raises(DependencyUnavailable):
        await read("http://127.0.0.1:9/whole")
