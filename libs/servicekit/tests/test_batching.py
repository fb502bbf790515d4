"""Group commit: nobody waits without need, and one's own result comes back whatever happens to the others."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit.batching import Batcher


class Work:
    """Doubles numbers, a batch at a time; a batch ends when the test lets it."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.running = self.most_running = 0
        self.gate = asyncio.Event()
        if not held:
            self.gate.set()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.running -= 1
        return [item * 2 for item in items]


@settings(max_examples=100)
@given(
    arrivals=st.lists(st.integers(0, 5), max_size=30),
    limit=st.integers(1, 7),
    concurrency=st.integers(1, 3),
)
async def test_everyone_gets_their_own_result(arrivals: list[int], limit: int, concurrency: int) -> None:
    work = Work()
    batcher = Batcher(work, limit=limit, concurrency=concurrency)
    futures: list[asyncio.Future[int]] = []
    for burst in arrivals:
        futures += [batcher.submit(len(futures) + offset) for offset in range(burst)]
        await asyncio.sleep(0)

    results = await asyncio.gather(*futures)

    assert results == [2 * item for item in range(len(futures))]
    assert [item for batch in work.batches for item in batch] == list(range(len(futures)))
    assert all(len(batch) <= limit for batch in work.batches)
    assert work.most_running <= concurrency


async def test_an_item_that_comes_alone_goes_at_once() -> None:
    work = Work(held=True)
    batcher = Batcher(work)

    batcher.submit(1)
    await asyncio.sleep(0)

    assert work.batches == [[1]]
    work.gate.set()
    await batcher.drain()


async def test_what_comes_while_a_batch_is_under_way_goes_together() -> None:
    work = Work(held=True)
    batcher = Batcher(work)

    first = batcher.submit(1)
    await asyncio.sleep(0)
    others = [batcher.submit(number) for number in (2, 3, 4)]
    assert batcher.waiting == 3
    work.gate.set()
    await asyncio.gather(first, *others)

    assert work.batches == [[1], [2, 3, 4]]


async def test_one_item_fails_alone() -> None:
    async def work(items: Sequence[int]) -> list[int | BaseException]:
        return [ValueError(item) if item == 2 else item for item in items]

    batcher: Batcher[int, int] = Batcher(work)
    results = await asyncio.gather(*map(batcher.submit, (1, 2, 3)), return_exceptions=True)

    assert results[0] == 1
    assert results[2] == 3
    assert isinstance(results[1], ValueError)


async def test_a_batch_that_fails_fails_for_all_in_it_and_for_nobody_else() -> None:
    async def work(items: Sequence[int]) -> list[int]:
        if 2 in items:
            raise ConnectionError("lost")
        return list(items)

    batcher: Batcher[int, int] = Batcher(work, limit=2)
    results = await asyncio.gather(*map(batcher.submit, (1, 2, 3)), return_exceptions=True)

    assert [type(result) for result in results] == [ConnectionError, ConnectionError, int]


async def test_work_that_loses_a_result_fails_instead_of_leaving_somebody_to_wait() -> None:
    async def work(items: Sequence[int]) -> list[int]:
        return list(items)[1:]

    batcher: Batcher[int, int] = Batcher(work)

    with pytest.raises(ValueError, match="2 items got 1 results"):
        await asyncio.gather(*map(batcher.submit, (1, 2)))
    await batcher.drain()


async def test_somebody_who_stopped_waiting_takes_nothing_from_the_others() -> None:
    work = Work(held=True)
    batcher = Batcher(work)
    futures = [batcher.submit(number) for number in (1, 2, 3)]
    await asyncio.sleep(0)

    futures[1].cancel()
    work.gate.set()

    assert await futures[0] == 2
    assert await futures[2] == 6


async def test_draining_waits_for_everything_that_was_handed_in() -> None:
    batcher = Batcher(Work(), limit=1)
    futures = [batcher.submit(number) for number in range(5)]

    await batcher.drain()

    assert all(future.done() for future in futures)
