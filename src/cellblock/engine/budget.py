"""The run's budget: one ledger for the whole tree, a node of its own for each run.

A call reserves before it is made and settles after, at every cap in whose reach it is. Steps belong to each run; sub-calls, tokens,
money and the deadline to the tree, so a child draws on its parent's and nothing is counted twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import (
    BudgetExceeded,
    DeadlineExceeded,
    MaxDepthExceeded,
    MaxStepsExceeded,
    MaxSubcallsExceeded,
)
from ..limits import RunLimits
from ..models.protocol import Usage
from ..models.replies import BYTES_PER_TOKEN
from .caps import Cap, Purse, Scope
from .spending import RunUsage, Spent

ANSWER_TOKENS = 4_096
"""The least that is reserved for an answer whose length nobody bounded. Not given to the model, since a bound of ours could be above its
own maximum; but under `subcall_tokens` it is, or a cell could pass that limit by asking for a long answer."""
_OF_ONE_CALL = frozenset({"subcall_tokens", "steps", "depth"})
"""Limits that end no run's budget."""
PRICED_TOKENS = 256
"""Of such an answer, what is expected to be paid, as long as the model's answers have not been longer. Most are
short, and money that is held back too early ends a run too early."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hold:
    """What one call has reserved. The first `settle` or `release` ends it; a second one does nothing."""

    tokens: int
    prompt: int
    """Those of them that are for the prompt, by estimate."""
    cost_usd: float
    model: str
    max_tokens: int | None
    """The bound to give to the model: the caller's own, or tighter."""
    caps: tuple[Cap, ...] = field(repr=False)
    """Where the tokens are held."""


@dataclass(slots=True)
class _Ledger:
    """What the whole tree shares."""

    limits: RunLimits
    clock: Callable[[], float]
    deadline: float
    scope: Scope
    tokens: Cap
    root_tokens: Cap | None
    sub_tokens: Cap | None
    purse: Purse
    subcalls: int = 0
    holds: set[Hold] = field(default_factory=set)
    """Of calls in flight."""

    @classmethod
    def opened(cls, limits: RunLimits, clock: Callable[[], float], used_seconds: float) -> _Ledger:
        scope = Scope()

        def cap(limit: str, allowed: int | None) -> Cap | None:
            return None if allowed is None else Cap(limit=limit, allowed=allowed, scope=scope)

        return cls(
            limits=limits,
            clock=clock,
            deadline=clock() + limits.wall_seconds - used_seconds,
            scope=scope,
            tokens=Cap(limit="tokens", allowed=limits.tokens, scope=scope),
            root_tokens=cap("root_tokens", limits.root_tokens),
            sub_tokens=cap("sub_tokens", limits.sub_tokens),
            purse=Purse(allowed=limits.cost_usd, scope=scope),
        )

    @property
    def tokens_held(self) -> int:
        return self.tokens.held

    @property
    def cost_held(self) -> float:
        return math.fsum(hold.cost_usd for hold in self.holds)

    def crowded_by_price(self, price: float) -> bool:
        held = self.cost_held
        return held > 0 and self.purse.crowded(held + price)

    def open(self, hold: Hold) -> Hold:
        self.holds.add(hold)
        for cap in hold.caps:
            cap.held += hold.tokens
        return hold

    def close(self, hold: Hold) -> bool:
        """Give back what `hold` holds; False where that was done before."""
        if hold not in self.holds:
            return False
        self.holds.remove(hold)
        for cap in hold.caps:
            cap.held -= hold.tokens
        return True


class Budget:
    """One run's node of the tree.

    Args:
        limits: of the run and all its child runs.
        clock: in seconds, never back.
        used_seconds: of `wall_seconds`, by earlier attempts of the same run.

    Attributes:
        depth: 0 for the root.
        steps: taken by this run.
    """

    def __init__(self, limits: RunLimits, *, clock: Callable[[], float] = time.monotonic, used_seconds: float = 0.0) -> None:
        self._ledger = _Ledger.opened(limits, clock, used_seconds)
        self._scope = self._ledger.scope
        self._share: Cap | None = None
        self._parent: Budget | None = None
        self._spent: dict[tuple[str, str, int], Usage] = {}
        self.depth = self.steps = 0

    @property
    def limits(self) -> RunLimits:
        """The limits that the run began with."""
        return self._ledger.limits

    @property
    def subcalls(self) -> int:
        """Sub-calls and child runs of the whole tree."""
        return self._ledger.subcalls

    @property
    def usage(self) -> Usage:
        """Of this run and its children; of the whole tree at the root."""
        return self.spending().total

    @property
    def over(self) -> BudgetExceeded | None:
        """The limit that ended this run, one above it or the tree; None while there is budget left. A run's steps are not in here."""
        return next((node._scope.over for node in self._line() if node._scope.over is not None), None)

    @property
    def may_descend(self) -> bool:
        """Whether a child run may still be opened here."""
        return self.depth < self.limits.depth

    def child(self) -> Budget:
        """The node of a child run, with steps of its own, and its share of the tokens that are left.

        Raises:
            MaxDepthExceeded: this run is at the deepest level. The tree's budget is not over.
        """
        if not self.may_descend:
            raise MaxDepthExceeded("depth", allowed=self.limits.depth, used=self.depth + 1)
        node = Budget.__new__(Budget)
        node._ledger, node._parent = self._ledger, self
        node._scope, node._share, node._spent = Scope(), None, {}
        node.depth, node.steps = self.depth + 1, 0
        if (share := self.limits.child_share) < 1:
            left = min(cap.left for cap in node._caps(subcall=False))
            node._share = Cap(limit="child_share", allowed=int(share * left), scope=node._scope)
        return node

    def take_step(self, *, again: bool = False) -> None:
        """Count one reply of this run's model.

        Args:
            again: an earlier attempt of this run has taken it; it was allowed then.

        Raises:
            MaxStepsExceeded: this run has taken all its steps.
            BudgetExceeded: the budget is over.
        """
        if not again:
            self._check_open()
            if self.steps >= self.limits.steps:
                raise MaxStepsExceeded("steps", allowed=self.limits.steps, used=self.steps + 1)
        self.steps += 1

    def take_subcalls(self, count: int, *, again: bool = False) -> None:
        """Count `count` sub-calls at once: all of them or none.

        Args:
            again: an earlier attempt of this run has made them; they were allowed then.

        Raises:
            MaxSubcallsExceeded: they are more than what is left; the tree's budget is over.
            BudgetExceeded: it already was.
        """
        used = self.subcalls + count
        if not again:
            self._check_open()
        if not again and used > self.limits.subcalls:
            self._ledger.scope.end(MaxSubcallsExceeded("subcalls", allowed=self.limits.subcalls, used=used))
        self._ledger.subcalls = used

    def reserve(
        self,
        prompt_bytes: int,
        max_tokens: int | None = None,
        *,
        model: str = "",
        subcall: bool = False,
        expected: int = ANSWER_TOKENS,
        surplus: int = 0,
        listed: float | None = None,
    ) -> Hold | None:
        """Reserve tokens and money for one call; `settle` or `release` must follow.

        Args:
            prompt_bytes: of all messages together, as UTF-8.
            max_tokens: the caller's bound on the answer.
            model: whose price it is. Where money is limited and no list has it, a model's first call is made alone.
            subcall: whether a cell asked for it; else it is a call of this run's own loop.
            expected: tokens that an answer without a bound may have, as far as one can know; so much of what is left is held for it.
            surplus: what calls of this model were seen to use beyond their estimated prompt and the bound on their answer; so much more of
                what is left is held.
            listed: what this call should cost by a list of prices, for a model's first call; None where no list has the model.

        Returns:
            None where the call fits, but not beside those that are in flight: ask again when one of them has ended.

        Raises:
            MaxTokensExceeded: the call does not fit into what is left. By `subcall_tokens` it is refused alone; by `child_share` this
                run or one above it is over; by any other limit the tree.
            MaxCostExceeded: it costs more than what is left; the tree's budget is over.
            BudgetExceeded: the budget already was over.
            ConfigError: money is limited and an earlier call's price is unknown.
        """
        self._check_open()
        caps = tuple(self._caps(subcall))
        prompt = _tokens(prompt_bytes)
        room = min([cap.room(prompt) for cap in caps])
        wanted = ANSWER_TOKENS if max_tokens is None else max_tokens
        answer = min(wanted, room)
        likely = max(PRICED_TOKENS, self._ledger.purse.mean_answer(model))
        size = prompt + (likely if max_tokens is None and answer == wanted else min(answer, likely))
        price = self._ledger.purse.price(model, size, listed)
        bounded = answer < wanted or (subcall and self.limits.subcall_tokens is not None)
        held = prompt + min((answer if bounded or max_tokens is not None else max(answer, expected)) + surplus, room)
        if any(cap.crowded(held) for cap in caps) or self._ledger.crowded_by_price(price):
            return None
        return self._ledger.open(
            Hold(tokens=held, prompt=prompt, cost_usd=price, model=model, max_tokens=answer if bounded else max_tokens, caps=caps)
        )

    def usual_bound(self, prompt_bytes: int, max_tokens: int | None) -> int | None:
        """The bound on a sub-call's answer while the run has enough left: the caller's, or what `subcall_tokens` leaves of it.

        Where `reserve` gives a tighter one, the run's budget has shaped the answer.
        """
        each = self.limits.subcall_tokens
        if each is None:
            return max_tokens
        return min(ANSWER_TOKENS if max_tokens is None else max_tokens, each - _tokens(prompt_bytes))

    def settle(self, hold: Hold, usage: Usage, *, role: str = "", served_by: str = "") -> None:
        """Replace what `hold` reserved by what the call used, at every cap, here and in every run above.

        Args:
            hold: of this node's `reserve`.
            usage: also more than was reserved; it counts, and may end the budget at the next call.
            role: for the record of spending.
            served_by: the adapter's name, for the record; empty for the model that was reserved for.
        """
        if self._ledger.close(hold):
            self._pay(hold.caps, usage, role, hold.model, served_by or hold.model)

    def charge(self, usage: Usage, *, role: str, served_by: str, subcall: bool) -> None:
        """Count what a call used that an earlier attempt of this run has made: it was allowed then.

        Args:
            subcall: whether a cell asked for it.
        """
        self._pay(tuple(self._caps(subcall)), usage, role, served_by, served_by)

    def _pay(self, caps: Iterable[Cap], usage: Usage, role: str, model: str, served_by: str) -> None:
        for cap in caps:
            cap.used += usage.input_tokens + usage.output_tokens
        self._ledger.purse.pay(model, usage)
        key = (role, served_by, self.depth)
        for node in self._line():
            node._spent[key] = node._spent.get(key, Usage()) + usage

    def release(self, hold: Hold) -> None:
        """Give back what a call reserved that used nothing we know of."""
        self._ledger.close(hold)

    def spending(self) -> RunUsage:
        """What this run and its children have used, and on what; the whole tree's at the root."""
        return RunUsage.of(Spent(role=role, model=model, depth=depth, usage=used) for (role, model, depth), used in self._spent.items())

    def remaining_seconds(self) -> float:
        """Until the deadline; 0 once it has passed."""
        return max(0.0, self._ledger.deadline - self._ledger.clock())

    def expire(self) -> BudgetExceeded:
        """Mark the deadline as passed and return the error that says so; an earlier one stays."""
        scope = self._ledger.scope
        if scope.over is None:
            seconds = self.limits.wall_seconds
            used = seconds + max(0.0, self._ledger.clock() - self._ledger.deadline)
            scope.over = DeadlineExceeded("wall_seconds", allowed=seconds, used=used)
        return scope.over

    def ended(self) -> BudgetExceeded | None:
        """The limit that is over by now, the deadline among them; None while there is budget left."""
        return self.over if self.remaining_seconds() else self.expire()

    def recall(self, error: BudgetExceeded) -> None:
        """Be over by a limit that ended an earlier attempt of this run, as far as what it ended was more than one call."""
        if error.limit in _OF_ONE_CALL:
            return
        shared = (node._scope for node in self._line() if node._share is not None)
        scope = next(shared, self._scope) if error.limit == "child_share" else self._ledger.scope
        scope.over = scope.over or error

    def _line(self) -> Iterator[Budget]:
        """This node, its parent, and so on up to the root."""
        node: Budget | None = self
        while node is not None:
            yield node
            node = node._parent

    def _caps(self, subcall: bool) -> Iterator[Cap]:
        """The caps in whose reach a call is, narrowest first: the first that has no room says what ends."""
        ledger = self._ledger
        if subcall and ledger.limits.subcall_tokens is not None:
            yield Cap(limit="subcall_tokens", allowed=ledger.limits.subcall_tokens)
        yield from (node._share for node in self._line() if node._share is not None)
        role = ledger.sub_tokens if subcall or self.depth else ledger.root_tokens
        if role is not None:
            yield role
        yield ledger.tokens

    def _check_open(self) -> None:
        if self._ledger.scope.over is None and self.remaining_seconds() == 0:
            self.expire()
        if (over := self.over) is not None:
            # Without its old traceback, which would grow with every refused call.
            raise over.with_traceback(None)


def _tokens(prompt_bytes: int) -> int:
    return math.ceil(prompt_bytes / BYTES_PER_TOKEN)
