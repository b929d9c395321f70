"""What has to be true of a run that was cut off and went on, beside the same run undisturbed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellblock.store.journal import Journal
from cellblock.store.rows import EffectRow

from .host import Ended, Report

CALLS = ("ask", "call")


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """The run that nothing happened to."""

    report: Report
    calls: Counter[str]
    """What its server was asked."""
    tool_calls: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """What stood at a moment when nobody drove the run."""

    begun: Counter[str]
    """Requests that the server had got by then."""
    answered: int
    """Calls of models with an outcome on record."""
    open_calls: frozenset[str]
    """Calls on record without one."""
    open_tools: int

    @property
    def in_flight(self) -> int:
        """Calls that were made, and whose answers are not on record."""
        return self.begun.total() - self.answered


def stop(folder: Path, begun: Counter[str]) -> Stop:
    rows = [row for rows in recorded(folder).values() for row in rows]
    calls = [row for row in rows if row.kind in CALLS]
    return Stop(
        begun=Counter(begun),
        answered=sum(row.ended is not None for row in calls),
        open_calls=frozenset(f"{row.run_id}:{row.key}" for row in calls if row.ended is None),
        open_tools=sum(row.kind == "tool" and row.ended is None for row in rows),
    )


def recorded(folder: Path) -> dict[str, list[EffectRow]]:
    """Of each run its effects."""
    with Journal(folder / "journal.db") as journal:
        return {run.run_id: journal.effects(run.run_id) for run in journal.runs()}


def root_id(folder: Path) -> str | None:
    """The run that was begun, if it got as far as that."""
    if not (folder / "journal.db").exists():
        return None
    with Journal(folder / "journal.db") as journal:
        return next((run.run_id for run in journal.runs(parent=None)), None)


def ended_on_record(folder: Path, was: Undisturbed) -> Ended | None:
    """How the run has ended by its record; None where it has not."""
    with Journal(folder / "journal.db") as journal:
        row = journal.runs(parent=None)[0]
    if row.status != "ended":
        return None
    usage = {**row.result["usage"], "parts": row.result["spent"], "saved_usd": was.report.usage["saved_usd"]}
    same = {"answer": was.report.answer, "steps": was.report.steps, "subcalls": was.report.subcalls}
    report = Report(value=row.result["value"], ending=row.result["ending"], usage=usage, error=row.result["error"], **same)
    return Ended(report=report, signal=0, left=[])


def tool_calls(folder: Path) -> Counter[str]:
    noted = folder / "tool.txt"
    return Counter(noted.read_text().splitlines() if noted.exists() else ())


def problems(folder: Path, was: Undisturbed, stops: list[Stop], ends: list[Ended], begun: Counter[str]) -> list[str]:
    """What is wrong with a run that was stopped so often and has ended now; a line each.

    Args:
        ends: of all its processes; the last one ended the run.
        begun: what its server was asked in all.
    """
    report = ends[-1].report
    if report is None:
        return [f"the last process died by signal {ends[-1].signal}"]
    if report.error is not None:
        return [f"it did not end: {report.error}"]
    found = [f"{name}: {now!r}, undisturbed: {then!r}" for name, then, now in _compared(was.report, report) if then != now]
    found += [f"left over: {name}" for end in ends for name in end.left]
    found += _of_calls(was, stops, ends, begun)
    tools = tool_calls(folder) - was.tool_calls
    if tools.total() > (allowed := sum(one.open_tools for one in stops)):
        found.append(f"tools were called {tools.total()} times more ({dict(tools)}), {allowed} allowed")
    return found + _of_the_file(folder)


def _compared(was: Report, now: Report) -> list[tuple[str, Any, Any]]:
    names = ("answer", "value", "ending", "usage", "steps", "subcalls")
    return [(name, getattr(was, name), getattr(now, name)) for name in names]


def _of_calls(was: Undisturbed, stops: list[Stop], ends: list[Ended], begun: Counter[str]) -> list[str]:
    found = []
    repeated = begun - was.calls
    # Every call that was begun and not answered on record, at any stop: what was in flight at one is among those at the next.
    allowed = stops[-1].in_flight if stops else 0
    if repeated.total() > allowed:
        found.append(f"{repeated.total()} calls were repeated, {allowed} were in flight: {list(repeated)}")
    if missing := was.calls - begun:
        found.append(f"never asked: {list(missing)}")
    if stops and stops[-1].open_calls and (unmarked := set(ends[-1].report.repeated) ^ stops[-1].open_calls):
        found.append(f"open at the last stop and not marked as repeated, or the other way round: {sorted(unmarked)}")
    return found


def _of_the_file(folder: Path) -> list[str]:
    runs = recorded(folder)
    found = [f"{row.run_id} {row.kind} {row.key} has no outcome" for rows in runs.values() for row in rows if row.ended is None]
    with Journal(folder / "journal.db") as journal:
        found += [f"{run.run_id} is {run.status}" for run in journal.runs() if run.status != "ended"]
    with sqlite3.connect(folder / "journal.db") as database:
        found += [f"integrity: {row[0]}" for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
        # Of a run that is on record, by a process that lives: those of the killed ones stay.
        sql = "SELECT pid FROM leases WHERE held = 1 AND name IN (SELECT 'run:' || run_id FROM runs)"
        held = sum(Path(f"/proc/{pid}").exists() for (pid,) in database.execute(sql))
    database.close()
    if held:
        found.append(f"{held} leases are held")
    open_rows = [row for rows in runs.values() for row in rows if row.kind == "again"]
    if len({(row.run_id, row.key, row.seq) for row in open_rows}) != len(open_rows):
        found.append("a row is marked twice in one attempt")
    return found
