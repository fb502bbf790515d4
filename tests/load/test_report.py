"""The page is made of what was measured, and no command erases what another has told."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from .figures import Figure, Results, merged
from .limit import NAME
from .pace import DELIVERY
from .report import Run, page, publish
from .saturation import SENDS

MACHINE = {"processor": "Abacus, 2 cores", "Python": "3.11.7"}
WIDTHS = ("10 conversations", "200 conversations")
DELAYS = [f"{DELIVERY}, {part}" for part in ("p50", "p99")]


def measured(sends: list[float], delay: float, paces: tuple[int, ...]) -> Results:
    results = Results()
    for width in WIDTHS:
        results.add(width, Figure(SENDS, "/s", sends))
        results.budgets[width] = {"server": 70.0, "load 1": 5.0}
    for rate in paces:
        results.add(f"paced, {rate}/s", *(Figure(name, "ms", [delay] * len(sends)) for name in DELAYS))
    return results


@pytest.fixture
def peers() -> Run:
    ours = measured([3000.0, 2000.0, 1000.0], 12.0, (500, 10))
    for width in WIDTHS:
        ours.add(width, Figure(NAME, "/s", [30_000.0, 20_000.0, 10_000.0]))
    systems = {
        "ours": ours,
        "ejabberd": measured([1000.0, 1000.0, 1000.0], 3.0, (500, 10)),
        "synapse": measured([50.0, 40.0, 25.0], 120.0, (10,)),
    }
    return Run("2026-01-02", MACHINE, systems, {"ejabberd": "23.01-1", "synapse": "1.163.2"})


@pytest.fixture
def bench() -> Run:
    results = Results(
        ratios=[Figure("long to short", "", [1.5])], budgets={"sockets": {"chat": 100.0, "postgres": 20.0}}
    )
    results.add("PUT", Figure(SENDS, "/s", [90.0, 80.0, 100.0]))
    return Run("2026-01-01", MACHINE, {"ours": results})


def test_each_command_keeps_what_the_other_has_told(tmp_path: Path, peers: Run, bench: Run) -> None:
    publish(tmp_path, "bench", bench)
    publish(tmp_path, "bench-peers", peers)
    both = (tmp_path / "performance.md").read_text()
    publish(tmp_path, "bench", bench)

    assert (tmp_path / "performance.md").read_text() == both == page({"bench": bench, "bench-peers": peers})
    assert "| PUT | durable sends | 90 /s (80 to 100) |" in both
    assert "| **all** | 120 |" in both


def test_a_ratio_is_of_the_same_turn(peers: Run) -> None:
    text = page({"bench-peers": peers})

    assert "| ours to | ejabberd 23.01-1 | Synapse 1.163.2 | asyncpg alone |" in text
    assert "| 10 conversations: durable sends | 2 (1 to 3) | 50 (40 to 60) | 0.1 (0.1 to 0.1) |" in text


def test_who_took_no_part_has_no_number(peers: Run) -> None:
    text = page({"bench-peers": peers})

    assert "| paced, 500/s: send to the other's socket, p50 | 4 (4 to 4) | - | - |" in text
    assert "| 200 conversations: CPU a send, servers and load | 70 + 5 µs | 70 + 5 µs | 70 + 5 µs | - |" in text


def test_a_plot_shows_every_number_within_its_frame(tmp_path: Path, peers: Run) -> None:
    publish(tmp_path, "bench-peers", peers)

    shown = {}
    for name in ("sends", "delays"):
        drawing = ET.parse(tmp_path / "performance" / f"{name}.svg").getroot()
        dots = drawing.findall("{http://www.w3.org/2000/svg}circle")
        assert all(0 < float(dot.attrib["cx"]) < float(drawing.attrib["width"]) for dot in dots)
        assert all(0 < float(dot.attrib["cy"]) < float(drawing.attrib["height"]) for dot in dots)
        shown[name] = (len(dots), {text.text for text in drawing.findall("{http://www.w3.org/2000/svg}text")})
    assert shown["sends"][0] == 8
    assert shown["delays"][0] == 10
    assert {"2,000 /s", "40 /s", "20,000 /s", "10 conversations", "asyncpg alone"} <= shown["sends"][1]
    assert {"12 ms", "120 ms", "paced, 10/s, p99"} <= shown["delays"][1]


def test_turns_are_rounds_of_one() -> None:
    first, second, third = (measured([rate], rate, (10,)) for rate in (3.0, 1.0, 2.0))
    third.budgets[WIDTHS[0]]["load 1"] = second.budgets[WIDTHS[0]]["load 1"] = 9.0

    whole = merged([first, second, third])

    assert whole.figure(WIDTHS[0], SENDS).rounds == [3.0, 1.0, 2.0]
    assert whole.figure("paced, 10/s", DELAYS[0]).value == 2.0
    assert whole.budgets[WIDTHS[0]] == {"server": 70.0, "load 1": 9.0}
