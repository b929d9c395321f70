"""Limits of one exec and of one run. Frozen, and none of them can be switched off."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from .errors import ConfigError

MINIMUM_TOKENS = 50
"""A smaller token limit cannot hold one prompt and is refused as a mistake."""


def _check(limits: object, *, zero_allowed: frozenset[str] = frozenset()) -> None:
    for field in fields(limits):  # type: ignore[arg-type]
        value = getattr(limits, field.name)
        if value is None:
            if "None" in str(field.type):
                continue
            raise ConfigError(f"{field.name}=None: limits cannot be switched off; give a number")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"{field.name}={value!r}: a number is needed, not {type(value).__name__}")
        if "int" in str(field.type) and not isinstance(value, int):
            raise ConfigError(f"{field.name}={value!r}: a whole number is needed")
        if not math.isfinite(value) or value < 0 or (value == 0 and field.name not in zero_allowed):
            raise ConfigError(f"{field.name}={value!r}: must be finite and greater than 0")


def check_type(name: str, value: object, kind: type) -> None:
    """Refuse an argument of the wrong type where it is given, not where it first hurts.

    Raises:
        ConfigError: `value` is no `kind`.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{name}={str(value)[:50]!r}: {kind.__name__} is needed, not {type(value).__name__}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecLimits:
    """Limits of one exec, that is one cell.

    Raises:
        ConfigError: a field is not a finite number greater than 0.
    """

    wall_seconds: float = 10.0
    """The cell's own running time. Time that the host takes to answer its calls is not counted."""
    cpu_seconds: float = 10.0
    """Processor time of the worker and its interpreter during the cell."""
    memory_bytes: int = 256 * 2**20
    """What the interpreter may allocate. Fixed when the session opens."""
    output_chars: int = 20_000
    """Printed characters that are kept, head and tail; the rest is counted and dropped."""
    host_calls: int = 1_000
    """Far calls (answered by the host) in one cell."""
    bytes_in: int = 64 * 2**20
    """Bytes of source, values and call results that go into the worker."""
    bytes_out: int = 64 * 2**20
    """Bytes of output, call arguments and values that come out of the worker."""

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLimits:
    """Limits of one run; its child runs draw on the same.

    Raises:
        ConfigError: a field is not a finite number greater than 0 (`depth` may be 0), or a token limit is below 50.
    """

    steps: int = 20
    """Replies of the root model, that is turns of the loop. Each child run has as many of its own."""
    subcalls: int = 2_000
    """Sub-calls and child runs, in the whole tree."""
    depth: int = 1
    """Levels of child runs below the root; at the limit `rlm_query` becomes `llm_query`."""
    tokens: int = 20_000_000
    """Input and output tokens of every call in the tree."""
    cost_usd: float | None = None
    """Money, where prices are known. None: not limited by price, since an unknown price stays unknown."""
    wall_seconds: float = 3_600.0
    """From the first step to the last."""
    parallel_subcalls: int = 64
    """Model calls in flight at once, in the whole tree."""

    def __post_init__(self) -> None:
        _check(self, zero_allowed=frozenset({"depth"}))
        if self.tokens < MINIMUM_TOKENS:
            raise ConfigError(f"tokens={self.tokens}: at least {MINIMUM_TOKENS} are needed for one call")
