"""Files from the command line: sent, resumed after a kill, cancelled, refused; to the library and to somebody."""

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from messengerctl.accounts import client_of
from messengerctl.client.uploads import Uploads, Wish
from messengerctl.people import People, Person
from messengerctl.pictures import paint
from messengerctl.uploads import Draft, Drafts, LocalFile, Sender, share
from servicekit.testing import eventually

MIB = 1024 * 1024
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def people(tmp_path: Path, stranger: Person) -> People:
    """A folder in which one person has signed up."""
    kept = People(tmp_path / "people")
    kept.save(stranger)
    return kept


@pytest.fixture
def command(suite, tmp_path: Path, people: People) -> Callable[..., list[str]]:
    """What one types to upload."""

    def words(*arguments: object) -> list[str]:
        profile = ["--state", str(suite.path), "--profile", str(tmp_path / "people")]
        return [sys.executable, "-m", "messengerctl", *profile, "upload", *map(str, arguments)]

    return words


@pytest.fixture
def upload(command) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Upload, and wait for the end of the command."""

    def run(*arguments: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **variables}
        return subprocess.run(
            command(*arguments), env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(paint(300, 200, seed=int.from_bytes(os.urandom(4))))
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of two parts."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(64) + bytes(17 * MIB))
    return path


class Gate:
    """A proxy between a client and everything, which holds back all parts but the first until it is opened.

    `sent` has the number of each part that went to the bucket, which is empty for a file in one piece.
    """

    def __init__(self) -> None:
        self.open, self.held = threading.Event(), threading.Event()
        self.sent: list[str] = []
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                number = parse_qs(urlsplit(self.path).query).get("partNumber", [""])[0]
                if number not in ("", "1") and not gate.open.is_set():
                    gate.held.set()
                    gate.open.wait()
                    return
                if self.command == "PUT":
                    gate.sent.append(number)
                kept = {name: value for name, value in self.headers.items() if name.lower() != "proxy-connection"}
                with httpx.Client(trust_env=False, timeout=60) as onward:
                    answer = onward.request(self.command, self.path, content=body, headers=kept)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("content-type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def do_GET(self) -> None:
                self.do_POST()

            def do_PUT(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Write nothing to the test's own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.variables = {"HTTP_PROXY": f"http://127.0.0.1:{self._server.server_port}", "NO_PROXY": "", "no_proxy": ""}

    def __enter__(self) -> "Gate":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as standing:
        yield standing


@pytest.fixture
def break_off(command, gate, large, people, stranger) -> Callable[[signal.Signals], "subprocess.CompletedProcess[str]"]:
    """Upload a large file, and end that by a signal when the first of its parts has arrived and no more."""
    wish = Wish(
        filename=large.name,
        content_type="application/octet-stream",
        size=large.stat().st_size,
        sha256=hashlib.sha256(large.read_bytes()).hexdigest(),
    )

    async def arrived() -> list[bool]:
        """Which parts have."""
        draft = Drafts(people.uploads(stranger)).begin(wish)
        async with client_of(people.load(stranger.username)) as client:
            headers = {"idempotency-key": draft.key}
            answer = await client.request("POST", "/v1/uploads", json=draft.wish.model_dump(), headers=headers)
            path = f"/v1/uploads/{answer.json()['media_id']}/parts"
            return [part["uploaded"] for part in (await client.request("POST", path)).json()["items"]]

    async def only_the_first() -> bool:
        return await arrived() == [True, False]

    def end(number: signal.Signals) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **gate.variables}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command(large), env=environment, **pipes) as running:
            assert gate.held.wait(60), "the second part was never sent"
            asyncio.run(eventually(only_the_first, 30))
            running.send_signal(number)
            out, err = running.communicate(timeout=60)
        return subprocess.CompletedProcess(running.args, running.returncode, out, err)

    return end


def test_a_picture_is_uploaded_and_told_of(upload, picture):
    done = upload(picture)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"✓ a\.png +{ID.pattern} +image +image/png +[\d.]+ k?B?.*300x200", done.stdout)
    assert done.stderr == "", "there is no bar where there is no terminal"


def test_what_is_there_already_is_not_sent_again(upload, picture, gate):
    first = ID.search(upload(picture).stdout)
    again = upload(picture, **gate.variables)
    assert ID.search(again.stdout)[0] == first[0]
    assert (again.returncode, gate.sent) == (0, [])


def test_a_killed_upload_goes_on_where_it_stopped(upload, break_off, gate, large):
    killed = break_off(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    gate.open.set()
    gate.sent.clear()
    done = upload(large, **gate.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ large.bin" in done.stdout
    assert gate.sent == ["2"]


def test_an_interrupted_upload_says_how_to_go_on_and_can_be_cancelled(upload, break_off, large, people, stranger):
    stopped = break_off(signal.SIGINT)
    assert stopped.returncode == 130
    assert "the same command goes on from here" in stopped.stdout
    cancelled = upload(large, "--cancel")
    assert (cancelled.returncode, bool(ID.search(cancelled.stdout))) == (0, True)
    assert asyncio.run(usage(stranger)) == {"used": 0, "reserved": 0}
    assert "was not under way" in upload(large, "--cancel").stdout


async def usage(person: Person) -> dict[str, int]:
    async with client_of(person) as client:
        told = (await client.request("GET", "/v1/media/usage")).json()
        return {name: told[name] for name in ("used", "reserved")}


def test_a_file_that_is_not_what_it_says_is_refused_with_a_remedy(upload, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"this is no picture")
    done = upload(path)
    assert done.returncode == 1
    assert "rejected: type_mismatch  it is not what its name or --type says" in done.stdout
    right = upload(path, "--type", "text/plain")
    assert right.returncode == 0, right.stdout


def test_pictures_are_sent_to_somebody_in_one_message(upload, picture, people, bob, tmp_path):
    people.save(bob)
    other = tmp_path / "b.png"
    other.write_bytes(paint(50, 40, seed=int.from_bytes(os.urandom(4))))
    mine = next(name for name in people.uploads(bob).parent.parent.glob("*.json") if name.stem != bob.username).stem
    done = upload(picture, other, "--as", mine, "--to", bob.username, "--caption", "look")
    assert done.returncode == 0, done.stdout + done.stderr
    message = asyncio.run(newest_message(bob))
    assert message.text == "look"
    assert [each.id for each in message.media] == ID.findall(done.stdout)[:2]


async def test_a_message_whose_sender_died_before_telling_of_it_is_not_sent_twice(picture, stranger, bob, tmp_path):
    drafts = Drafts(tmp_path / "drafts")

    async def send() -> tuple[Draft, str]:
        async with client_of(stranger) as client, Uploads(client) as uploads:
            sender = Sender(uploads, drafts, "message")
            with LocalFile(picture) as file:
                draft, media_id = await sender.send(await sender.begin(file), file, lambda _: None)
                files = [(draft, await sender.end(draft, media_id))]
            return draft, await share(client, "", bob.user_id, "look", files)

    draft, first = await send()
    assert (await send())[1] == first
    drafts.forget(draft)
    assert (await send())[1] != first


async def newest_message(person: Person):
    async with client_of(person) as client:
        newest = await anext(client.conversations())
        return (await client.messages(newest.id, limit=1)).items[0]


def test_a_caption_without_a_recipient_is_kept_with_the_file(upload, picture, stranger):
    media_id = ID.search(upload(picture, "--caption", "a slope").stdout)[0]
    assert asyncio.run(caption_of(stranger, media_id)) == "a slope"


async def caption_of(person: Person, media_id: str) -> str:
    async with client_of(person) as client:
        return (await client.request("GET", f"/v1/media/{media_id}")).json()["caption"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.png",), "nowhere.png cannot be read"),
        (("a.png", "--to", "nobody"), "nobody neither signed up from here nor is it the id of a conversation"),
        (("a.png", "--as", "nobody"), "nobody did not sign up from here"),
    ],
    ids=["no such file", "nobody to send it to", "nobody who sends it"],
)
def test_what_will_not_do_is_said_before_anything_is_sent(upload, arguments, told):
    done = upload(*arguments)
    assert (done.returncode, told in done.stdout) == (1, True), done.stdout


def test_an_empty_file_is_refused(upload, tmp_path):
    (tmp_path / "empty.txt").touch()
    done = upload(tmp_path / "empty.txt")
    assert (done.returncode, "is empty" in done.stdout) == (1, True)
