"""Looks up what is known to be wrong with the versions that uv.lock names, in the package index's own JSON API.

https://docs.pypi.org/api/json/ : `vulnerabilities` of each release come from the Python Packaging Advisory Database.
An index that cannot be reached, or has no such data, fails no build: that is said, and nothing is claimed. What is
known and does not concern us stands in `[tool.advisories]` of pyproject.toml, each with a reason and the day on which
somebody has to look again.
"""

import argparse
import asyncio
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
INDEX = "https://pypi.org/pypi"
AT_ONCE = 8
PATIENCE_SECONDS = 20.0
FOUND = 1


@dataclass(frozen=True)
class Release:
    """One version of a package."""

    name: str
    version: str


@dataclass(frozen=True)
class Ignored:
    """An advisory that was looked at and does not concern us, until a day."""

    id: str
    reason: str
    until: date


@dataclass(frozen=True)
class Advisory:
    """Something wrong with a release, by all its names."""

    release: Release
    ids: frozenset[str]
    summary: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        """One line for a person."""
        cure = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fix"
        return f"{self.release.name} {self.release.version}: {', '.join(sorted(self.ids))} ({cure}) {self.summary}"


def locked(lock: Path) -> list[Release]:
    """The releases of a lock file that come from an index."""
    packages = tomllib.loads(lock.read_text())["package"]
    return sorted(
        {Release(each["name"], each["version"]) for each in packages if "registry" in each["source"]},
        key=lambda release: release.name,
    )


def ignored(config: Path) -> list[Ignored]:
    """What pyproject.toml says not to mind."""
    table = tomllib.loads(config.read_text()).get("tool", {}).get("advisories", {})
    return [Ignored(**each) for each in table.get("ignore", [])]


async def look_up(http: httpx.AsyncClient, release: Release) -> list[Advisory] | None:
    """What the index knows of a release; None where it knows no such release."""
    answer = await http.get(f"/{release.name}/{release.version}/json")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    answer.raise_for_status()
    return [_read(release, each) for each in answer.json()["vulnerabilities"] if not each.get("withdrawn")]


def _read(release: Release, told: dict[str, Any]) -> Advisory:
    summary = told.get("summary") or (told.get("details") or "").partition("\n")[0]
    return Advisory(
        release, frozenset({told["id"], *told.get("aliases", ())}), summary[:200], tuple(told.get("fixed_in", ()))
    )


async def look_up_all(index: str, releases: list[Release]) -> tuple[list[Advisory], list[Release]]:
    """All advisories, and the releases that the index does not know. The first answer decides whether to go on.

    Raises `httpx.HTTPError` when the index does not answer as one.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=index, timeout=PATIENCE_SECONDS, follow_redirects=True) as http:

        async def one(release: Release) -> list[Advisory] | None:
            async with gate:
                return await look_up(http, release)

        first = await one(releases[0])
        if first is None:
            return [], releases
        answers = [first, *await asyncio.gather(*map(one, releases[1:]))]
    unknown = [release for release, answer in zip(releases, answers, strict=True) if answer is None]
    return [advisory for answer in answers for advisory in answer or ()], unknown


def judge(advisories: list[Advisory], ignores: list[Ignored], today: date) -> list[str]:
    """What must be done: about advisories that nobody looked at, and about those that somebody has to look at again."""
    named = {ignore.id: ignore for ignore in ignores}
    verdicts = []
    for advisory in advisories:
        known = next((named[each] for each in sorted(advisory.ids) if each in named), None)
        if known is None:
            verdicts.append(str(advisory))
        elif known.until < today:
            verdicts.append(f"{advisory}\n  was ignored until {known.until}: {known.reason}")
    return verdicts


def main(arguments: list[str]) -> int:
    """Audit; returns 1 when something is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", default=INDEX)
    parser.add_argument("--lock", type=Path, default=ROOT / "uv.lock")
    parser.add_argument("--config", type=Path, default=ROOT / "pyproject.toml")
    given = parser.parse_args(arguments)
    releases, ignores = locked(given.lock), ignored(given.config)
    try:
        advisories, unknown = asyncio.run(look_up_all(given.index, releases))
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return _unaudited(f"{given.index} does not answer: {type(error).__name__} {error}".rstrip())
    if len(unknown) == len(releases):
        return _unaudited(f"{given.index} has no data on releases")
    verdicts = judge(advisories, ignores, datetime.now(UTC).date())
    for verdict in verdicts:
        print(verdict, file=sys.stderr)
    for release in unknown:
        print(f"not audited: the index does not know {release.name} {release.version}")
    print(f"{len(releases) - len(unknown)} releases audited, {len(verdicts)} to act on")
    return FOUND if verdicts else 0


def _unaudited(why: str) -> int:
    print(f"DEPENDENCIES WERE NOT AUDITED: {why}. Nothing is known of them, good or bad.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
