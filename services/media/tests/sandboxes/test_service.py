"""Whatever is done in a sandbox, the worker goes on, and nothing is left of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from media_service.sandboxes.errors import WorkFailed, WorkKilled, WorkLost
from media_service.sandboxes.limits import Limits
from media_service.sandboxes.service import SandboxService
from servicekit.testing import eventually

Open = Callable[..., SandboxService]


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Sandboxes in which hostile work is done."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    async with AsyncExitStack() as stack:

        def open_sandboxes(at_once: int = 2, **limits: float) -> SandboxService:
            service = SandboxService("hostile", Limits(**{"memory_mib": 512, "cpu_seconds": 20} | limits), at_once)
            stack.push_async_callback(service.close)
            return service

        yield open_sandboxes


async def gone(*pids: int) -> bool:
    """Whether none of these processes is at work: gone, or a zombie that nobody has reaped."""

    def is_alive(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    return not any(map(is_alive, pids))


async def pids_in(path: Path) -> list[int]:
    return await asyncio.to_thread(lambda: [int(pid) for pid in path.read_text().split()] if path.exists() else [])


async def test_work_is_done(sandbox: Open) -> None:
    assert await sandbox().work(["echo", "grüße 😀"]) == "grüße 😀"


async def test_each_answer_goes_to_who_asked(sandbox: Open) -> None:
    service = sandbox(at_once=4)

    answers = await asyncio.gather(*(service.work(["echo", str(number)]) for number in range(40)))

    assert answers == [str(number) for number in range(40)]


@pytest.mark.parametrize("deed", ["devour", "crash"])
async def test_what_takes_too_much_or_crashes_is_ended(sandbox: Open, deed: str) -> None:
    service = sandbox()

    with pytest.raises(WorkKilled):
        await service.work([deed])

    assert await service.work(["echo", "still here"]) == "still here"


async def test_what_calculates_for_ever_is_ended(sandbox: Open) -> None:
    with pytest.raises(WorkKilled):
        await sandbox(cpu_seconds=1).work(["spin"])


async def test_what_writes_without_end_is_ended(sandbox: Open, tmp_path: Path) -> None:
    target = tmp_path / "much"

    with pytest.raises((WorkKilled, WorkFailed)):
        await sandbox(file_mib=4).work(["write much", str(target)])

    assert target.stat().st_size <= 4 << 20


async def test_a_fault_of_ours_is_none_of_the_files(sandbox: Open) -> None:
    with pytest.raises(WorkFailed):
        await sandbox().work(["fail"])


async def test_what_opens_too_many_files_fails(sandbox: Open, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed):
        await sandbox().work(["open many", str(tmp_path / "file")])


async def test_an_answer_without_end_is_ended(sandbox: Open) -> None:
    with pytest.raises(WorkKilled):
        await sandbox().work(["chatter"])


async def test_what_lingers_is_ended_with_all_that_it_started(sandbox: Open, tmp_path: Path) -> None:
    service = sandbox(seconds=4)

    with pytest.raises(WorkLost):
        await service.work(["linger", str(tmp_path / "pids")])

    child, grandchild, _ = await pids_in(tmp_path / "pids")
    await eventually(lambda: gone(child, grandchild))
    assert await service.work(["echo", "next"]) == "next"


async def test_who_asked_may_give_up(sandbox: Open, tmp_path: Path) -> None:
    service = sandbox()
    asking = asyncio.create_task(service.work(["linger", str(tmp_path / "pids")]))
    child, grandchild, _ = await eventually(lambda: pids_in(tmp_path / "pids"))

    asking.cancel()
    await asyncio.wait([asking])

    await eventually(lambda: gone(child, grandchild))


async def test_programs_that_are_left_behind_are_ended(sandbox: Open) -> None:
    pid = int(await sandbox().work(["leave behind"]))

    await eventually(lambda: gone(pid))


async def test_work_of_a_nursery_that_dies_is_lost_and_the_next_is_done(sandbox: Open, tmp_path: Path) -> None:
    service = sandbox()
    asking = asyncio.create_task(service.work(["linger", str(tmp_path / "pids")]))
    child, _, nursery = await eventually(lambda: pids_in(tmp_path / "pids"))

    os.kill(nursery, signal.SIGKILL)

    with pytest.raises(WorkLost):
        await asking
    assert await service.work(["echo", "a new one"]) == "a new one"
    os.killpg(child, signal.SIGKILL)


async def test_all_ends_with_the_service(sandbox: Open, tmp_path: Path) -> None:
    service = sandbox()
    asking = asyncio.create_task(service.work(["linger", str(tmp_path / "pids")]))
    pids = await eventually(lambda: pids_in(tmp_path / "pids"))

    await service.close()

    await eventually(lambda: gone(*pids))
    with pytest.raises(WorkLost):
        await asking


async def test_no_more_is_done_at_once_than_may_be(sandbox: Open, tmp_path: Path) -> None:
    service = sandbox(at_once=1, seconds=600)
    first = asyncio.create_task(service.work(["linger", str(tmp_path / "pids")]))
    await eventually(lambda: pids_in(tmp_path / "pids"))
    second = asyncio.create_task(service.work(["echo", "second"]))

    done, _ = await asyncio.wait([second], timeout=0.3)
    assert not done
    first.cancel()

    assert await second == "second"


async def test_there_are_no_credentials_to_be_found(sandbox: Open, aws_account: str) -> None:
    names = (await sandbox().work(["environment"])).split(",")

    assert not [name for name in names if name.startswith("AWS") or "SECRET" in name or "URL" in name]


async def test_a_sandbox_holds_nothing_open_but_its_answer(sandbox: Open, tmp_path: Path) -> None:
    service = sandbox(at_once=3)
    others = [asyncio.create_task(service.work(["linger", str(tmp_path / f"pids{number}")])) for number in range(2)]
    for number in range(2):
        await eventually(lambda number=number: pids_in(tmp_path / f"pids{number}"))

    assert len((await service.work(["handles"])).split(",")) == 1
    for other in others:
        other.cancel()
    await asyncio.wait(others)
