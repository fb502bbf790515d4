"""From a bare Python: which uv is used, and that fetching one stays inside the checkout."""

import os
from pathlib import Path

import pytest

from localcloud import bootstrap


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nobody has uv."""
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def test_the_uv_that_runs_us_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "/somewhere/uv")
    assert bootstrap.find_uv(tmp_path) == Path("/somewhere/uv")


@pytest.mark.usefixtures("bare")
def test_the_checkouts_own_uv_is_used_when_there_is_no_other(tmp_path: Path) -> None:
    own = tmp_path / ".local" / "uv" / "package" / "bin" / "uv"
    own.parent.mkdir(parents=True)
    own.touch()
    assert bootstrap.find_uv(tmp_path) == own


def test_uv_keeps_its_cache_inside_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    assert bootstrap.uv_environment(tmp_path)["UV_CACHE_DIR"] == str(tmp_path / ".local" / "uv" / "cache")


def test_a_cache_that_is_named_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", os.fspath(tmp_path / "shared"))
    assert bootstrap.uv_environment(tmp_path)["UV_CACHE_DIR"] == str(tmp_path / "shared")
