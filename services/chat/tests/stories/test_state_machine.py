"""With answers lost and sends repeated, devices away or connected: one log, and all who read it agree, after each step.

Most steps are about the message that the last one was about: what goes wrong does so where two things meet.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from .story import Story

SEED = int(os.environ.get("MESSENGER_SEED", "20260131"))
STORIES = settings(
    max_examples=int(os.environ.get("MESSENGER_STORIES", "20")),
    stateful_step_count=40,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
NAMES = ("ada", "bob", "cleo")
PEOPLE = st.integers(0, len(NAMES) - 1)
GUESTS = st.integers(1, len(NAMES) - 1)
WHICH = st.sampled_from([0, 0, 0, 1, 2, 3])
EMOJIS = st.sampled_from(["👍", "no"])


class Stories(RuleBasedStateMachine):
    """The steps of a story. Each is carried out in the event loop in which the app lives."""

    begin: Callable[[Random], Awaitable[Story]]
    run: Callable[[Awaitable[Any]], Any]

    @initialize(chance=st.integers(0, 2**32))
    def once_upon_a_time(self, chance: int) -> None:
        self.story = self.run(self.begin(Random(chance)))

    def _who(self, number: int | None) -> Any:
        return None if number is None else self.story.people[number]

    @rule(who=PEOPLE, text=st.sampled_from(["hi", "so?", "é 👍"]), mention=st.none() | PEOPLE, lost=st.booleans())
    def send(self, who: int, text: str, mention: int | None, lost: bool) -> None:
        self.run(self.story.send(self._who(who), text, mention=self._who(mention), lost=lost))

    @rule(senders=st.lists(PEOPLE, min_size=2, max_size=4))
    def send_at_once(self, senders: list[int]) -> None:
        self.run(self.story.at_once([self._who(each) for each in senders]))

    @rule(which=WHICH, other=st.booleans())
    def repeat(self, which: int, other: bool) -> None:
        self.run(self.story.repeat(which, other=other))

    @rule(which=WHICH, text=st.sampled_from(["better", "worse"]), mention=st.none() | PEOPLE)
    def edit(self, which: int, text: str, mention: int | None) -> None:
        self.run(self.story.edit(which, text, mention=self._who(mention)))

    @rule(who=st.none() | PEOPLE, which=WHICH)
    def delete(self, who: int | None, which: int) -> None:
        self.run(self.story.about(self._who(who), which, "DELETE"))

    @rule(who=PEOPLE, which=WHICH)
    def hide(self, who: int, which: int) -> None:
        self.run(self.story.about(self._who(who), which, "DELETE", params={"for": "me"}))

    @rule(who=PEOPLE, which=WHICH, emoji=EMOJIS, method=st.sampled_from(["PUT", "PUT", "DELETE"]))
    def react(self, who: int, which: int, emoji: str, method: str) -> None:
        self.run(self.story.about(self._who(who), which, method, f"/reactions/{emoji}"))

    @rule(who=PEOPLE, which=WHICH)
    def vanish(self, who: int, which: int) -> None:
        self.run(self.story.vanish(self._who(who), which))

    @rule(which=WHICH, emoji=EMOJIS)
    def all_react(self, which: int, emoji: str) -> None:
        self.run(self.story.all_react(which, emoji))

    @rule(who=GUESTS, by_choice=st.booleans())
    def go(self, who: int, by_choice: bool) -> None:
        self.run(self.story.go(self._who(who), by_choice=by_choice))

    @rule(who=GUESTS, invited=st.booleans())
    def come(self, who: int, invited: bool) -> None:
        self.run(self.story.come(self._who(who), invited=invited))

    @rule(pair=st.permutations(range(len(NAMES))))
    def block(self, pair: list[int]) -> None:
        self.run(self.story.block(self._who(pair[0]), self._who(pair[1])))

    @rule(pair=st.permutations(range(len(NAMES))))
    def make_up(self, pair: list[int]) -> None:
        self.run(self.story.make_up(self._who(pair[0]), self._who(pair[1])))

    @rule(who=PEOPLE, back=st.integers(0, 5), private=st.booleans())
    def read(self, who: int, back: int, private: bool) -> None:
        self.run(self.story.read(self._who(who), back=back, private=private))

    @rule(who=PEOPLE, limit=st.sampled_from([1, 2, 5, 200]))
    def sync(self, who: int, limit: int) -> None:
        self.run(self.story.sync(who, limit))

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "story"):
            self.run(self.story.holds())

    def teardown(self) -> None:
        if hasattr(self, "story"):
            try:
                self.run(self.story.has_held())
            finally:
                self.run(self.story.end())


@pytest.mark.timeout(900)
async def test_all_agree_on_whatever_happened(people, sql, blocks, listening) -> None:
    loop, numbers = asyncio.get_running_loop(), count(1)
    tools = SimpleNamespace(sql=sql, blocks=blocks, listening=listening)

    async def begin(random: Random) -> Story:
        number = next(numbers)
        story = Story(await people(*(f"{name}{number}" for name in NAMES)), tools, random)
        await story.begin()
        return story

    class Here(Stories):
        def begin(self, random: Random) -> Awaitable[Story]:
            return begin(random)

        def run(self, step: Awaitable[Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(step, loop).result()

    print(f"MESSENGER_SEED={SEED}")  # noqa: T201 - shown when it fails
    told = seed(SEED)(Here)
    await asyncio.to_thread(run_state_machine_as_test, told, settings=STORIES)
