"""The looks of runs on record: the list, and one run as a whole, for the eye, for a pipe and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from . import records
from .effects import Line, lines_of
from .terminal import clip, one_line, safe
from .times import day
from .view import clock

if TYPE_CHECKING:
    from ..store.rows import EffectRow
    from .runs import Listed

QUESTION_CHARS = 4_000
WIDE = 116
"""Columns of a terminal that has room for all of them."""
COLOURS = {"ended": "green", "running": "cyan", "failed": "red", "cancelled": "yellow", records.CUT_OFF: "yellow"}
_SUCCESS = {True: Text("✓", style="green"), False: Text("✗", style="red"), None: Text("·", style="dim")}
_SETTINGS = ("sandbox", "interpreter", "seed", "limits", "exec_limits", "guards", "prompt", "history", "thread", "branched")


def listing(found: Sequence[Listed], width: int) -> Table:
    """The list for a terminal. The question gets the room that is left; on a narrow one, start and model make room for it.

    Args:
        width: of the terminal, in columns.
    """
    wide = width >= WIDE
    grid = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, expand=True)
    for name in ("run", "started", "status") if wide else ("run", "status"):
        grid.add_column(name, no_wrap=True)
    if wide:
        grid.add_column("model", no_wrap=True, max_width=20, overflow="ellipsis")
    grid.add_column("steps", no_wrap=True, justify="right")
    grid.add_column("", no_wrap=True)
    grid.add_column("question", no_wrap=True, ratio=1, overflow="ellipsis")
    for each in found:
        grid.add_row(*_columns(each, wide))
    return grid


def _columns(each: Listed, wide: bool) -> Iterator[Text]:
    task = records.task_in(each.row)
    yield Text(one_line(each.row.run_id, 80), style="bold")
    if wide:
        yield Text(day(each.row.started))
    yield Text(each.status, style=COLOURS.get(each.status, ""))
    if wide:
        yield Text(one_line(records.text_in(task, "model"), 60))
    yield Text(str(each.steps))
    yield _SUCCESS[each.success]
    yield Text(one_line(records.text_in(task, "question"), 200))


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """One run with all that it did."""

    listed: Listed
    effects: Sequence[EffectRow]
    children: Sequence[str]
    """Ids of its child runs."""
    go_on: str
    """What to type to go on with it, where that can be done."""

    def fields(self) -> dict[str, Any]:
        """As plain data: the record as it stands, payloads and outcomes included."""
        return {
            **self.listed.fields(),
            "task": self.listed.row.task,
            "result": self.listed.row.result,
            "children": list(self.children),
            "effects": [_fields(row, line) for row, line in zip(self.effects, lines_of(self.effects), strict=True)],
        }

    def facts(self) -> dict[str, str]:
        """What the run was and how it stands, by name; safe texts."""
        listed = self.listed
        row, task, result = listed.row, records.task_in(listed.row), records.result_in(listed.row)
        took = "" if row.ended is None else f", took {clock(max(0.0, row.ended - row.started))}"
        found = {
            "run": one_line(row.run_id, 200),
            "status": listed.status + (f": {one_line(str(result.get('ending', '')), 40)}" if listed.status == "ended" else ""),
            "error": one_line(records.text_in(result, "error"), 1_000),
            "go on": self.go_on if self._can_go_on() else "",
            "started": f"{day(row.started)}{took}",
            "model": one_line(records.text_in(task, "model"), 120),
            "steps": str(listed.steps),
            "context": _context(task),
            "children": one_line(", ".join(self.children), 1_000),
            **{name: _setting(task.get(name)) for name in _SETTINGS},
        }
        return {name: text for name, text in found.items() if text}

    def texts(self) -> dict[str, str]:
        """Question and answer, safe."""
        task, result = records.task_in(self.listed.row), records.result_in(self.listed.row)
        value = result.get("value")
        answer = value if isinstance(value, str) else "" if value is None else _setting(value)
        texts = {"question": records.text_in(task, "question"), "answer": answer}
        return {name: safe(clip(text, QUESTION_CHARS)) for name, text in texts.items() if text}

    def _can_go_on(self) -> bool:
        return self.listed.row.parent is None and self.listed.status in records.UNFINISHED

    def plain(self) -> str:
        """For a pipe."""
        head = [f"{name}: {text}" for name, text in self.facts().items()]
        body = [f"\n{name}:\n{text}" for name, text in self.texts().items()]
        effects = ["\t".join((str(line.number), line.kind, line.key, _seconds(line), line.text)) for line in lines_of(self.effects)]
        return "\n".join([*head, *body, "\neffects:", *effects])

    def drawn(self) -> RenderableType:
        """For a terminal."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="cyan", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, text in {**self.facts(), **self.texts()}.items():
            grid.add_row(name, Text(text))
        return Group(grid, _effects(lines_of(self.effects)))


def _effects(lines: Sequence[Line]) -> Table:
    grid = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, expand=True)
    grid.add_column("effect", no_wrap=True)
    grid.add_column("key", no_wrap=True)
    grid.add_column("time", no_wrap=True, justify="right")
    grid.add_column("", no_wrap=True)
    grid.add_column("how it ended", no_wrap=True, ratio=1, overflow="ellipsis")
    for line in lines:
        mark = Text("✓", style="green") if line.good else Text("✗", style="red")
        grid.add_row(Text(line.kind), Text(line.key), _seconds(line), mark, Text(line.text, style="" if line.good else "red"))
    return grid


def _seconds(line: Line) -> str:
    return "-" if line.seconds is None else f"{line.seconds:.3f} s" if line.seconds < 10 else clock(line.seconds)


def _fields(row: EffectRow, line: Line) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "kind": row.kind,
        "key": row.key,
        "seconds": None if line.seconds is None else round(line.seconds, 6),
        "error": None if line.good else line.text,
        "payload": row.payload,
        "outcome": row.outcome,
    }


def _context(task: dict[str, Any]) -> str:
    chars = task.get("context_chars")
    if not isinstance(chars, int):
        return ""
    return f"{chars:,} characters, {'kept' if task.get('context') else 'not kept: give it again with -c'}"


def _setting(value: Any) -> str:
    """A setting on one line, what is not set left out."""
    return one_line(" ".join(_parts(value)), 1_000)


def _parts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{name}={_short(item)}" for name, item in list(value.items())[:50] if item not in (None, "", [], False))
    elif value is not None:
        yield _short(value)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, bool) or (isinstance(value, int) and value.bit_length() < 1_000):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value[:10]))}{', …' if len(value) > 10 else ''}]"
    return f"({type(value).__name__})"
