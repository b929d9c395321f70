"""What a language model is to the engine: messages in, text and usage out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

MOST_TOKENS = 10**12
"""Of one call; whoever counts more has counted wrong."""
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one or more calls used. Addable.

    Tokens are the provider's own figures where it gives them; else bytes of UTF-8 / 4, with `estimated` set.
    """

    input_tokens: int = 0
    """Prompt tokens, cached ones included."""
    output_tokens: int = 0
    cached_tokens: int = 0
    """The part of `input_tokens` that the provider read from its cache."""
    calls: int = 0
    cost_usd: float | None = None
    """None: the price is not known. Unknown plus known stays unknown."""
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Field by field; a cost is known only where both are, and no calls cost nothing."""
        mine = 0.0 if self.calls == 0 else self.cost_usd
        theirs = 0.0 if other.calls == 0 else other.cost_usd
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            calls=self.calls + other.calls,
            cost_usd=None if mine is None or theirs is None else mine + theirs,
            estimated=self.estimated or other.estimated,
        )


def countable(usage: object) -> bool:
    """Whether a budget can add it up: a negative figure, or a cost below 0, would give back what others have spent."""
    if not isinstance(usage, Usage):
        return False
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.calls)
    # Of what was not sent, nothing can have been cached: the price of the rest would be negative.
    return (
        all(type(count) is int and 0 <= count <= MOST_TOKENS for count in counts)
        and usage.cached_tokens <= usage.input_tokens
        and (usage.cost_usd is None or _is_price(usage.cost_usd))
    )


def _is_price(cost: object) -> bool:
    return isinstance(cost, (int, float)) and not isinstance(cost, bool) and 0 <= cost <= MOST_TOKENS


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelResponse:
    """One answer of a model."""

    text: str
    usage: Usage
    model: str
    """The name that the provider reported."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """What else the provider said, as plain data. Never holds a key."""


@runtime_checkable
class ModelAdapter(Protocol):
    """One language model behind one address. Safe to call many times at once."""

    name: str
    """How traces and errors call it, such as `openai:gpt-5`."""

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once. Cancellable at any point.

        Args:
            messages: a system message first if there is one, then user and assistant in turn.
            max_tokens: of the answer; None leaves the provider's default.
            sampling: `temperature`, `top_p`, `seed`, `stop` where the provider takes them.

        Raises:
            ModelUnavailable: no usable answer after the retries.
            ModelRefused: the provider said no.
        """
        ...

    async def aclose(self) -> None:
        """Close connections. The adapter is unusable afterwards; calling it twice is harmless."""
        ...
