"""Runs, calls, failures and overdrafts in any order, against a ledger that is added up afresh from its entries each time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from cellblock.engine.budget import ANSWER_TOKENS, Budget, Hold
from cellblock.errors import BudgetExceeded, MaxCostExceeded, MaxSubcallsExceeded, MaxTokensExceeded
from cellblock.limits import RunLimits
from cellblock.models.protocol import Usage
from cellblock.models.replies import BYTES_PER_TOKEN

PRICE_USD = 0.001
"""Of one token; every model's."""


@dataclass(eq=False)
class Node:
    budget: Budget
    parent: Node | None = None
    share: int | None = None
    over: str | None = None

    def line(self) -> list[Node]:
        return [self, *(self.parent.line() if self.parent else [])]


@dataclass(eq=False, kw_only=True)
class Entry:
    """One call: in flight while it has no usage and was not lost."""

    node: Node
    subcall: bool
    role: str
    model: str
    hold: Hold
    usage: Usage | None = None
    lost: bool = False

    @property
    def tokens(self) -> int:
        if self.lost:
            return 0
        return self.hold.tokens if self.usage is None else total(self.usage)


@dataclass(kw_only=True)
class Request:
    node: Node
    prompt_bytes: int
    max_tokens: int | None
    model: str
    subcall: bool

    @property
    def prompt(self) -> int:
        return -(-self.prompt_bytes // BYTES_PER_TOKEN)


@dataclass
class Reach:
    """One limit and the calls that it is about."""

    limit: str
    allowed: int
    about: Callable[[Entry], bool]
    ends: Node | None = field(default=None)


def total(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens


class Spending(RuleBasedStateMachine):
    @initialize(
        limits=st.builds(
            RunLimits,
            tokens=st.one_of(st.integers(50, 4_000), st.integers(10_000, 30_000)),
            root_tokens=st.one_of(st.none(), st.integers(50, 2_000)),
            sub_tokens=st.one_of(st.none(), st.integers(50, 2_000)),
            subcall_tokens=st.one_of(st.none(), st.integers(50, 600), st.integers(5_000, 8_000)),
            child_share=st.sampled_from([1.0, 0.9, 0.5, 0.1, 0.001]),
            cost_usd=st.one_of(st.none(), st.floats(0.01, 4)),
            depth=st.integers(0, 3),
            subcalls=st.integers(1, 60),
            steps=st.just(1_000),
        )
    )
    def open(self, limits: RunLimits) -> None:
        self.limits = limits
        self.nodes = [Node(Budget(limits, clock=lambda: 0.0))]
        self.root = self.nodes[0]
        self.entries: list[Entry] = []
        self.taken = 0

    @property
    def in_flight(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.usage is None and not entry.lost]

    def reaches(self, node: Node, subcall: bool) -> list[Reach]:
        """Narrowest first."""
        found = [
            Reach("child_share", one.share, lambda e, one=one: one in e.node.line(), one) for one in node.line() if one.share is not None
        ]
        if subcall and self.limits.subcall_tokens is not None:
            found.insert(0, Reach("subcall_tokens", self.limits.subcall_tokens, lambda e: False))
        below = subcall or node is not self.root
        kind, allowed = ("sub_tokens", self.limits.sub_tokens) if below else ("root_tokens", self.limits.root_tokens)
        if allowed is not None:
            found.append(Reach(kind, allowed, lambda e: (e.subcall or e.node is not self.root) == below, self.root))
        return [*found, Reach("tokens", self.limits.tokens, lambda e: True, self.root)]

    def used(self, reach: Reach, *, held: bool = False) -> int:
        return sum(entry.tokens for entry in self.entries if reach.about(entry) and (held or entry.usage is not None))

    def paid(self) -> float:
        return math.fsum(entry.usage.cost_usd or 0.0 for entry in self.entries if entry.usage is not None)

    @rule(data=st.data())
    def open_a_child(self, data: st.DataObject) -> None:
        parents = [node for node in self.nodes if node.budget.may_descend]
        if not parents:
            return
        parent = data.draw(st.sampled_from(parents))
        child = Node(parent.budget.child(), parent)
        if self.limits.child_share < 1:
            left = min(max(0, reach.allowed - self.used(reach)) for reach in self.reaches(child, False))
            child.share = int(self.limits.child_share * left)
        self.nodes.append(child)

    @rule(data=st.data(), count=st.integers(1, 5))
    def count_subcalls(self, data: st.DataObject, count: int) -> None:
        node = data.draw(st.sampled_from(self.nodes))
        was_over = node.budget.over
        try:
            node.budget.take_subcalls(count)
            self.taken += count
        except MaxSubcallsExceeded as error:
            assert was_over is error or self.taken + count > self.limits.subcalls
            self.root.over = self.root.over or "subcalls"
        except BudgetExceeded as error:
            assert was_over is error
        assert self.root.budget.subcalls == self.taken <= self.limits.subcalls

    @rule(data=st.data(), wait=st.booleans())
    def call(self, data: st.DataObject, wait: bool) -> None:
        request = Request(
            node=data.draw(st.sampled_from(self.nodes)),
            prompt_bytes=data.draw(st.one_of(st.integers(0, 400), st.integers(0, 4_000))),
            max_tokens=data.draw(st.one_of(st.none(), st.integers(1, 300), st.just(9_000))),
            model=data.draw(st.sampled_from(["big", "small"])),
            subcall=data.draw(st.booleans()),
        )
        while not self.answered(request) and wait:
            self.end_one(data)

    def answered(self, request: Request) -> bool:
        """Whether the call was made or refused; else it waits for one in flight."""
        was_over = request.node.budget.over
        budget = request.node.budget
        try:
            hold = budget.reserve(request.prompt_bytes, request.max_tokens, model=request.model, subcall=request.subcall)
        except BudgetExceeded as error:
            if was_over is None:
                self.refused(request, error)
            else:
                assert was_over is error
            return True
        assert was_over is None
        assert all(self.used(reach) + request.prompt < reach.allowed for reach in self.reaches(request.node, request.subcall))
        if hold is None:
            assert self.in_flight, "nothing will ever end, and the call waits"
            return False
        self.made(request, hold)
        return True

    def refused(self, request: Request, error: BudgetExceeded) -> None:
        full = [r for r in self.reaches(request.node, request.subcall) if self.used(r) + request.prompt >= r.allowed]
        if isinstance(error, MaxCostExceeded):
            assert not full
            self.root.over = error.limit
            return
        assert isinstance(error, MaxTokensExceeded)
        assert (error.limit, error.allowed) == (full[0].limit, full[0].allowed)
        assert error.used == self.used(full[0]) + request.prompt + 1
        if full[0].ends is not None:
            full[0].ends.over = error.limit

    def made(self, request: Request, hold: Hold) -> None:
        wanted = ANSWER_TOKENS if request.max_tokens is None else request.max_tokens
        bound = wanted if hold.max_tokens is None else hold.max_tokens
        assert hold.tokens == request.prompt + bound
        assert bound <= wanted
        role = "subcall" if request.subcall else "call"
        self.entries.append(Entry(node=request.node, subcall=request.subcall, role=role, model=request.model, hold=hold))
        for reach in self.reaches(request.node, request.subcall):
            assert self.used(reach, held=True) <= reach.allowed
        if request.subcall and self.limits.subcall_tokens is not None:
            assert hold.max_tokens is not None
            assert hold.tokens <= self.limits.subcall_tokens
        if self.limits.cost_usd is not None:
            if not any(entry.model == request.model and entry.usage is not None for entry in self.entries):
                assert math.isclose(hold.cost_usd, self.limits.cost_usd - self.paid()), "a model's first call is alone"
            assert self.paid() + math.fsum(entry.hold.cost_usd for entry in self.in_flight) <= self.limits.cost_usd * (1 + 1e-9)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def end_one(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.in_flight))
        budget, hold = entry.node.budget, entry.hold
        how = data.draw(st.sampled_from(["honest", "honest", "over", "lost", "twice"]))
        if how == "lost":
            entry.lost = True
            budget.release(hold)
            return
        tokens = data.draw(st.integers(0, hold.tokens)) + (data.draw(st.integers(1, 500)) if how == "over" else 0)
        given = data.draw(st.integers(0, tokens))
        usage = Usage(input_tokens=given, output_tokens=tokens - given, calls=1, cost_usd=tokens * PRICE_USD)
        entry.usage = usage
        budget.settle(hold, usage, role=entry.role, served_by=entry.model)
        if how == "twice":
            budget.release(hold)
            budget.settle(hold, usage, role=entry.role, served_by=entry.model)

    @invariant()
    def what_ended_is_over_and_nothing_else(self) -> None:
        for node in self.nodes:
            expected = next((one.over for one in node.line() if one.over is not None), None)
            assert (node.budget.over.limit if node.budget.over else None) == expected

    @invariant()
    def every_node_has_what_it_and_those_below_it_used(self) -> None:
        for node in self.nodes:
            entries = [entry for entry in self.entries if entry.usage is not None and node in entry.node.line()]
            spending = node.budget.spending()
            counted = (spending.input_tokens, spending.output_tokens, spending.calls)
            assert counted == (
                sum(entry.usage.input_tokens for entry in entries if entry.usage),
                sum(entry.usage.output_tokens for entry in entries if entry.usage),
                len(entries),
            )
            for name, usage in spending.by_model.items():
                assert usage.calls == sum(entry.model == name for entry in entries)
            for group in (spending.by_role, spending.by_model, spending.by_depth):
                assert sum(group.values(), Usage()) == spending.total == node.budget.usage

    @invariant()
    def what_is_held_is_what_is_in_flight(self) -> None:
        ledger = self.root.budget._ledger
        assert ledger.tokens_held == sum(entry.hold.tokens for entry in self.in_flight)
        assert ledger.holds == {entry.hold for entry in self.in_flight}
        for node in self.nodes:
            for subcall in (False, True):
                caps = list(node.budget._caps(subcall))
                held = [sum(e.hold.tokens for e in self.in_flight if reach.about(e)) for reach in self.reaches(node, subcall)]
                assert [cap.held for cap in caps] == held

    def teardown(self) -> None:
        if not hasattr(self, "root"):
            return
        for entry in self.in_flight:
            entry.lost = True
            entry.node.budget.release(entry.hold)
        self.what_is_held_is_what_is_in_flight()
        for node in self.nodes:
            request = Request(node=node, prompt_bytes=4, max_tokens=1, model="big", subcall=False)
            assert self.answered(request), "nothing is in flight, and a call waits"
            for entry in self.in_flight:
                entry.lost = True
                entry.node.budget.release(entry.hold)


def test_no_order_of_calls_passes_a_limit_loses_a_token_or_waits_for_ever() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Spending,
        settings=settings(max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]),
    )
