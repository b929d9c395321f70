from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
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
from cellblock.limits import MINIMUM_TOKENS, RunLimits
from cellblock.models.protocol import Usage


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def reserved(budget: Budget, chars: int, max_tokens: int | None = None, *, subcall: bool = False) -> Hold:
    hold = budget.reserve(chars, max_tokens, subcall=subcall)
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


@given(st.floats(0, 0.99), st.floats(1, 10))
@example(0.25 + 2**-52 + 2**-53, 1.5 + 2**-52)  # what is left and what is spent add up to more than the limit, by one binary digit
def test_a_models_first_call_does_not_wait_for_itself(spent: float, limit: float) -> None:
    budget = Budget(RunLimits(cost_usd=limit))
    budget.settle(reserved(budget, 4), used(1, 0, cost_usd=spent))
    assert budget.reserve(4, model="another") is not None


def test_with_no_call_in_flight_no_money_is_held() -> None:
    budget = Budget(RunLimits(cost_usd=1.0))
    budget.settle(reserved(budget, 4), used(10, 100, cost_usd=0.01))
    for hold in [reserved(budget, 4 * tokens, 1) for tokens in (1, 1, 1)]:
        budget.release(hold)
    assert budget._ledger.cost_held == 0


@pytest.mark.parametrize("name", ["tokens", "root_tokens", "sub_tokens", "subcall_tokens"])
@pytest.mark.parametrize("value", [0, 49, -1, 50.5, True])
def test_a_token_limit_that_holds_no_prompt_is_a_mistake(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name}="):
        RunLimits(**{name: value})
    RunLimits(**{name: MINIMUM_TOKENS})


@pytest.mark.parametrize("value", [0.0, 1.01, -0.5, float("nan"), None])
def test_a_share_is_a_part_of_one(value: Any) -> None:
    with pytest.raises(ConfigError, match="^child_share="):
        RunLimits(child_share=value)


def test_the_roots_own_loop_has_a_limit_that_sub_calls_do_not_use() -> None:
    budget = Budget(RunLimits(root_tokens=100))
    budget.settle(reserved(budget, 0, 5_000, subcall=True), used(0, 5_000))
    budget.settle(reserved(budget, 0, 90), used(0, 90))
    with pytest.raises(MaxTokensExceeded) as caught:
        budget.reserve(40)
    assert (caught.value.limit, caught.value.allowed, caught.value.used) == ("root_tokens", 100, 101)
    assert budget.over is caught.value


def test_all_below_the_roots_loop_has_one_limit() -> None:
    root = Budget(RunLimits(sub_tokens=100))
    child = root.child()
    root.settle(reserved(root, 0, 5_000), used(0, 5_000))
    root.settle(reserved(root, 0, 40, subcall=True), used(0, 40))
    child.settle(reserved(child, 0, 40), used(0, 40))
    assert reserved(child, 0, 400, subcall=True).max_tokens == 20
    assert root.reserve(0, 1, subcall=True) is None
    with pytest.raises(MaxTokensExceeded, match="sub_tokens=100"):
        root.reserve(80, subcall=True)
    assert root.over is child.over is not None


def test_the_tighter_of_two_limits_wins() -> None:
    budget = Budget(RunLimits(tokens=60, sub_tokens=10**6, root_tokens=10**6))
    for subcall in (False, True):
        hold = reserved(budget, 40, subcall=subcall)
        assert (hold.tokens, hold.max_tokens) == (60, 50)
        budget.release(hold)


def test_a_sub_call_that_is_too_large_is_refused_alone() -> None:
    budget = Budget(RunLimits(subcall_tokens=100))
    with pytest.raises(MaxTokensExceeded) as caught:
        budget.reserve(400, subcall=True)
    assert (caught.value.limit, caught.value.allowed, caught.value.used) == ("subcall_tokens", 100, 101)
    assert budget.over is None
    assert [reserved(budget, 200, subcall=True).max_tokens for _ in range(3)] == [50] * 3
    assert reserved(budget, 4_000).max_tokens is None


def test_under_a_limit_of_each_sub_call_no_answer_is_without_a_bound() -> None:
    budget = Budget(RunLimits(subcall_tokens=100_000))
    assert reserved(budget, 40, subcall=True).max_tokens == ANSWER_TOKENS
    assert reserved(budget, 40, 20_000, subcall=True).max_tokens == 20_000
    assert reserved(budget, 40, 2_000_000, subcall=True).max_tokens == 99_990


@pytest.mark.parametrize("each", [None, 1_000, 100_000])
@pytest.mark.parametrize("wanted", [None, 200, 20_000])
def test_the_usual_bound_is_the_one_of_a_run_with_enough_left(each: int | None, wanted: int | None) -> None:
    budget = Budget(RunLimits(subcall_tokens=each))
    usual = budget.usual_bound(401, wanted)
    assert reserved(budget, 401, wanted, subcall=True).max_tokens == usual
    poor = Budget(RunLimits(subcall_tokens=each, tokens=250))
    assert (reserved(poor, 401, wanted, subcall=True).max_tokens == 149) and usual != 149


def test_a_child_that_has_used_its_share_ends_alone() -> None:
    root = Budget(RunLimits(tokens=1_000, child_share=0.5))
    root.settle(reserved(root, 0, 200), used(0, 200))
    child = root.child()
    child.settle(reserved(child, 0, 4_000), used(0, 400))
    with pytest.raises(MaxTokensExceeded) as caught:
        child.reserve(0, 1)
    assert (caught.value.limit, caught.value.allowed, caught.value.used) == ("child_share", 400, 401)
    assert (child.over, root.over) == (caught.value, None)
    with pytest.raises(MaxTokensExceeded, match="child_share"):
        child.take_step()
    assert reserved(root.child(), 0, 4_000).max_tokens == 200
    root.take_step()


def test_a_child_without_a_share_of_its_own_ends_the_tree() -> None:
    root = Budget(RunLimits(tokens=1_000))
    with pytest.raises(MaxTokensExceeded, match="the run's tokens=1000"):
        root.child().reserve(4_000)
    assert root.over is not None


def test_all_below_a_child_use_its_share_and_end_with_it() -> None:
    root = Budget(RunLimits(tokens=1_000, child_share=0.5, depth=3))
    child = root.child()
    grandchild = child.child()
    child.settle(reserved(child, 0, 400), used(0, 400))
    grandchild.settle(reserved(grandchild, 0, 4_000, subcall=True), used(0, 100))
    with pytest.raises(MaxTokensExceeded):
        grandchild.reserve(0, 1)
    assert grandchild.over is child.over is not None
    assert child.over.allowed == 500
    assert root.over is None


def test_a_share_is_of_the_tightest_limit_above() -> None:
    root = Budget(RunLimits(tokens=1_000, sub_tokens=300, child_share=0.5, depth=3))
    child = root.child()
    assert reserved(child.child(), 0, 4_000).tokens == 75
    assert reserved(child, 0, 75).tokens == 75
    assert child.reserve(0, 1) is None


def test_a_share_that_is_passed_ends_the_child_also_where_the_tree_has_nothing_left() -> None:
    root = Budget(RunLimits(tokens=1_000, child_share=0.9))
    children = [root.child(), root.child()]
    children[0].settle(reserved(children[0], 0, 4_000), used(0, 900))
    with pytest.raises(MaxTokensExceeded, match="child_share"):
        children[0].reserve(4_000)
    assert root.over is children[1].over is None
    with pytest.raises(MaxTokensExceeded, match="the run's tokens=1000"):
        children[1].reserve(400)
    assert root.over is not None


def test_what_was_used_beyond_a_hold_counts_at_the_next_call() -> None:
    root = Budget(RunLimits(tokens=1_000, child_share=0.5))
    child = root.child()
    child.settle(reserved(child, 0, 10), used(0, 600))
    assert (child.over, child.usage) == (None, used(0, 600))
    with pytest.raises(MaxTokensExceeded) as caught:
        child.reserve(0)
    assert (caught.value.limit, caught.value.used) == ("child_share", 601)


def test_a_hold_ends_once() -> None:
    budget = Budget(RunLimits(tokens=100, cost_usd=1.0))
    hold = reserved(budget, 40, 40)
    budget.settle(hold, used(10, 10, cost_usd=0.1))
    budget.settle(hold, used(10, 10, cost_usd=0.1))
    budget.release(hold)
    assert budget.usage == used(10, 10, cost_usd=0.1)
    assert (budget._ledger.tokens_held, reserved(budget, 0).tokens) == (0, 80)


def test_a_childs_end_is_not_hidden_by_the_trees() -> None:
    clock = Clock()
    root = Budget(RunLimits(tokens=100, child_share=0.5), clock=clock)
    child = root.child()
    with pytest.raises(MaxTokensExceeded):
        child.reserve(400)
    clock.now += root.limits.wall_seconds
    assert isinstance(root.expire(), DeadlineExceeded)
    assert (type(child.over), type(root.over)) == (MaxTokensExceeded, DeadlineExceeded)


def test_spending_is_recorded_by_role_model_and_depth() -> None:
    root = Budget(RunLimits())
    child = root.child()
    root.settle(reserved(root, 0, 9), used(1, 2, 0.1), role="root_call", served_by="big")
    child.settle(reserved(child, 0, 9, subcall=True), used(3, 4, 0.2), role="subcall", served_by="small")
    child.settle(reserved(child, 0, 9, subcall=True), used(5, 6, 0.3), role="subcall", served_by="small")
    assert {role: usage.output_tokens for role, usage in root.spending().by_role.items()} == {"root_call": 2, "subcall": 10}
    assert {model: usage.calls for model, usage in root.spending().by_model.items()} == {"big": 1, "small": 2}
    assert {depth: usage.input_tokens for depth, usage in root.spending().by_depth.items()} == {0: 1, 1: 8}
    assert list(child.spending().by_model) == ["small"]
    assert root.spending().total == root.usage


def test_the_record_names_the_model_that_was_reserved_for_where_nobody_says_who_served() -> None:
    budget = Budget(RunLimits())
    budget.settle(budget.reserve(4, model="asked") or pytest.fail(), used(1))
    assert list(budget.spending().by_model) == ["asked"]


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


def test_money_is_held_for_answers_as_long_as_the_model_has_given() -> None:
    budget = Budget(RunLimits(cost_usd=1.0))
    first = budget.reserve(4, model="m")
    assert first is not None
    budget.settle(first, Usage(input_tokens=1, output_tokens=20_000, calls=1, cost_usd=0.2))
    held = [budget.reserve(4, model="m") for _ in range(5)]
    assert [hold is not None for hold in held] == [True, True, True, True, False]
