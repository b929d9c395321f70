"""What a run looks like so far: events are folded into one frozen `Board`. Pure: no clock, no terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..events import (
    SUBCALL_ROLES,
    AnyEvent,
    Branched,
    CellEnded,
    CellStarted,
    FileChanged,
    ModelAnswered,
    ModelAsked,
    Refused,
    RunEnded,
    RunStarted,
    SessionOpened,
    ToolCalled,
)
from .terminal import one_line

Mark = Literal["good", "bad", "note"]
ROWS_KEPT = 8
_DOING = {
    "verifier": "having the answer checked by",
    "engineer": "having a brief written by",
    "compaction": "having old turns summed up by",
    "final_call": "asking for an answer now:",
}
_ASIDES = {"verifier": "verifier", "engineer": "brief", "compaction": "summary", "final_call": "last call", "probe": "probe"}
"""Calls that are no step: the label of their rows, by role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One thing that happened, ready to show: safe text on one line."""

    seconds: float
    """Since the run began."""
    depth: int
    mark: Mark
    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """Everything that the live view and the summaries show. Texts of models and guests in it are safe, on one line."""

    max_steps: int = 0
    """0: not known."""
    question: str = ""
    model: str = ""
    sandbox: str = ""
    layers: Mapping[str, str] = field(default_factory=dict)
    weak_isolation: bool = False
    context_chars: int = 0
    context_documents: int = 0
    run_id: str = ""
    names_run: bool = True
    """Whether that id leads to anything."""
    started_at: float | None = None
    """Unix seconds; None until the root run began."""
    step: int = 0
    doing: str = "starting"
    cells: int = 0
    failed_cells: int = 0
    in_flight: frozenset[str] = frozenset()
    """Call ids of the sub-calls that have no answer yet."""
    subcalls_done: int = 0
    subcalls_failed: int = 0
    children: int = 0
    """Child runs under way."""
    children_done: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    rows: tuple[Row, ...] = ()
    """The latest things that happened, oldest first."""
    ended: RunEnded | None = None

    def seconds(self, now: float) -> float:
        """Since the run began, at Unix time `now`; the run's own figure once it has ended."""
        if self.ended is not None:
            return self.ended.seconds
        return 0.0 if self.started_at is None else max(0.0, now - self.started_at)


def fold(board: Board, event: AnyEvent) -> Board:
    """The board after `event`."""
    after = _FOLDS[type(event)](board, event)
    row = describe(after, event)
    return after if row is None else replace(after, rows=(*after.rows, row)[-ROWS_KEPT:])


def _started(board: Board, event: RunStarted) -> Board:
    if event.depth:
        return replace(board, children=board.children + 1)
    return replace(
        board,
        question=one_line(event.question),
        model=one_line(event.model, 80),
        sandbox=one_line(event.sandbox, 40),
        layers={one_line(name, 40): one_line(state, 200) for name, state in event.layers.items()},
        weak_isolation=event.weak_isolation,
        context_chars=event.context_chars,
        context_documents=event.context_documents,
        run_id=one_line(event.run_id, 80),
        started_at=event.at,
    )


def _asked(board: Board, event: ModelAsked) -> Board:
    if event.role in SUBCALL_ROLES:
        return replace(board, in_flight=board.in_flight | {event.call_id})
    doing = _DOING.get(event.role, "asking")
    return board if event.depth else replace(board, step=event.step, doing=f"{doing} {one_line(event.model, 60)}")


def _answered(board: Board, event: ModelAnswered) -> Board:
    board = replace(
        board,
        in_flight=board.in_flight - {event.call_id},
        input_tokens=board.input_tokens + event.input_tokens,
        output_tokens=board.output_tokens + event.output_tokens,
    )
    if event.role not in SUBCALL_ROLES:
        return board if event.depth else replace(board, step=event.step, doing="reading the reply")
    if event.error is None:
        return replace(board, subcalls_done=board.subcalls_done + 1)
    return replace(board, subcalls_failed=board.subcalls_failed + 1)


def _cell_started(board: Board, event: CellStarted) -> Board:
    return board if event.depth else replace(board, doing=f"running cell {cell_name(event)}")


def _cell_ended(board: Board, event: CellEnded) -> Board:
    board = replace(board, cells=board.cells + 1, failed_cells=board.failed_cells + (event.error is not None))
    return board if event.depth else replace(board, doing="between cells")


def _session_opened(board: Board, event: SessionOpened) -> Board:
    if event.depth or board.layers:
        return board
    # Of a run that goes on: it had no session yet when it was told to have begun.
    return replace(board, layers={one_line(name, 40): one_line(state, 200) for name, state in event.layers.items()})


def _nothing(board: Board, event: AnyEvent) -> Board:
    return board


def _run_ended(board: Board, event: RunEnded) -> Board:
    if event.depth:
        return replace(board, children=max(0, board.children - 1), children_done=board.children_done + 1)
    board = replace(board, ended=event, doing="done", in_flight=frozenset(), children=0)
    return replace(board, input_tokens=event.input_tokens, output_tokens=event.output_tokens)


_FOLDS: dict[type, Callable[[Board, Any], Board]] = {
    RunStarted: _started,
    ModelAsked: _asked,
    ModelAnswered: _answered,
    CellStarted: _cell_started,
    CellEnded: _cell_ended,
    SessionOpened: _session_opened,
    ToolCalled: _nothing,
    FileChanged: _nothing,
    Branched: _nothing,
    Refused: _nothing,
    RunEnded: _run_ended,
}


def cell_name(event: CellStarted | CellEnded) -> str:
    """Step and place in the reply, both from 1, such as `2.1`."""
    return f"{event.step}.{event.index + 1}"


def describe(board: Board, event: AnyEvent) -> Row | None:
    """The row that `event` is worth, None for what only moves a counter."""
    what = _row_of(event)
    if what is None:
        return None
    mark, label, text = what
    since = 0.0 if board.started_at is None else max(0.0, event.at - board.started_at)
    return Row(seconds=since, depth=event.depth, mark=mark, label=label, text=text)


def _row_of(event: AnyEvent) -> tuple[Mark, str, str] | None:
    match event:
        case RunStarted() | RunEnded():
            return _child_row(event) if event.depth else None
        case ModelAsked() | ModelAnswered():
            return _model_row(event)
        case SessionOpened() if event.cells_again or event.skipped:
            return "note", "session", _again(event)
        case CellEnded():
            return _cell_row(event)
        case ToolCalled():
            said = f"{event.seconds:.1f} s" if event.error is None else one_line(event.error, 200)
            return "good" if event.error is None else "bad", f"tool {one_line(event.name, 40)}", said
        case FileChanged():
            return "note", f"file {one_line(event.how, 40)}", _file(event)
        case Branched():
            return "note" if event.error is None else "bad", one_line(event.act, 40), _branch(event)
        case Refused():
            return "note", "refused", one_line(event.reason, 200)
    return None


def _model_row(event: ModelAsked | ModelAnswered) -> tuple[Mark, str, str] | None:
    if isinstance(event, ModelAnswered) and event.error is not None:
        return "bad", _label(event), one_line(event.error, 200)
    if event.role in SUBCALL_ROLES:
        return None
    if isinstance(event, ModelAnswered):
        took = "on record" if event.source == "journal" else f"{event.seconds:.1f} s"
        return "good", _label(event), f"{event.output_tokens:,} tokens{', ' if event.source == 'journal' else ' in '}{took}"
    return ("note", _label(event), "asked once more: nobody knows what became of it when the run was cut off") if event.repeated else None


def _again(event: SessionOpened) -> str:
    cells = f"{event.cells_again:,} cell{'' if event.cells_again == 1 else 's'} run again with the answers on record"
    return "; ".join([cells, *(one_line(why, 200) for why in event.skipped)]) if event.cells_again else one_line("; ".join(event.skipped))


def _file(event: FileChanged) -> str:
    path = one_line(event.path, 120)
    return path if event.how == "delete" else f"{path}, {event.size:,} bytes"


def _branch(event: Branched) -> str:
    name = one_line(event.name, 60)
    return name or "-" if event.error is None else f"{name}: {one_line(event.error, 200)}"


def _label(event: ModelAnswered | ModelAsked) -> str:
    return "sub-call" if event.role in SUBCALL_ROLES else _ASIDES.get(event.role, f"step {event.step}")


def _child_row(event: RunStarted | RunEnded) -> tuple[Mark, str, str]:
    if isinstance(event, RunStarted):
        return "note", "child run", one_line(event.question, 120)
    return "good" if event.success else "bad", "child run", one_line(event.answer or event.error or "", 120)


def _cell_row(event: CellEnded) -> tuple[Mark, str, str]:
    label = f"cell {cell_name(event)}"
    if event.error is not None:
        return "bad", label, one_line(event.error, 200)
    shown = event.stdout or event.value_preview or ""
    if not shown and event.changed:
        shown = "set " + ", ".join(event.changed[:8])
    return "good", label, one_line(shown, 120) or "no output"
