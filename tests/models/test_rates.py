from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.errors import ConfigError
from cellblock.models import rates as rates_module
from cellblock.models.rates import WINDOW_SECONDS, Rates, _Past, admitted

from .virtual_time import run_virtually

Entry = tuple[float, int, int]
"""When it was admitted, its tokens, how many were in flight with it."""


async def used(rates: Rates, calls: list[tuple[float, float, int]]) -> list[Entry]:
    """Calls, each asking at a moment and taking some seconds, and when they were admitted."""
    entries: list[Entry] = []
    in_flight = 0

    async def call(asks: float, takes: float, tokens: int) -> None:
        nonlocal in_flight
        await anyio.sleep(asks)
        async with admitted("key", rates, tokens):
            in_flight += 1
            entries.append((anyio.current_time(), tokens, in_flight))
            await anyio.sleep(takes)
            in_flight -= 1

    async with anyio.create_task_group() as group:
        for one in calls:
            group.start_soon(call, *one)
    return entries


LIMITS = st.none() | st.integers(1, 6)
RATES = st.builds(
    Rates,
    requests_per_minute=LIMITS | st.sampled_from([0.25, 1.5, 2.75]),
    tokens_per_minute=st.none() | st.integers(1, 1_000),
    parallel=LIMITS,
)
CALLS = st.lists(st.tuples(st.floats(0, 200), st.floats(0, 90), st.integers(0, 1_500)), max_size=25)


@given(RATES, CALLS)
def test_no_window_holds_more_than_was_allowed_and_everybody_has_a_turn(rates: Rates, calls: list[tuple[float, float, int]]) -> None:
    entries = run_virtually(used, rates, calls)

    assert len(entries) == len(calls)
    for first, (start, _, in_flight) in enumerate(entries):
        window = [tokens for moment, tokens, _ in entries[first:] if moment < start + WINDOW_SECONDS - 1e-3]
        assert rates.requests_per_minute is None or len(window) <= max(1, rates.requests_per_minute)
        assert rates.tokens_per_minute is None or sum(window) <= rates.tokens_per_minute or sum(map(bool, window)) == 1
        assert rates.parallel is None or in_flight <= rates.parallel


@pytest.mark.parametrize(
    ("rates", "calls", "moments"),
    [
        (Rates(requests_per_minute=2), [(0, 0, 0)] * 5, [0, 0, 60, 60, 120]),
        (Rates(requests_per_minute=0.5), [(0, 0, 0)] * 3, [0, 120, 240]),
        (Rates(requests_per_minute=2.75), [(0, 0, 0)] * 3, [0, 0, 60]),
        (Rates(tokens_per_minute=100), [(0, 0, 60), (0, 0, 40), (0, 0, 1)], [0, 0, 60]),
        (Rates(tokens_per_minute=100), [(0, 0, 60), (30, 0, 60), (31, 0, 40)], [0, 60, 60]),
        (Rates(tokens_per_minute=100), [(0, 0, 10), (1, 0, 900), (2, 0, 1)], [0, 60, 120]),
        (Rates(parallel=2), [(0, 5, 0), (0, 7, 0), (0, 1, 0), (0, 1, 0)], [0, 0, 5, 6]),
        (Rates(requests_per_minute=1, parallel=1), [(0, 90, 0), (0, 1, 0)], [0, 90]),
    ],
)
def test_a_call_waits_no_longer_than_it_has_to(rates: Rates, calls: list[tuple[float, float, int]], moments: list[float]) -> None:
    entries = run_virtually(used, rates, calls)

    assert [moment for moment, _, _ in entries] == pytest.approx(moments, abs=0.01)


def test_turns_come_in_the_order_of_asking() -> None:
    calls = [(0.0, 0.0, 90), (1.0, 0.0, 50), (2.0, 0.0, 1), (3.0, 0.0, 2)]

    entries = run_virtually(used, Rates(tokens_per_minute=100), calls)

    # The small ones would have fitted at once; but then a large one could wait for ever.
    assert [tokens for _, tokens, _ in entries] == [90, 50, 1, 2]


def test_what_was_cancelled_while_waiting_has_used_nothing() -> None:
    async def scenario() -> float:
        rates = Rates(requests_per_minute=1, tokens_per_minute=100, parallel=1)
        async with admitted("key", rates, 10):
            pass
        for tokens in (100, 1, 50):
            with anyio.move_on_after(5) as scope:
                async with admitted("key", rates, tokens):
                    pytest.fail("admitted before its time")
            assert scope.cancelled_caught
        async with admitted("key", rates, 100):
            return anyio.current_time()

    assert run_virtually(scenario) == pytest.approx(60, abs=0.01)


def test_a_cancelled_head_of_the_queue_lets_the_next_one_go() -> None:
    async def scenario() -> float:
        moments: list[float] = []

        async def second() -> None:
            async with admitted("key", Rates(parallel=2), 0):
                moments.append(anyio.current_time())

        async with admitted("key", Rates(parallel=1), 0), anyio.create_task_group() as group:
            with anyio.move_on_after(3):
                async with anyio.create_task_group() as inner:
                    inner.start_soon(_enter_key, "key", Rates(parallel=1))
                    await anyio.sleep(1)
                    group.start_soon(second)
        return moments[0]

    assert run_virtually(scenario) == pytest.approx(3, abs=0.01)


async def _enter_key(key: str, rates: Rates) -> None:
    async with admitted(key, rates, 0):
        pytest.fail("admitted before its time")


def test_a_request_that_fails_or_is_cancelled_is_no_longer_in_flight() -> None:
    async def scenario() -> float:
        rates = Rates(parallel=1)
        with pytest.raises(ZeroDivisionError):
            async with admitted("key", rates, 0):
                raise ZeroDivisionError
        with anyio.move_on_after(2):
            async with admitted("key", rates, 0):
                await anyio.sleep_forever()
        async with admitted("key", rates, 0):
            return anyio.current_time()

    assert run_virtually(scenario) == pytest.approx(2, abs=0.01)


def test_other_keys_and_other_loops_are_not_waited_for() -> None:
    async def scenario(*keys: str) -> float:
        for key in keys:
            async with admitted(key, Rates(requests_per_minute=1), 0):
                pass
        return anyio.current_time()

    assert run_virtually(scenario, "a", "b", "c") < 1
    assert run_virtually(scenario, "a") < 1
    assert run_virtually(scenario, "a", "a") > 59


def test_callers_with_other_rates_for_the_same_key_count_each_others_requests() -> None:
    async def scenario() -> float:
        for _ in range(3):
            async with admitted("key", Rates(requests_per_minute=10), 0):
                pass
        async with admitted("key", Rates(requests_per_minute=2), 0):
            return anyio.current_time()

    assert run_virtually(scenario) == pytest.approx(60, abs=0.01)


def test_a_caller_who_allows_fewer_in_flight_waits_until_so_few_are() -> None:
    async def scenario() -> float:
        async def other(seconds: float) -> None:
            async with admitted("key", Rates(parallel=3), 0):
                await anyio.sleep(seconds)

        async with anyio.create_task_group() as group:
            for seconds in (1, 2, 3):
                group.start_soon(other, seconds)
            await anyio.sleep(0.5)
            async with admitted("key", Rates(parallel=1), 0):
                return anyio.current_time()

    assert run_virtually(scenario) == pytest.approx(3, abs=0.01)


def test_a_slow_key_is_not_forgotten_by_the_minute() -> None:
    async def scenario() -> float:
        rates = Rates(requests_per_minute=0.1)
        async with admitted("key", rates, 0):
            await anyio.sleep(100)
        for number in range(rates_module.MOST_QUEUES + 5):
            async with admitted(str(number), Rates(parallel=1), 0):
                pass
        async with admitted("key", rates, 0):
            return anyio.current_time()

    assert run_virtually(scenario) == pytest.approx(600, abs=0.1)


def test_idle_keys_are_forgotten_once_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates_module, "MOST_QUEUES", 8)

    async def scenario() -> set[str]:
        async with admitted("held", Rates(parallel=1), 0):
            with anyio.move_on_after(1):
                await _enter_key("held", Rates(parallel=1))
            with anyio.move_on_after(1):
                async with admitted("given up", Rates(requests_per_minute=0.5), 0):
                    await _enter_key("given up", Rates(requests_per_minute=0.5))
            for number in range(50):
                async with admitted(str(number), Rates(parallel=1), 0):
                    await anyio.sleep(10)
            return set(rates_module._QUEUES.get())

    names = run_virtually(scenario)
    assert len(names) <= 10 and {"held", "49"} <= names and "given up" not in names


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 100)), min_size=1, max_size=60), st.integers(1, 300))
def test_forgetting_old_uses_changes_no_wait(steps: list[tuple[float, int]], limit: int) -> None:
    rates, past, uses, now = Rates(tokens_per_minute=limit), _Past(), [], 0.0
    for pause, tokens in steps:
        now += pause
        ends = [now, *(moment + WINDOW_SECONDS for moment, _ in uses)]
        free = min(end for end in ends if end >= now and _fits(uses, tokens, limit, end))
        assert past.wait(rates, tokens, now) == pytest.approx(free - now, abs=1e-6)
        now = free
        past.add(tokens, now)
        uses.append((now, tokens))


def _fits(uses: list[tuple[float, int]], tokens: int, limit: int, now: float) -> bool:
    inside = sum(used for moment, used in uses if moment + WINDOW_SECONDS > now)
    return inside + tokens <= limit or inside == 0


def test_ten_thousand_uses_a_minute_cost_microseconds_each() -> None:
    past, rates = _Past(), Rates(requests_per_minute=10_000, tokens_per_minute=10**7)
    for number in range(100_000):
        now = number * 0.006
        assert past.wait(rates, 1_000, now) <= 0.006
        past.add(1_000, now)

    assert len(past._moments) < 30_000


@pytest.mark.parametrize(
    "field",
    [{"requests_per_minute": 0}, {"tokens_per_minute": float("inf")}, {"parallel": 1.5}, {"parallel": True}, {"requests_per_minute": "9"}],
)
def test_rates_that_make_no_sense_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(field))):
        Rates(**field)


def test_without_rates_nothing_is_kept() -> None:
    async def scenario() -> object:
        async with admitted("key", Rates(), 10**9):
            return rates_module._QUEUES.get(None)

    assert run_virtually(scenario) is None


@pytest.mark.anyio
async def test_a_real_loop_waits_and_wakes_as_well() -> None:
    order: list[str] = []
    entered, release = anyio.Event(), anyio.Event()

    async def first() -> None:
        async with admitted("real", Rates(parallel=1), 0):
            entered.set()
            await release.wait()
            order.append("first")

    async def second() -> None:
        await entered.wait()
        async with admitted("real", Rates(parallel=1), 0):
            order.append("second")

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        group.start_soon(second)
        await entered.wait()
        await asyncio.sleep(0)
        release.set()
    assert order == ["first", "second"]
