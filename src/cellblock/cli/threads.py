"""`cellblock threads`: list, show, export and delete what `chat --thread` and `upload --thread` keep."""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from . import options as o
from .kept import KeptIn, is_there, place, reading, unknown
from .terminal import is_terminal, one_line, say, to_json, write
from .times import stamp
from .writing import lines_to

if TYPE_CHECKING:
    from ..engine.kept import Place
    from ..store.opening import Store
    from ..store.threads import ThreadRow
    from .transcripts import Whole

EPILOG = """
**Examples**

cellblock threads list

cellblock threads show lease

cellblock threads export lease --to lease.md

cellblock threads export lease --format json | jq '.turns[].answer'

cellblock threads delete lease

`cellblock chat --thread NAME` and `cellblock upload --thread NAME` make threads.
"""
NOT_THERE = "no thread yet; cellblock chat --thread NAME begins one"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The thread's; `cellblock threads list` has them.")]

app = typer.Typer(
    help="List, show, export and delete threads: conversations that are kept.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """What an export looks like."""

    MARKDOWN = "markdown"
    JSON = "json"


@app.callback(invoke_without_command=True)
def top(ctx: typer.Context) -> None:
    """List, show, export and delete threads: conversations that are kept."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", epilog="**Examples**\n\ncellblock threads list\n\ncellblock threads list --json | jq '.threads[].name'")
def list_(journal: KeptIn = None, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """List the threads: questions, documents, characters, and when each was last written."""
    at = place(journal)
    rows = _rows(at) if is_there(at) else []
    if json:
        write(to_json({"threads": [_fields(row) for row in rows]}))
    elif not rows:
        say(NOT_THERE)
    elif is_terminal(sys.stdout):
        from .terminal import console
        from .transcripts import listing

        console(sys.stdout).print(listing(rows))
    else:
        write("\n".join(f"{one_line(row.name)}\t{row.turns}\t{row.documents}\t{row.chars}\t{stamp(row.updated)}" for row in rows))


@app.command("show", epilog="**Examples**\n\ncellblock threads show lease\n\ncellblock threads show lease --json | jq '.turns[-1]'")
def show(name: Name, journal: KeptIn = None, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Show a thread: its documents, its questions and its answers."""
    with reading(place(journal)) as store:
        whole = _whole(store, place(journal), name)
    if json:
        write(to_json(whole.fields()))
    elif is_terminal(sys.stdout):
        from .terminal import console

        console(sys.stdout).print(whole.drawn())
    else:
        write(whole.plain())
    if whole.cut_off is not None:
        say(f"the last question was cut off: cellblock resume {whole.cut_off}")


@app.command(
    "export", epilog="**Examples**\n\ncellblock threads export lease --to lease.md\n\ncellblock threads export lease --format json"
)
def export(
    name: Name,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to.  [default: standard output]")] = None,
    format: Annotated[Format, typer.Option("--format", help="Markdown to read, or JSON with every figure.")] = Format.MARKDOWN,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    journal: KeptIn = None,
    verbose: o.Verbose = False,
) -> None:
    """Write a thread's questions and answers to a file or to standard output."""
    at = place(journal)
    with reading(at) as store:
        whole = _whole(store, at, name)
    text = to_json(whole.fields()) if format is Format.JSON else whole.markdown()
    with lines_to(to, overwrite=overwrite, kept=at.path) as line_to:
        line_to(text)


@app.command("delete", epilog="**Examples**\n\ncellblock threads delete lease\n\ncellblock threads delete lease --yes --with-runs")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    with_runs: Annotated[bool, typer.Option("--with-runs", help="Delete the journal's record of its runs, too.")] = False,
    journal: KeptIn = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Delete a thread: its documents, questions, answers and variables. Its runs stay in the journal, unless --with-runs is given."""
    import anyio

    from ..engine.kept import delete as deleted

    at = place(journal)
    with reading(at) as store:
        whole = _whole(store, at, name)
    if not yes:
        _ask(whole)
    if not anyio.run(deleted, at, name):
        raise unknown(name, at)
    with reading(at) as store:
        if with_runs:
            for run_id in whole.runs():
                # One that was deleted by itself is gone already.
                with suppress(LookupError):
                    store.journal.delete_run(run_id)
        # At once: what was deleted is not to lie about in the file.
        store.gc(0)
    if not quiet:
        say(f"deleted{'' if with_runs else '; its runs are in the journal still'}")


def _ask(whole: Whole) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError("nobody is there to ask; --yes deletes without asking")
    row = whole.row
    say(f"thread {one_line(row.name)}: {row.turns:,} questions, {row.documents:,} documents")
    if not typer.confirm("Delete it for good?", err=True):
        say("not deleted")
        raise typer.Exit(1)


def _rows(at: Place) -> list[ThreadRow]:
    with at.threads() as threads:
        return threads.all()


def _whole(store: Store, at: Place, name: str) -> Whole:
    from ..engine.kept import threads_of
    from .transcripts import Whole

    threads = threads_of(store, at.tenant)
    row = threads.get(name)
    if row is None:
        raise unknown(name, at)
    return Whole(row=row, documents=threads.documents(name), turns=threads.turns(name), cut_off=at.cut_off(store, name))


def _fields(row: ThreadRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "turns": row.turns,
        "documents": row.documents,
        "characters": row.chars,
        "created": stamp(row.created),
        "updated": stamp(row.updated),
    }
