"""Limits of one exec and of one run. Frozen, and none of them can be switched off."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import ConfigError

MINIMUM_TOKENS = 50
"""A smaller token limit cannot hold one prompt and is refused as a mistake."""


def check_limits(limits: object, *, zero_allowed: frozenset[str] = frozenset()) -> None:
    """Refuse a dataclass of limits with a field that is none; what is typed as `int` has to be a whole number.

    Args:
        zero_allowed: fields that may be 0.

    Raises:
        ConfigError: a field is not a finite number greater than 0, or is None where its type has no None.
    """
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
        if not 0 <= value <= 1e300 or (value == 0 and field.name not in zero_allowed):
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
        check_limits(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLimits:
    """Limits of one run; its child runs draw on the same.

    Of several limits of tokens the tightest wins. Before a call its tokens are estimated; afterwards the provider's figures count.

    Raises:
        ConfigError: a field is not a finite number greater than 0 (`depth` and `forks` may be 0), a token limit is below 50, or
            `child_share` is above 1.
    """

    steps: int = 20
    """Replies of the root model, that is turns of the loop. Each child run has as many of its own."""
    subcalls: int = 2_000
    """Sub-calls and child runs, in the whole tree."""
    depth: int = 1
    """Levels of child runs below the root; at the limit `rlm_query` becomes `llm_query`."""
    tokens: int = 20_000_000
    """Input and output tokens of every call in the tree."""
    root_tokens: int | None = None
    """Of them, for the root run's own loop: its replies, verification and the like. None: as many as there are."""
    sub_tokens: int | None = None
    """Of them, for everything below: the sub-calls of every run, and the loops of child runs. None: as many as there are."""
    subcall_tokens: int | None = None
    """Input and output tokens of one sub-call; one that does not fit is refused alone, and the cell may split its prompt. Where this is
    set, an answer whose length the cell does not bound ends at 4,096 tokens. None: as many as there are."""
    child_share: float = 1.0
    """Of the tokens left when a child run opens, the part that it and all below it may use, up to 1. At its end the child alone ends."""
    cost_usd: float | None = None
    """Money, where prices are known. None: not limited by price, since an unknown price stays unknown."""
    wall_seconds: float = 3_600.0
    """From the first step to the last."""
    parallel_subcalls: int = 64
    """Model calls in flight at once, in the whole tree."""
    parallel_children: int = 8
    """Child runs that are open at once at each depth, in the whole tree; and forks that run at once. Each is a worker process."""
    forks: int = 16
    """Branches that one run may have beside its own line of work. 0: cells can neither fork nor take checkpoints."""
    checkpoints: int = 100
    """That one run may take."""

    def __post_init__(self) -> None:
        check_limits(self, zero_allowed=frozenset({"depth", "forks"}))
        for name in ("tokens", "root_tokens", "sub_tokens", "subcall_tokens"):
            value = getattr(self, name)
            if value is not None and value < MINIMUM_TOKENS:
                raise ConfigError(f"{name}={value}: at least {MINIMUM_TOKENS} are needed for one call")
        if self.child_share > 1:
            raise ConfigError(f"child_share={self.child_share:g}: a share is at most 1, all that is left")
