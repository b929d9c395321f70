"""`cellblock runs`: what is on record, one run of it, and how to be rid of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from . import options as o
from . import records
from .terminal import is_terminal, one_line, say, to_json, write
from .times import stamp

if TYPE_CHECKING:
    from ..store.opening import Store
    from ..store.rows import RunRow

EPILOG = """
**Examples**

cellblock runs

cellblock runs --status cut-off

cellblock runs -n 100 --json | jq '.runs[] | select(.success | not)'

cellblock runs show last

cellblock runs delete 20260503-1412

A run that is `running` on record, and that no living process drives, is shown as `cut off`: `cellblock resume` goes on with it.
"""
SHOW_EPILOG = """
**Examples**

cellblock runs show last

cellblock runs show 20260503-1412

cellblock runs show 20260503-141207-5f1c09aa3e/1

cellblock runs show last --json | jq '.effects[] | select(.error)'
"""
DELETE_EPILOG = """
**Examples**

cellblock runs delete 20260503-1412

cellblock runs delete --yes 20260503-1412 20260504-0901
"""

app = typer.Typer(
    help="List the runs on record, show one, delete some.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Status(StrEnum):
    """How a run stands, as it is chosen."""

    RUNNING = "running"
    CUT_OFF = "cut-off"
    ENDED = "ended"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A run in the list."""

    row: RunRow
    status: str
    steps: int

    @property
    def success(self) -> bool | None:
        """Whether it has an answer that was accepted; None while it has not ended."""
        success = records.result_in(self.row).get("success")
        return success if isinstance(success, bool) else None

    def fields(self) -> dict[str, Any]:
        """As plain data."""
        task, result, row = records.task_in(self.row), records.result_in(self.row), self.row
        return {
            "run_id": row.run_id,
            "parent": row.parent,
            "status": self.status,
            "started": stamp(row.started),
            "ended": None if row.ended is None else stamp(row.ended),
            "seconds": None if row.ended is None else round(max(0.0, row.ended - row.started), 3),
            "model": records.text_in(task, "model"),
            "sandbox": records.text_in(task, "sandbox"),
            "steps": self.steps,
            "success": self.success,
            "ending": result.get("ending"),
            "error": result.get("error"),
            "branched": task.get("branched"),
            "question": records.text_in(task, "question"),
        }


@app.callback(invoke_without_command=True)
def runs(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option("--status", help="Only those that stand so.")] = None,
    children: Annotated[bool, typer.Option("--all", help="Child runs, too.")] = False,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=1_000_000, metavar="N", help="So many, the newest.")] = 20,
    journal: o.Journal = None,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """List the runs on record, the newest first: id, start, status, model, steps, success and question."""
    if ctx.invoked_subcommand is not None:
        if status is not None or children or json or journal is not None:
            raise ConfigError(f"options of {ctx.invoked_subcommand} come after it: cellblock runs {ctx.invoked_subcommand} … --help")
        return
    place = records.place_of(journal)
    found, more = _listed(place, status, children, number) if records.is_there(place) else ([], False)
    if json:
        write(to_json({"runs": [each.fields() for each in found], "more": more}))
    elif not found:
        say(f"no {'such ' if status else ''}run in {one_line(place)}")
    else:
        _print(found)
        if more:
            say(f"and more; -n {10 * number} shows them")


def _listed(place: str, status: Status | None, children: bool, number: int) -> tuple[list[Listed], bool]:
    """The newest of them, and whether there are more."""
    from ..store.figures import steps_of
    from ..store.journal import DEFAULT_TENANT

    wanted = None if status is None else status.value.replace("-", " ")
    found: list[Listed] = []
    with records.reading(place) as store:
        for row in _rows(store, wanted, children, number + 1):
            stands = records.status_of(store, row)
            if wanted in (None, stands):
                found.append(Listed(row=row, status=stands, steps=steps_of(store.database, DEFAULT_TENANT, row.run_id)))
            if len(found) > number:
                break
    return found[:number], len(found) > number


def _rows(store: Store, wanted: str | None, children: bool, limit: int) -> Sequence[RunRow]:
    parent = ... if children else None
    match wanted:
        case "running" | "cut off":
            # Which of the two is not on record.
            return store.journal.runs(parent=parent, status="running")[::-1]
        case "ended" | "failed" | "cancelled":
            return store.journal.runs(parent=parent, status=wanted, limit=limit)[::-1]
        case _:
            return store.journal.runs(parent=parent, limit=limit)[::-1]


def _print(found: Sequence[Listed]) -> None:
    if is_terminal(sys.stdout):
        from .run_tables import listing
        from .terminal import console

        screen = console(sys.stdout)
        screen.print(listing(found, screen.width))
    else:
        write("\n".join("\t".join(plain(each)) for each in found))


def plain(each: Listed) -> list[str]:
    """The columns of a line for a pipe."""
    task = records.task_in(each.row)
    success = {True: "yes", False: "no", None: "-"}[each.success]
    model, question = one_line(records.text_in(task, "model"), 80), one_line(records.text_in(task, "question"), 200)
    return [one_line(each.row.run_id, 200), stamp(each.row.started), each.status, model or "-", str(each.steps), success, question]


@app.command("show", epilog=SHOW_EPILOG)
def show(run: records.RunName, journal: o.Journal = None, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Show a run: what was asked, under which settings, and each effect with how long it took and how it ended.

    A child run is meant by its whole id, as the list of effects has it.
    """
    from ..store.figures import steps_of
    from ..store.journal import DEFAULT_TENANT
    from .going_on import command
    from .run_tables import Whole

    with records.reading(journal) as store:
        row = records.find(store, run, records.newest)
        listed = Listed(row=row, status=records.status_of(store, row), steps=steps_of(store.database, DEFAULT_TENANT, row.run_id))
        children = [child.run_id for child in store.journal.runs(parent=row.run_id)]
        whole = Whole(listed=listed, effects=store.journal.effects(row.run_id), children=children, go_on=command(row.run_id, journal))
    if json:
        write(to_json(whole.fields()))
    elif is_terminal(sys.stdout):
        from .terminal import console

        console(sys.stdout).print(whole.drawn())
    else:
        write(whole.plain())


@app.command("delete", epilog=DELETE_EPILOG)
def delete(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Ids, or beginnings that no other run has.")],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    journal: o.Journal = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Delete runs with their child runs, and what was kept for them. One that is being driven is refused, and none is deleted then."""
    with records.reading(journal) as store:
        rows = {row.run_id: row for row in (records.find(store, name, records.newest) for name in runs)}
        _check_idle(store, list(rows.values()))
    if not yes:
        _ask(list(rows.values()))
    # Opened anew: whoever is asked takes as long as he likes.
    with records.reading(journal) as store:
        for run_id in rows:
            store.journal.delete_run(run_id)
        # At once: what was deleted is not to lie about in the file.
        store.gc(0)
    if not quiet:
        say(f"deleted {len(rows):,} run{'' if len(rows) == 1 else 's'}")


def _check_idle(store: Store, rows: Sequence[RunRow]) -> None:
    for row in rows:
        if row.parent is not None:
            raise ConfigError(f"{one_line(row.run_id)} is a child run; it goes with the run that it belongs to")
        if records.status_of(store, row) == "running":
            raise ConfigError(f"run {one_line(row.run_id)} is being driven; end that first, with Ctrl-C where it runs")


def _ask(rows: Sequence[RunRow]) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError("nobody is there to ask; --yes deletes without asking")
    for row in rows[:20]:
        say(f"{one_line(row.run_id)}  {one_line(records.text_in(records.task_in(row), 'question'), 80)}")
    if not typer.confirm(f"Delete {'this run' if len(rows) == 1 else f'these {len(rows):,} runs'} for good?", err=True):
        say("not deleted")
        raise typer.Exit(1)
