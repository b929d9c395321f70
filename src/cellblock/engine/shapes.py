"""The shape that records have to have before a run goes on with them: anybody can write a journal's file.

Only what is read of a record is looked at. Whatever else stands there is compared, or shown, and never taken for anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from ..errors import BudgetExceeded, CellblockError, SandboxBroken, StoreError
from ..models.protocol import Usage
from ..repl.protocol import ExecError, ExecUsage
from ..store.journal import EffectRow, RunRow
from .outcomes import CellOutcome, failure_of


class _Failure(TypedDict):
    error: str
    message: str
    status: NotRequired[int | None]
    usage: NotRequired[Usage | None]
    limit: NotRequired[str]
    allowed: NotRequired[float]
    used: NotRequired[float]


class _Asked(TypedDict):
    model: str
    role: NotRequired[str | None]


class _Said(TypedDict):
    text: str
    model: str
    usage: NotRequired[Usage | None]


class _Code(TypedDict):
    code: str


class _Result(TypedDict):
    stdout: str
    stdout_dropped: int
    value_preview: str | None
    error: ExecError | None
    changed: list[str]
    has_final: bool
    state: Literal["kept", "rolled_back"]
    usage: ExecUsage


class _Cell(TypedDict):
    result: _Result
    answers: list[tuple[Any, tuple[str, str] | None]]
    subcalls: int
    children: int
    deepest: int
    stopped: _Failure | None
    saved: NotRequired[str | None]


class _Opened(TypedDict):
    child: int


class _Child(TypedDict):
    success: bool
    value: Any
    error: str | None


class _Named(TypedDict):
    name: str


class _Value(TypedDict):
    value: Any


class _Variable(TypedDict):
    value: Any
    missing: str | None


class _Written(TypedDict):
    how: str
    path: str
    data: bytes


class _Act(TypedDict):
    act: str
    name: NotRequired[str]
    code: NotRequired[str]
    label: NotRequired[str]
    id: NotRequired[str]
    checkpoint: NotRequired[str]
    score: NotRequired[float]
    fork: NotRequired[str]
    rationale: NotRequired[str]


class _ForkRan(TypedDict):
    error: str | None


class _Kept(TypedDict):
    id: str


class _End(TypedDict):
    ending: str
    success: bool
    error: str | None
    failure: NotRequired[dict[str, Any] | None]


_PAYLOADS: Mapping[str, Any] = {
    "ask": _Asked,
    "call": _Asked,
    "exec": _Code,
    "run": _Opened,
    "tool": _Named,
    "get": _Named,
    "vfs": _Written,
    "branch": _Act,
}
_OUTCOMES: Mapping[str, tuple[str, Any]] = {
    "ask": ("text", _Said),
    "call": ("text", _Said),
    "exec": ("result", _Cell),
    "run": ("success", _Child),
    "tool": ("value", _Value),
    "get": ("value", _Variable),
    "snapshot": ("id", _Kept),
}
"""By kind: what an outcome has that is no failure, and its shape."""
_STEP_DIGITS = 9


def checked(rows: Sequence[EffectRow]) -> list[EffectRow]:
    """Effects of a run.

    Raises:
        StoreError: what the engine would read of one is not there, or something else.
    """
    for row in rows:
        try:
            _check(row)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            # ValidationError is a ValueError; the others come from whatever makes an outcome of it.
            raise StoreError(f"run {row.run_id}: its record is not as it should be: {row.kind[:20]} {row.key[:100]}: {error}") from None
    return list(rows)


def check_end(row: RunRow) -> None:
    """Refuse a run whose end is none.

    Raises:
        StoreError: it is none.
    """
    try:
        msgspec.convert(row.result, _End | None)
    except msgspec.ValidationError as error:
        raise StoreError(f"run {row.run_id}: its record is not as it should be: result: {error}") from None


def _check(row: EffectRow) -> None:
    step = row.key.partition(".")[0]
    if not (step.isascii() and step.isdecimal() and len(step) <= _STEP_DIGITS):
        raise ValueError("the key does not begin with a step")
    if (payload := _PAYLOADS.get(row.kind)) is not None:
        msgspec.convert(row.payload, payload)
    if row.ended is None or row.kind not in _OUTCOMES:
        if row.outcome is not None and row.kind == "branch":
            msgspec.convert(row.outcome, _ForkRan)
        return
    mark, shape = _OUTCOMES[row.kind]
    if not isinstance(row.outcome, dict) or mark in row.outcome:
        msgspec.convert(row.outcome, shape)
        if row.kind == "exec":
            CellOutcome.of(row.outcome)
    else:
        msgspec.convert(row.outcome, _Failure)
        _check_failure(row, failure_of(row.outcome))


def _check_failure(row: EffectRow, failure: CellblockError | None) -> None:
    possible: tuple[type[CellblockError], ...] = {"exec": (BudgetExceeded, SandboxBroken)}.get(row.kind, (CellblockError,))
    if row.kind in ("ask", "call", "exec") and not isinstance(failure, possible):
        raise ValueError("a failure that none of these has")
