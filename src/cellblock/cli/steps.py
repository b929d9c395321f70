"""The steps of a run on record: what its model replied, so that one can be chosen to branch off from."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .terminal import console, is_terminal, one_line, to_json, write

if TYPE_CHECKING:
    from ..store.rows import EffectRow

FIRST_LINE_CHARS = 200
MODEL_CHARS = 20
BESIDE_CHARS = MODEL_CHARS + 30
"""Of a line, for all but the reply."""
NOTICE = "[simulated: no language model was called]"
"""The first line of every simulated reply; the next one says more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One reply, or why there is none."""

    number: int
    model: str
    reply: str | None
    error: str | None
    seconds: float | None
    cells: int
    """That stand in the reply and were run."""

    @property
    def line(self) -> str:
        """Its first line that says something, safe; or why there is none. Of a fence, what is in it says more."""
        if self.reply is None:
            return f"({one_line(self.error or 'no reply: the run was cut off here', FIRST_LINE_CHARS)})"
        lines = (line.strip() for line in self.reply[: 20 * FIRST_LINE_CHARS].split("\n"))
        return one_line(
            next((line for line in lines if line and line != NOTICE and not line.startswith("```")), "(an empty reply)"), FIRST_LINE_CHARS
        )


def steps_in(rows: Sequence[EffectRow]) -> list[Step]:
    """The steps among a run's effects, in order. Of one that was asked several times, the last attempt counts."""
    found: dict[int, Step] = {}
    cells: dict[str, int] = {}
    for row in rows:
        if row.kind == "exec" and _record(row.payload).get("origin") == "reply":
            step = row.key.partition(".")[0]
            cells[step] = cells.get(step, 0) + 1
    for row in rows:
        if row.kind == "ask" and row.key.isdecimal() and row.key.isascii():
            found[int(row.key)] = _step(row, cells.get(row.key, 0))
    return [found[number] for number in sorted(found)]


def _step(row: EffectRow, cells: int) -> Step:
    asked, outcome = _record(row.payload), _record(row.outcome)
    text, error, message = outcome.get("text"), outcome.get("error"), outcome.get("message")
    return Step(
        number=int(row.key),
        model=str(asked.get("model", "")),
        reply=text if isinstance(text, str) else None,
        error=f"{error}: {message}" if error is not None else None,
        seconds=None if row.ended is None else row.ended - row.started,
        cells=cells,
    )


def reply_of(steps: Sequence[Step], number: int, run_id: str) -> str:
    """What the model replied at a step.

    Raises:
        ConfigError: the run has no such step, or there is no reply.
    """
    for step in steps:
        if step.number == number:
            if step.reply is None:
                raise ConfigError(
                    f"step {number} of run {one_line(run_id)} has no reply to edit; --reply gives one, --ask-again asks for one"
                )
            return step.reply
    raise no_such_step(steps, number, run_id)


def no_such_step(steps: Sequence[Step], number: int, run_id: str) -> ConfigError:
    """What to say where there is no such step."""
    there = f"the steps {steps[0].number} to {steps[-1].number}" if steps else "no step"
    return ConfigError(f"--from {number}: run {one_line(run_id)} has {there}; --list shows them")


def show(run_id: str, steps: Sequence[Step], *, json: bool) -> None:
    """The steps on standard output: as JSON, as a table on a terminal, or as lines with tabs."""
    if json:
        write(to_json({"run_id": run_id, "steps": [_fields(step) for step in steps]}))
    elif is_terminal(sys.stdout):
        _draw(steps)
    else:
        write("\n".join(f"{step.number}\t{one_line(step.model, 80)}\t{step.cells}\t{step.line}" for step in steps))


def _fields(step: Step) -> dict[str, Any]:
    return {
        "step": step.number,
        "model": step.model,
        "cells": step.cells,
        "reply": step.reply,
        "error": step.error,
        "seconds": None if step.seconds is None else round(step.seconds, 3),
    }


def _draw(steps: Sequence[Step]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from .view import clock

    screen = console(sys.stdout)
    grid = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("step", "time", "cells"):
        grid.add_column(name, no_wrap=True, justify="right")
    grid.add_column("model", no_wrap=True)
    grid.add_column("reply", no_wrap=True)
    # Cut here: a table that is too wide takes from each column, and the number is what one looks for.
    room = max(16, screen.width - BESIDE_CHARS)
    for step in steps:
        seconds = "" if step.seconds is None else clock(step.seconds)
        line = Text(_cut(step.line, room), style="" if step.reply is not None else "red")
        grid.add_row(
            Text(str(step.number), style="bold"), seconds, str(step.cells), Text(_cut(one_line(step.model, 40), MODEL_CHARS)), line
        )
    screen.print(grid)


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _record(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
