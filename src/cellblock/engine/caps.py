"""The limits that a call passes: caps on tokens, and a purse. Each says what ends with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import BudgetExceeded, ConfigError, MaxCostExceeded, MaxTokensExceeded
from ..models.protocol import Usage


@dataclass(slots=True)
class Scope:
    """What ends together: the whole tree, or a child run with all below it."""

    over: BudgetExceeded | None = None
    """The limit that was passed first."""

    def end(self, error: BudgetExceeded) -> None:
        """Nothing more may be reserved here.

        Raises:
            BudgetExceeded: `error`, always.
        """
        self.over = error
        raise error


@dataclass(kw_only=True, slots=True)
class Cap:
    """A limit of tokens that each call in its reach passes.

    Attributes:
        limit: the field of `RunLimits`.
        allowed: tokens.
        scope: what ends with it. None: the refused call alone.
        used: tokens of settled calls.
        held: tokens that calls in flight may still take.
    """

    limit: str
    allowed: int
    scope: Scope | None = None
    used: int = 0
    held: int = 0

    @property
    def left(self) -> int:
        """What is not used. Held tokens are counted as left: most of them come back."""
        return max(0, self.allowed - self.used)

    def room(self, prompt: int) -> int:
        """Tokens that are left for the answer to a prompt of `prompt` tokens, once those in flight have ended.

        Raises:
            MaxTokensExceeded: none, whatever is given back; the scope is over.
        """
        used = self.used + prompt
        if used >= self.allowed:
            error = MaxTokensExceeded(self.limit, allowed=self.allowed, used=used + 1)
            if self.scope is None:
                raise error
            self.scope.end(error)
        return self.allowed - used

    def crowded(self, tokens: int) -> bool:
        """Whether so many do not fit beside those that are held."""
        return self.used + self.held + tokens > self.allowed


@dataclass(kw_only=True, slots=True)
class Purse:
    """The tree's money. Prices are learnt from what settled calls have cost, model by model; until then a listed one serves.

    Attributes:
        allowed: US dollars. None: not limited, and nothing is learnt.
        scope: what ends with it.
        paid: by settled calls.
        by_model: the same, since each model has a price of its own.
    """

    allowed: float | None
    scope: Scope
    paid: Usage = field(default_factory=Usage)
    by_model: dict[str, Usage] = field(default_factory=dict)

    def pay(self, model: str, usage: Usage) -> None:
        """Count one settled call."""
        if self.allowed is not None:
            self.paid += usage
            self.by_model[model] = self.by_model.get(model, Usage()) + usage

    def mean_answer(self, model: str) -> int:
        """Tokens of the model's answers so far, in the mean; 0 before its first."""
        seen = self.by_model.get(model)
        return 0 if seen is None else seen.output_tokens // max(1, seen.calls)

    def price(self, model: str, tokens: int, listed: float | None = None) -> float:
        """What a call of this size should cost, by the model's mean price so far. Before its first call `listed`, else all that is left.

        0 where money is not limited.

        Args:
            listed: what a list of prices says of this call; None where none knows the model.

        Raises:
            MaxCostExceeded: more than what is left; the scope is over.
            ConfigError: an earlier call's price is unknown.
        """
        limit, seen = self.allowed, self.by_model.get(model)
        if limit is None:
            return 0.0
        spent = self._spent
        if spent is None:
            raise ConfigError(f"cost_usd={limit:g} cannot be kept: the price of a call is unknown; limit tokens, or use a priced model")
        price = (listed or 0.0) if seen is None else (seen.cost_usd or 0.0) / max(1, seen.input_tokens + seen.output_tokens) * tokens
        if spent >= limit or spent + price > limit:
            self.scope.end(MaxCostExceeded("cost_usd", allowed=limit, used=spent + price))
        return limit - spent if seen is None and listed is None else price

    def crowded(self, price: float) -> bool:
        """Whether so much does not fit into what is left."""
        return self.allowed is not None and (self._spent or 0.0) + price > self.allowed

    @property
    def _spent(self) -> float | None:
        return self.paid.cost_usd if self.paid.calls else 0.0
