"""The audit of dependencies: what it finds, what it forgives, and that it claims nothing it does not know."""

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "advisories.py"
BAD = {"id": "PYSEC-2099-1", "aliases": ["CVE-2099-1"], "details": "It opens doors.\nMore.", "fixed_in": ["2.0"]}
LATER, PAST = (datetime.now(UTC).date() + timedelta(days=days) for days in (30, -1))


class Index:
    """An index that knows some releases, and how often it was asked."""

    def __init__(self, known):
        self.asked = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                index.asked.append(self.path)
                found = known.get(self.path)
                body = b"<html>" if found == "nonsense" else json.dumps({"vulnerabilities": found}).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Write nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def audit(tmp_path):
    """Audits `good 1.0`, `poor 1.0` and `rare 1.0`, as an index knows them."""
    indexes = []
    source = 'source = { registry = "https://pypi.org/simple" }'
    packages = [f'[[package]]\nname = "{name}"\nversion = "1.0"\n{source}\n' for name in ("good", "poor", "rare")]
    own = '[[package]]\nname = "ours"\nversion = "1"\nsource = { virtual = "." }\n'
    (tmp_path / "uv.lock").write_text("\n".join([*packages, own]))

    def run(known, ignore="", index=None):
        (tmp_path / "pyproject.toml").write_text(f"[tool.advisories]\nignore = [{ignore}]\n")
        indexes.append(Index(known))
        files = ["--lock", tmp_path / "uv.lock", "--config", tmp_path / "pyproject.toml"]
        command = [sys.executable, SCRIPT, "--index", index or indexes[-1].url, *files]
        return subprocess.run(command, capture_output=True, text=True, check=False), indexes[-1].asked

    yield run
    for index in indexes:
        index.close()


def known(poor):
    return {"/good/1.0/json": [], "/poor/1.0/json": poor, "/rare/1.0/json": []}


def test_nothing_wrong_is_no_failure(audit):
    done, asked = audit(known([]))
    assert (done.returncode, sorted(asked)) == (0, sorted(known([])))
    assert "3 releases audited, 0 to act on" in done.stdout


def test_what_is_wrong_fails_and_says_what_helps(audit):
    done, _ = audit(known([BAD]))
    assert done.returncode == 1
    assert "poor 1.0: CVE-2099-1, PYSEC-2099-1 (fixed in 2.0) It opens doors." in done.stderr


def test_what_was_withdrawn_counts_no_more(audit):
    assert audit(known([{**BAD, "withdrawn": "2099-02-01T00:00:00Z"}]))[0].returncode == 0


@pytest.mark.parametrize("name", ["PYSEC-2099-1", "CVE-2099-1"])
def test_what_somebody_looked_at_is_forgiven_for_a_while(audit, name):
    assert audit(known([BAD]), f'{{ id = "{name}", reason = "unused", until = {LATER} }}')[0].returncode == 0
    done, _ = audit(known([BAD]), f'{{ id = "{name}", reason = "unused", until = {PAST} }}')
    assert done.returncode == 1
    assert f"was ignored until {PAST}: unused" in done.stderr


def test_a_release_that_the_index_does_not_know_is_named(audit):
    done, _ = audit(known([]) | {"/rare/1.0/json": None})
    assert done.returncode == 0
    assert "not audited: the index does not know rare 1.0" in done.stdout
    assert "2 releases audited" in done.stdout


@pytest.mark.parametrize("answers", [{}, {"/good/1.0/json": "nonsense"}])
def test_an_index_without_data_fails_nothing_and_is_asked_once(audit, answers):
    done, asked = audit(answers)
    assert (done.returncode, asked) == (0, ["/good/1.0/json"])
    assert "DEPENDENCIES WERE NOT AUDITED" in done.stderr
    assert "audited, " not in done.stdout


def test_an_index_that_is_away_fails_nothing(audit):
    done, _ = audit({}, index="http://127.0.0.1:1")
    assert done.returncode == 0
    assert "DEPENDENCIES WERE NOT AUDITED" in done.stderr
