from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.errors import ModelUnavailable, StoreError
from cellblock.models import Usage
from cellblock.models.cache import CachedAnswer, CachedCalls, FileCache, SingleFlight

from .virtual_time import run_virtually

ANSWER = CachedAnswer(text="yes", model="m", usage=Usage(calls=1))
KEY = "a" * 64
Step = tuple[float, str, float, str, float]
"""When it asks, for which key, how long its call takes, how that ends, and after how long the caller gives up."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0]),
        st.sampled_from("ab"),
        st.sampled_from([0.2, 0.8, 1.7]),
        st.sampled_from(["answer", "answer", "fail"]),
        st.sampled_from([0.4, 1.3, 100.0, 100.0]),
    ),
    max_size=12,
)


@given(STEPS)
def test_there_is_one_call_at_a_time_and_everybody_ends_as_it_should(steps: list[Step]) -> None:
    ends, calls, most = run_virtually(_flown, steps)

    assert set(ends) == set(range(len(steps))), "somebody waits for ever"
    assert most <= 1, "two calls for one key at a time"
    for number, end in ends.items():
        _, _, _, how, _ = steps[number]
        if end == "failed":
            assert number in calls and how == "fail", "somebody got another's failure"
        elif isinstance(end, tuple):
            maker, shared = end
            assert steps[maker][1] == steps[number][1] and steps[maker][3] == "answer" and maker in calls
            assert shared == (maker != number) and (shared or number in calls)
        else:
            assert end == "gave up"


async def _flown(steps: list[Step]) -> tuple[dict[int, Any], set[int], int]:
    flights: SingleFlight[int] = SingleFlight()
    ends: dict[int, Any] = {}
    calls: set[int] = set()
    running = {"a": 0, "b": 0}
    most = 0

    async def one(number: int, step: Step) -> None:
        asks, key, takes, how, gives_up = step

        async def call() -> int:
            nonlocal most
            assert number not in calls
            calls.add(number)
            running[key] += 1
            most = max(most, running[key])
            try:
                await anyio.sleep(takes)
            finally:
                running[key] -= 1
            if how == "fail":
                raise ModelUnavailable("no")
            return number

        await anyio.sleep(asks)
        with anyio.move_on_after(gives_up):
            try:
                ends[number] = await flights.once(key, call)
            except ModelUnavailable:
                ends[number] = "failed"
        ends.setdefault(number, "gave up")

    async with anyio.create_task_group() as group:
        for number, step in enumerate(steps):
            group.start_soon(one, number, step)
    assert not flights._flights, "a flight that never landed"
    return ends, calls, most


async def _together(count: int, once: Callable[[int], Awaitable[Any]]) -> list[Any]:
    results: list[Any] = [None] * count

    async def one(number: int) -> None:
        results[number] = await once(number)

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, number)
    return results


def test_a_hundred_equal_calls_are_one() -> None:
    made: list[int] = []

    async def scenario() -> list[Any]:
        flights: SingleFlight[str] = SingleFlight()

        async def call() -> str:
            made.append(1)
            await anyio.sleep(1)
            return "answer"

        return await _together(100, lambda number: flights.once("key", call))

    results = run_virtually(scenario)
    assert made == [1]
    assert sorted(results) == [("answer", False)] + [("answer", True)] * 99


def test_a_caller_who_gives_up_hands_the_call_to_the_next() -> None:
    made: list[int] = []

    async def scenario() -> list[Any]:
        flights: SingleFlight[int] = SingleFlight()

        async def once(number: int) -> Any:
            async def call() -> int:
                made.append(number)
                await anyio.sleep(10)
                return number

            with anyio.move_on_after(5 if number == 0 else 100):
                return await flights.once("key", call), anyio.current_time()

        return await _together(3, once)

    results = run_virtually(scenario)
    assert made == [0, 1]
    assert results[0] is None
    assert [result[0] for result in results[1:]] == [(1, False), (1, True)]


@pytest.mark.anyio
async def test_another_event_loops_call_is_not_waited_for() -> None:
    flights: SingleFlight[str] = SingleFlight()
    started, release = anyio.Event(), threading.Event()

    async def here() -> str:
        started.set()
        await anyio.to_thread.run_sync(release.wait)
        return "here"

    async def there() -> tuple[str, bool]:
        async def call() -> str:
            return "there"

        return await flights.once("key", call)

    async with anyio.create_task_group() as group:
        group.start_soon(flights.once, "key", here)
        await started.wait()
        assert await anyio.to_thread.run_sync(anyio.run, there) == ("there", False)
        release.set()


class Broken:
    """A store that cannot be used."""

    async def get(self, key: str) -> CachedAnswer | None:
        raise StoreError("cannot be read")

    async def put(self, key: str, answer: CachedAnswer) -> None:
        raise StoreError("cannot be written")

    async def aclose(self) -> None: ...


async def _call() -> CachedAnswer:
    await anyio.sleep(0.01)
    return ANSWER


@pytest.mark.anyio
async def test_an_answer_says_whether_it_was_made_shared_or_stored(tmp_path: Any) -> None:
    calls = CachedCalls(FileCache(tmp_path / "cache"))

    results = await _together(5, lambda number: calls.answer(KEY, _call))

    assert sorted(source for _, source in results) == ["call", "flight", "flight", "flight", "flight"]
    assert await calls.answer(KEY, _call) == (ANSWER, "cache")
    assert {source for _, source in await _together(5, lambda number: calls.answer(KEY, _call))} == {"cache"}
    assert calls.trouble is None


@pytest.mark.anyio
async def test_a_store_in_trouble_costs_nobody_an_answer() -> None:
    calls = CachedCalls(Broken())

    assert await calls.answer(KEY, _call) == (ANSWER, "call")
    assert str(calls.trouble) == "cannot be written"


@pytest.mark.anyio
async def test_a_failed_call_is_not_stored(tmp_path: Any) -> None:
    calls = CachedCalls(FileCache(tmp_path / "cache"))

    async def failing() -> CachedAnswer:
        raise ModelUnavailable("down")

    with pytest.raises(ModelUnavailable, match="down"):
        await calls.answer(KEY, failing)
    assert await calls.answer(KEY, _call) == (ANSWER, "call")


@pytest.mark.anyio
async def test_an_answer_that_is_not_what_its_key_says_is_its_own_callers_alone(tmp_path: Any) -> None:
    calls = CachedCalls(FileCache(tmp_path / "cache"))

    results = await _together(3, lambda number: calls.answer(KEY, _call, worth=lambda: number == 1))

    # The first is cut short, the second makes its own, and that one is shared or found.
    assert [source for _, source in results][:2] == ["call", "call"]
    assert results[2][1] in ("flight", "cache")
    assert await calls.answer(KEY, _call) == (ANSWER, "cache")
