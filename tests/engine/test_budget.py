from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine.budget import ANSWER_TOKENS, Budget, Hold
from cellblock.errors import (
    BudgetExceeded,
    ConfigError,
    DeadlineExceeded,
    MaxCostExceeded,
    MaxDepthExceeded,
    MaxStepsExceeded,
    MaxSubcallsExceeded,
    MaxTokensExceeded,
)
from cellblock.limits import RunLimits
from cellblock.models.protocol import Usage


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def reserved(budget: Budget, chars: int, max_tokens: int | None = None) -> Hold:
    hold = budget.reserve(chars, max_tokens)
    assert hold is not None, "crowded"
    return hold


def used(input_tokens: int, output_tokens: int = 0, cost_usd: float | None = None) -> Usage:
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, calls=1, cost_usd=cost_usd)


def test_each_run_has_steps_of_its_own() -> None:
    root = Budget(RunLimits(steps=1))
    child = root.child()
    root.take_step()
    child.take_step()
    with pytest.raises(MaxStepsExceeded):
        child.take_step()
    assert root.over is None


def test_a_batch_of_subcalls_is_taken_whole_or_not_at_all() -> None:
    budget = Budget(RunLimits(subcalls=5))
    budget.take_subcalls(3)
    with pytest.raises(MaxSubcallsExceeded) as caught:
        budget.take_subcalls(3)
    assert (caught.value.allowed, caught.value.used, budget.subcalls) == (5, 6, 3)


def test_after_one_refusal_everything_is_refused_with_the_same_error() -> None:
    root = Budget(RunLimits(subcalls=1))
    with pytest.raises(MaxSubcallsExceeded):
        root.child().take_subcalls(2)
    with pytest.raises(MaxSubcallsExceeded):
        root.reserve(4)


def test_depth_is_counted_from_the_root() -> None:
    budget = Budget(RunLimits(depth=2)).child().child()
    assert (budget.depth, budget.may_descend) == (2, False)
    with pytest.raises(MaxDepthExceeded):
        budget.child()


def test_a_childs_tokens_count_once_for_itself_and_every_run_above() -> None:
    root = Budget(RunLimits())
    child = root.child()
    child.settle(reserved(child, 400), used(100, 20))
    assert child.usage == root.usage == used(100, 20)


def test_reserved_tokens_are_gone_until_they_are_settled() -> None:
    budget = Budget(RunLimits(tokens=1_000))
    hold = reserved(budget, 400, 800)
    assert budget.reserve(40, 100) is None
    budget.release(hold)
    assert budget.reserve(40, 100) is not None


def test_a_call_beside_which_nothing_can_be_waited_for_is_refused() -> None:
    budget = Budget(RunLimits(tokens=1_000))
    reserved(budget, 400, 800)
    with pytest.raises(MaxTokensExceeded):
        budget.reserve(4_000)


def test_settling_gives_back_what_was_not_used() -> None:
    budget = Budget(RunLimits(tokens=1_000))
    budget.settle(reserved(budget, 400, 800), used(100, 10))
    assert reserved(budget, 400, 700).tokens == 800


def test_the_last_tokens_bound_the_answer() -> None:
    budget = Budget(RunLimits(tokens=1_000))
    assert reserved(budget, 400).max_tokens == 900
    assert reserved(Budget(RunLimits(tokens=1_000_000)), 400).max_tokens is None


def test_the_deadline_ends_everything() -> None:
    clock = Clock()
    budget = Budget(RunLimits(wall_seconds=10), clock=clock)
    clock.now += 10
    with pytest.raises(DeadlineExceeded):
        budget.take_subcalls(1)


def test_a_call_that_would_cost_more_than_is_left_is_refused() -> None:
    budget = Budget(RunLimits(cost_usd=1.0))
    budget.settle(reserved(budget, 400), used(100, 0, cost_usd=0.9))
    with pytest.raises(MaxCostExceeded):
        budget.reserve(400)


def test_a_models_first_call_is_made_alone_where_money_is_limited() -> None:
    budget = Budget(RunLimits(cost_usd=1.0))
    budget.settle(budget.reserve(40, model="cheap") or pytest.fail(), used(10, 0, cost_usd=0.0))
    first = budget.reserve(40, model="dear")
    assert first is not None
    assert budget.reserve(40, model="dear") is None
    budget.settle(first, used(10, 256, cost_usd=0.3))
    assert [budget.reserve(40, model="dear") is None for _ in range(3)] == [False, False, True]


def test_with_no_call_in_flight_no_money_is_held() -> None:
    budget = Budget(RunLimits(cost_usd=1.0))
    budget.settle(reserved(budget, 4), used(10, 100, cost_usd=0.01))
    for hold in [reserved(budget, 4 * tokens, 1) for tokens in (1, 1, 1)]:
        budget.release(hold)
    assert budget._ledger.cost_held == 0


def test_an_unknown_price_under_a_money_limit_is_an_error_not_zero() -> None:
    budget = Budget(RunLimits(cost_usd=1.0))
    budget.settle(reserved(budget, 400), used(100))
    with pytest.raises(ConfigError, match="price of a call is unknown"):
        budget.reserve(400)


@given(st.lists(st.tuples(st.integers(0, 4_000), st.one_of(st.none(), st.integers(1, 2_000))), max_size=40))
def test_honest_calls_never_use_more_than_the_limit(calls: list[tuple[int, int | None]]) -> None:
    budget = Budget(RunLimits(tokens=5_000))
    for chars, max_tokens in calls:
        try:
            hold = reserved(budget, chars, max_tokens)
        except BudgetExceeded:
            break
        answer = ANSWER_TOKENS if hold.max_tokens is None else hold.max_tokens
        budget.settle(hold, used(-(-chars // 4), answer))
    assert budget.usage.input_tokens + budget.usage.output_tokens <= 5_000
