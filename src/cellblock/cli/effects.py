"""The effects of a run, ready to read: what was done, how long it took, how it ended; safe texts on one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .steps import NOTICE
from .terminal import one_line

if TYPE_CHECKING:
    from ..store.rows import EffectRow

TEXT_CHARS = 200
OPEN = "no outcome"
"""Of an effect that has begun, and whose end is not on record: it is under way, or was when the run was cut off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One effect."""

    number: int
    kind: str
    key: str
    seconds: float | None
    """None where it has not ended."""
    good: bool
    text: str


def lines_of(rows: Sequence[EffectRow]) -> list[Line]:
    """One for each effect, in order."""
    return [_line(row) for row in rows]


def _line(row: EffectRow) -> Line:
    asked, outcome = _record(row.payload), _record(row.outcome)
    error = _error(row, outcome)
    text = error if error is not None else _SAID.get(row.kind, _nothing)(asked, outcome)
    return Line(
        number=row.seq,
        kind=one_line(row.kind, 20),
        key=one_line(row.key, 40),
        seconds=None if row.ended is None else max(0.0, row.ended - row.started),
        good=error is None,
        text=one_line(text, TEXT_CHARS),
    )


def _error(row: EffectRow, outcome: Mapping[str, Any]) -> str | None:
    """Why it did not end well; None where it did."""
    if row.ended is None:
        return OPEN
    failed = outcome.get("error")
    if failed is not None:
        return f"{_text(failed)}: {_text(outcome.get('message'))}" if "message" in outcome else _text(failed)
    cell = _record(_record(outcome.get("result")).get("error"))
    return f"{_text(cell.get('kind'))}: {_text(cell.get('message'))}" if cell else None


def _reply(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    # Its model's name says the same.
    return _text(outcome.get("text")).removeprefix(NOTICE)


def _cell(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    result = _record(outcome.get("result"))
    shown = _text(result.get("stdout")) or _text(result.get("value_preview"))
    if shown:
        return shown
    changed = result.get("changed")
    names = [name for name in changed if isinstance(name, str)][:8] if isinstance(changed, list) else []
    return f"set {', '.join(names)}" if names else "no output"


def _child(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"child run {_text(asked.get('child'))}: {_text(outcome.get('value'))}"


def _tool(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"{_text(asked.get('name'))}: {_text(outcome.get('value'))}"


def _variable(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"{_text(asked.get('name'))}: {_text(outcome.get('missing') or outcome.get('value'))}"


def _refusal(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return _text(asked.get("reason"))


def _file(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    data = asked.get("data")
    size = f", {len(data):,} bytes" if isinstance(data, bytes) else ""
    return f"{_text(asked.get('how'))} {_text(asked.get('path'))}{size}"


def _branch(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return " ".join(_text(asked.get(name)) for name in ("act", "name", "fork", "label", "id") if asked.get(name) is not None)


def _state(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    size = outcome.get("bytes")
    return f"state kept, {size:,} bytes" if isinstance(size, int) else "state kept"


def _repeat(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return f"the {_text(asked.get('kind'))} of this key had no outcome, and was done once more"


def _nothing(asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return ""


_SAID: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "ask": _reply,
    "call": _reply,
    "exec": _cell,
    "run": _child,
    "tool": _tool,
    "get": _variable,
    "refuse": _refusal,
    "vfs": _file,
    "branch": _branch,
    "snapshot": _state,
    "again": _repeat,
}


def _record(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A text as it is; of other values only those that are short to write."""
    if isinstance(value, str):
        return value[: 8 * TEXT_CHARS]
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() < 1_000):
        return "" if value is None else str(value)
    return f"({type(value).__name__})"
