"""A thread as text: for a terminal, a pipe, a Markdown file, JSON. Nothing of it is taken for markup or for control codes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ..store.threads import DocumentRow, ThreadRow, TurnRow
from .answers import drawn
from .terminal import one_line, safe
from .times import day, stamp

LISTED = 50
"""Documents that are shown one by one; an export has them all."""
_BACKTICKS = re.compile(r"`+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """All that is shown of a thread."""

    row: ThreadRow
    documents: Sequence[DocumentRow]
    turns: Sequence[TurnRow]
    cut_off: str | None = None
    """The run of the last question, if that was never answered."""

    def runs(self) -> list[str]:
        """Of its questions, each once."""
        last = [] if self.row.pending is None or self.cut_off is None else [self.row.pending]
        return list(dict.fromkeys([*(turn.run_id for turn in self.turns), *last]))

    def fields(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.row.name,
            "created": stamp(self.row.created),
            "updated": stamp(self.row.updated),
            "cut_off": self.cut_off,
            "documents": [
                {"title": document.title, "characters": document.chars, "added": stamp(document.added)} for document in self.documents
            ],
            "turns": [
                {
                    "question": turn.question,
                    "answer": turn.answer,
                    "value": turn.value,
                    "success": turn.success,
                    "run_id": turn.run_id,
                    "asked": stamp(turn.asked),
                    "seconds": round(turn.seconds, 3),
                }
                for turn in self.turns
            ],
        }

    def drawn(self) -> RenderableType:
        """For a terminal."""
        parts: list[RenderableType] = [Text(one_line(self.row.name), style="bold"), self._documents(), Text()]
        for turn in self.turns:
            title = Text(one_line(turn.question, 200) if "\n" not in turn.question else f"question {turn.n + 1}", style="bold cyan")
            parts.append(Rule(title, align="left", style="dim"))
            if "\n" in turn.question:
                parts.append(Text(safe(turn.question), style="bold cyan"))
            parts += [drawn(safe(turn.answer)), Text(_about(turn), style="dim"), Text()]
        return Group(*parts)

    def _documents(self) -> RenderableType:
        grid = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
        grid.add_column("document", overflow="fold")
        grid.add_column("characters", justify="right", no_wrap=True)
        grid.add_column("added", no_wrap=True)
        for document in self.documents[:LISTED]:
            grid.add_row(Text(_title(document)), f"{document.chars:,}", day(document.added))
        if len(self.documents) > LISTED:
            grid.add_row(Text(f"and {len(self.documents) - LISTED:,} more", style="dim"), "", "")
        return grid if self.documents else Text("no document yet", style="dim")

    def plain(self) -> str:
        """For a pipe."""
        lines = [f"thread: {one_line(self.row.name)}"]
        lines += [f"document: {_title(document)} ({document.chars:,} characters)" for document in self.documents]
        for turn in self.turns:
            lines += ["", f"Q: {safe(turn.question)}", f"A: {safe(turn.answer)}", f"   {_about(turn)}"]
        return "\n".join(lines)

    def markdown(self) -> str:
        """For a file. Questions are headings of one line, answers stand in fences that nothing within them ends."""
        lines = [f"# Thread {_escaped(one_line(self.row.name))}", ""]
        lines += [f"- {_escaped(_title(document))} ({document.chars:,} characters)" for document in self.documents]
        for turn in self.turns:
            lines += ["", f"## {turn.n + 1}. {_escaped(one_line(turn.question, 200))}", ""]
            if one_line(turn.question, 200) != turn.question:
                lines += [_fenced(turn.question), ""]
            lines += [_fenced(turn.answer), "", f"_{_about(turn)}_"]
        return "\n".join(lines)


def listing(rows: Sequence[ThreadRow]) -> Table:
    """The threads, for a terminal."""
    grid = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    grid.add_column("thread", overflow="fold")
    for name in ("questions", "documents", "characters"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("last written", no_wrap=True)
    for row in rows:
        numbers = (f"{number:,}" for number in (row.turns, row.documents, row.chars))
        grid.add_row(Text(one_line(row.name), style="bold"), *numbers, day(row.updated))
    return grid


def _about(turn: TurnRow) -> str:
    partial = "" if turn.success else ", not accepted: a partial answer"
    return f"{day(turn.asked)}, {turn.seconds:.1f} s, run {one_line(turn.run_id, 80)}{partial}"


def _title(document: DocumentRow) -> str:
    return one_line(document.title, 200) or "(no name)"


def _fenced(text: str) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{safe(text)}\n{fence}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|&~!])", r"\\\1", text)
