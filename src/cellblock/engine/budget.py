"""The run's budget: one ledger for the whole tree, a node of its own for each run.

A call reserves before it is made and settles after. Steps belong to each run; sub-calls, tokens, money and the deadline to the tree, so
a child draws on its parent's and nothing is counted twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import (
    BudgetExceeded,
    ConfigError,
    DeadlineExceeded,
    MaxCostExceeded,
    MaxDepthExceeded,
    MaxStepsExceeded,
    MaxSubcallsExceeded,
    MaxTokensExceeded,
)
from ..limits import RunLimits
from ..models.protocol import Usage

BYTES_PER_TOKEN = 4
"""The estimate before a call; the provider's own figures replace it afterwards."""
ANSWER_TOKENS = 4_096
"""Reserved for an answer whose length nobody bounded. Not given to the model: a bound of ours could be above its own maximum."""
PRICED_TOKENS = 256
"""Of such an answer, what is expected to be paid. Most are short, and money that is held back too early ends a run too early."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """What one call has reserved."""

    tokens: int
    cost_usd: float
    model: str
    max_tokens: int | None
    """The bound to give to the model: the caller's own, or tighter."""


@dataclass(slots=True)
class _Ledger:
    """What the whole tree shares."""

    limits: RunLimits
    clock: Callable[[], float]
    deadline: float
    subcalls: int = 0
    tokens_held: int = 0
    cost_held: float = 0.0
    over: BudgetExceeded | None = None
    by_model: dict[str, Usage] = field(default_factory=dict)
    """Of settled calls, where money is limited: each model has a price of its own."""


class Budget:
    """One run's node of the tree.

    Attributes:
        depth: 0 for the root.
        steps: taken by this run.
        usage: of this run and its children; of the whole tree at the root.
    """

    def __init__(self, limits: RunLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = _Ledger(limits, clock, clock() + limits.wall_seconds)
        self._parent: Budget | None = None
        self._top = self
        self.depth = self.steps = 0
        self.usage = Usage()

    @property
    def limits(self) -> RunLimits:
        """The limits that the run began with."""
        return self._ledger.limits

    @property
    def subcalls(self) -> int:
        """Sub-calls and child runs of the whole tree."""
        return self._ledger.subcalls

    @property
    def over(self) -> BudgetExceeded | None:
        """The tree's limit that was passed first; None while there is budget left. A run's steps are its own and not in here."""
        return self._ledger.over

    @property
    def may_descend(self) -> bool:
        """Whether a child run may still be opened here."""
        return self.depth < self.limits.depth

    def child(self) -> Budget:
        """The node of a child run, with steps of its own.

        Raises:
            MaxDepthExceeded: this run is at the deepest level. The tree's budget is not over.
        """
        if not self.may_descend:
            raise MaxDepthExceeded("depth", allowed=self.limits.depth, used=self.depth + 1)
        node = Budget.__new__(Budget)
        node._ledger, node._parent, node._top = self._ledger, self, self._top
        node.depth, node.steps, node.usage = self.depth + 1, 0, Usage()
        return node

    def take_step(self) -> None:
        """Count one reply of this run's model.

        Raises:
            MaxStepsExceeded: this run has taken all its steps.
            BudgetExceeded: the tree's budget is over.
        """
        self._check_open()
        if self.steps >= self.limits.steps:
            raise MaxStepsExceeded("steps", allowed=self.limits.steps, used=self.steps + 1)
        self.steps += 1

    def take_subcalls(self, count: int) -> None:
        """Count `count` sub-calls at once: all of them or none.

        Raises:
            MaxSubcallsExceeded: they are more than what is left; the budget is over.
            BudgetExceeded: it already was.
        """
        self._check_open()
        used = self.subcalls + count
        if used > self.limits.subcalls:
            self._end(MaxSubcallsExceeded("subcalls", allowed=self.limits.subcalls, used=used))
        self._ledger.subcalls = used

    def reserve(self, prompt_bytes: int, max_tokens: int | None = None, *, model: str = "") -> Hold | None:
        """Reserve tokens and money for one call; `settle` or `release` must follow.

        Args:
            prompt_bytes: of all messages together, as UTF-8.
            max_tokens: the caller's bound on the answer.
            model: whose price it is. Where money is limited, a model's first call is made alone, since nobody knows its price.

        Returns:
            None where the call fits, but not beside those that are in flight: ask again when one of them has ended.

        Raises:
            MaxTokensExceeded, MaxCostExceeded: the call does not fit into what is left; the budget is over.
            BudgetExceeded: it already was.
            ConfigError: money is limited and an earlier call's price is unknown.
        """
        self._check_open()
        prompt = math.ceil(prompt_bytes / BYTES_PER_TOKEN)
        room = self.limits.tokens - self._tokens_used - prompt
        if room < 1:
            self._end(MaxTokensExceeded("tokens", allowed=self.limits.tokens, used=self._tokens_used + prompt + 1))
        wanted = ANSWER_TOKENS if max_tokens is None else max_tokens
        answer = min(wanted, room)
        price = self._price(model, prompt + min(answer, PRICED_TOKENS))
        if answer > room - self._ledger.tokens_held or self._crowded_by_price(price):
            return None
        bound = max_tokens if room >= wanted else room
        self._ledger.tokens_held += prompt + answer
        self._ledger.cost_held += price
        return Hold(tokens=prompt + answer, cost_usd=price, model=model, max_tokens=bound)

    def settle(self, hold: Hold, usage: Usage) -> None:
        """Replace what `hold` reserved by what the call used, here and in every run above."""
        self.release(hold)
        if self.limits.cost_usd is not None:
            self._ledger.by_model[hold.model] = self._ledger.by_model.get(hold.model, Usage()) + usage
        node: Budget | None = self
        while node is not None:
            node.usage += usage
            node = node._parent

    def release(self, hold: Hold) -> None:
        """Give back what a call reserved that used nothing we know of."""
        self._ledger.tokens_held -= hold.tokens
        # Fractions do not add up to nothing: with no call in flight, a rest that is held would be waited for in vain.
        self._ledger.cost_held = self._ledger.cost_held - hold.cost_usd if self._ledger.tokens_held else 0.0

    def remaining_seconds(self) -> float:
        """Until the deadline; 0 once it has passed."""
        return max(0.0, self._ledger.deadline - self._ledger.clock())

    def expire(self) -> BudgetExceeded:
        """Mark the deadline as passed and return the error that says so; an earlier one stays."""
        if self._ledger.over is None:
            seconds = self.limits.wall_seconds
            used = seconds + max(0.0, self._ledger.clock() - self._ledger.deadline)
            self._ledger.over = DeadlineExceeded("wall_seconds", allowed=seconds, used=used)
        return self._ledger.over

    def _check_open(self) -> None:
        if self._ledger.over is None and self.remaining_seconds() == 0:
            self.expire()
        if self._ledger.over is not None:
            # Without its old traceback, which would grow with every refused call.
            raise self._ledger.over.with_traceback(None)

    def _end(self, error: BudgetExceeded) -> None:
        self._ledger.over = error
        raise error

    @property
    def _tokens_used(self) -> int:
        return self._top.usage.input_tokens + self._top.usage.output_tokens

    def _price(self, model: str, tokens: int) -> float:
        """What a call of this size should cost, by the model's mean price so far; all that is left before its first call.

        0 where money is not limited.
        """
        limit, seen = self.limits.cost_usd, self._ledger.by_model.get(model)
        if limit is None:
            return 0.0
        spent = self._spent
        if spent is None:
            raise ConfigError(f"cost_usd={limit:g} cannot be kept: the price of a call is unknown; limit tokens, or use a priced model")
        price = 0.0 if seen is None else (seen.cost_usd or 0.0) / max(1, seen.input_tokens + seen.output_tokens) * tokens
        if spent >= limit or spent + price > limit:
            self._end(MaxCostExceeded("cost_usd", allowed=limit, used=spent + price))
        return limit - spent if seen is None else price

    @property
    def _spent(self) -> float | None:
        return self._top.usage.cost_usd if self._top.usage.calls else 0.0

    def _crowded_by_price(self, price: float) -> bool:
        limit, held = self.limits.cost_usd, self._ledger.cost_held
        return limit is not None and held > 0 and (self._spent or 0.0) + held + price > limit
