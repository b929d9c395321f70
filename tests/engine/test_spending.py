from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine.budget import Budget
from cellblock.engine.spending import RunUsage, Spent, saved
from cellblock.limits import RunLimits
from cellblock.models.protocol import Usage

COSTS = st.one_of(st.floats(0, 10), st.floats(0, 1e-300), st.floats(0, 1.7e308), st.sampled_from([0.1, 0.2, 0.3, 1e-6, 3e-7]))
COUNTS = st.integers(0, 10**12)


@st.composite
def usages(draw: st.DrawFn, costs: st.SearchStrategy[float | None] = COSTS) -> Usage:
    return Usage(
        input_tokens=draw(COUNTS),
        output_tokens=draw(COUNTS),
        cached_tokens=draw(COUNTS),
        calls=draw(st.integers(0, 3)),
        cost_usd=draw(costs),
        estimated=draw(st.booleans()),
    )


def parts(costs: st.SearchStrategy[float | None] = COSTS) -> st.SearchStrategy[list[Spent]]:
    names = st.sampled_from(["a", "b", "c"])
    return st.lists(st.builds(Spent, role=names, model=names, depth=st.integers(0, 2), usage=usages(costs)), max_size=12)


def spent(cost_usd: float | None = None, *, role: str = "r", model: str = "m", depth: int = 0, tokens: int = 1) -> Spent:
    return Spent(role=role, model=model, depth=depth, usage=Usage(input_tokens=tokens, calls=1, cost_usd=cost_usd))


def groups(usage: RunUsage) -> list[Mapping[str, Usage] | Mapping[int, Usage]]:
    return [usage.by_role, usage.by_model, usage.by_depth]


@given(parts(st.one_of(st.none(), COSTS)), st.randoms())
def test_every_way_of_adding_up_gives_exactly_the_total(given_parts: list[Spent], random: object) -> None:
    usage = RunUsage.of(given_parts)
    for group in groups(usage):
        values = list(group.values())
        random.shuffle(values)  # type: ignore[attr-defined]
        assert sum(values, Usage()) == usage.total
    shuffled = sorted(usage.parts, key=lambda part: part.usage.input_tokens)
    assert sum((part.usage for part in shuffled), Usage()) == usage.total
    assert (usage.input_tokens, usage.cost_usd, usage.estimated) == (usage.total.input_tokens, usage.total.cost_usd, usage.total.estimated)


@given(parts(st.floats(0, 1e6)))
def test_the_sum_is_exact_for_fsum_and_next_to_what_was_paid(given_parts: list[Spent]) -> None:
    usage = RunUsage.of(given_parts)
    paid = math.fsum(part.usage.cost_usd or 0.0 for part in given_parts if part.usage.calls)
    costs = [part.usage.cost_usd or 0.0 for part in usage.parts if part.usage.calls]
    assert math.fsum(costs) == (usage.cost_usd or 0.0)
    assert math.isclose(paid, usage.cost_usd or 0.0, rel_tol=1e-12)


def test_floats_that_do_not_add_up_alike_in_every_order_do_here() -> None:
    usage = RunUsage.of([spent(0.1, role="a"), spent(0.2, role="b"), spent(0.3, role="c")])
    orders = list(itertools.permutations(part.usage for part in usage.parts))
    assert {sum(order, Usage()).cost_usd for order in orders} == {usage.cost_usd}
    assert usage.cost_usd == pytest.approx(0.6, rel=1e-15)


def test_costs_whose_rounding_passes_a_power_of_two_add_up_in_every_order() -> None:
    digit = 2.0**-53
    usage = RunUsage.of([spent(1 - 60 * digit, role="z"), *(spent(0.51 * digit, role=f"a{number}") for number in range(101))])
    ordered = [part.usage for part in usage.parts]
    assert sum(reversed(ordered), Usage()) == sum(ordered, Usage()) == usage.total


def test_a_cost_alone_is_not_rounded() -> None:
    assert [RunUsage.of([spent(cost)]).cost_usd for cost in (0.1, 0.3, 1e-9, 5e-324)] == [0.1, 0.3, 1e-9, 5e-324]


def test_an_unknown_price_stays_unknown_where_it_is_and_in_the_total() -> None:
    usage = RunUsage.of([spent(0.5, model="known"), spent(None, model="unknown")])
    assert (usage.cost_usd, usage.by_model["known"].cost_usd, usage.by_model["unknown"].cost_usd) == (None, 0.5, None)


def test_costs_that_nobody_can_add_up_break_nothing() -> None:
    usage = RunUsage.of([spent(1.7e308, model="a"), spent(1.7e308, model="b")])
    assert usage.cost_usd == math.inf
    assert saved(usage.parts, "a", lambda model, used: 1.0) is None


def test_a_runs_usage_is_a_usage_and_survives_pickling() -> None:
    usage = RunUsage.of([spent(0.5, tokens=3), spent(0.25, depth=1, tokens=4)])
    assert usage + Usage(input_tokens=1, calls=1, cost_usd=1.0) == Usage(input_tokens=8, calls=3, cost_usd=1.75)
    assert pickle.loads(pickle.dumps(usage)) == usage
    assert RunUsage.of([]).total == Usage()


def test_parts_stand_in_the_same_order_whichever_came_first() -> None:
    some = [spent(1.0, role="x", depth=1), spent(2.0, role="b"), spent(3.0, role="a", model="z"), spent(4.0, role="a")]
    assert RunUsage.of(some) == RunUsage.of(reversed(some))
    assert [(part.depth, part.role, part.model) for part in RunUsage.of(some).parts] == [
        (0, "a", "m"),
        (0, "a", "z"),
        (0, "b", "m"),
        (1, "x", "m"),
    ]


def test_what_was_saved_is_the_root_models_price_of_the_same_tokens_minus_what_was_paid() -> None:
    usage = RunUsage.of([spent(2.0, model="big", tokens=20), spent(0.5, model="small", tokens=50)])
    asked: list[str] = []

    def price_of(model: str, used: Usage) -> float | None:
        asked.append(model)
        return used.input_tokens * 0.1

    assert saved(usage.parts, "big", price_of) == pytest.approx(7.0 - 2.5)
    assert asked == ["big", "big"]


@pytest.mark.parametrize(("paid", "instead"), [(None, 1.0), (1.0, None)])
def test_nothing_is_said_to_be_saved_where_a_price_is_unknown(paid: float | None, instead: float | None) -> None:
    assert saved([spent(1.0), spent(paid)], "m", lambda model, used: instead) is None
    assert RunUsage.of([spent(paid)]).saved_usd is None


def test_a_childs_spending_is_a_part_of_its_parents() -> None:
    root = Budget(RunLimits(depth=2))
    child = root.child()
    deep = child.child()
    for node, cost in ((root, 0.1), (child, 0.2), (deep, 0.3)):
        hold = node.reserve(4, 4)
        assert hold is not None
        node.settle(hold, spent(cost).usage, role="call", served_by="m")
    assert [list(node.spending().by_depth) for node in (root, child, deep)] == [[0, 1, 2], [1, 2], [2]]
    assert [node.usage.calls for node in (root, child, deep)] == [3, 2, 1]


def test_what_one_model_has_cost_is_no_loss_against_itself() -> None:
    usages = [Usage(input_tokens=tokens, output_tokens=5, calls=1, cost_usd=tokens * 1e-6 + 5 * 2e-6) for tokens in (10, 2_000, 1_000)]
    parts = RunUsage.of([Spent(role=f"r{n}", model="m", depth=0, usage=usage) for n, usage in enumerate(usages)]).parts
    assert saved(parts, "m", lambda model, used: used.input_tokens * 1e-6 + used.output_tokens * 2e-6) == 0.0
