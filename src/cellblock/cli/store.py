"""`cellblock store`: is the data sound, what can go, where does it lie and how large is it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, StoreError
from . import options as o
from . import records
from .terminal import one_line, say, to_json, write

EPILOG = """
**Examples**

cellblock store path

cellblock store check

cellblock store gc --older-than 2d

cellblock store check --journal postgresql://me@db.example/cellblock
"""
PATH_EPILOG = "**Examples**\n\ncellblock store path\n\ncellblock store path --json | jq .blob_bytes"
CHECK_EPILOG = """
**Examples**

cellblock store check

cellblock store check --journal old.db || echo damaged

**Exit codes** 0 sound, 1 damaged (each problem is a line on standard output), 2 the call is wrong
"""
GC_EPILOG = "**Examples**\n\ncellblock store gc\n\ncellblock store gc --older-than 15m\n\ncellblock store gc --older-than 0 --json"
MOST_PROBLEMS = 1_000
"""That are told one by one."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)")

app = typer.Typer(
    help="Check the data beside the journal, remove what nothing needs, and tell where it lies.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("path", epilog=PATH_EPILOG)
def path(journal: o.Journal = None, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Tell where the data lies, and how large it is: runs, effects and blobs (contexts, states and documents)."""
    from ..store.figures import figures
    from ..store.journal import DEFAULT_TENANT

    place = records.place_of(journal)
    if not records.is_there(place):
        write(to_json({"place": place, "exists": False}) if json else f"{one_line(place, 4_000)}\nnothing is there yet")
        return
    with records.reading(journal) as store:
        found, shown = figures(store.database, DEFAULT_TENANT), store.database.place
    if json:
        write(to_json({"place": shown, "exists": True, "file_bytes": _file_bytes(place), **asdict(found)}))
        return
    size = "" if (on_disk := _file_bytes(place)) is None else f"\non disk: {_bytes(on_disk)}"
    runs = f"runs: {found.runs:,}, and {found.child_runs:,} child runs"
    effects = f"effects: {found.effects:,}, {_bytes(found.effect_bytes)}"
    blobs = f"blobs: {found.blobs:,}, {_bytes(found.blob_bytes)}; {found.unreachable_blobs:,} of them are linked by nothing"
    write(f"{one_line(shown, 4_000)}{size}\n{runs}\n{effects}\n{blobs}")


@app.command("check", epilog=CHECK_EPILOG)
def check(journal: o.Journal = None, json: o.Json = False, quiet: o.Quiet = False, verbose: o.Verbose = False) -> None:
    """Read everything, and tell what is damaged: pages, records, contexts and states, and links that lead nowhere."""
    from ..repl.keys import tenant_key
    from ..store.journal import DEFAULT_TENANT

    problems: list[str] = []
    try:
        with records.reading(journal, key=tenant_key(DEFAULT_TENANT)) as store:
            problems = store.check()
    except StoreError as error:
        # So damaged that it cannot be opened, or be read to its end.
        problems.append(str(error))
    if json:
        write(to_json({"place": records.place_of(journal), "sound": not problems, "problems": problems[:MOST_PROBLEMS]}))
    elif problems:
        write("\n".join(one_line(problem, 1_000) for problem in problems[:MOST_PROBLEMS]))
        if not quiet:
            say(f"cellblock: damaged: {_count(len(problems), 'problem')}")
    else:
        write("sound")
    raise typer.Exit(1 if problems else 0)


@app.command("gc", epilog=GC_EPILOG)
def gc(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Only what nobody has touched for so long: seconds, or 15m, 2h, 7d.")
    ] = "1h",
    journal: o.Journal = None,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Remove contexts, states and documents that nothing links to any more.

    Deleted runs leave such. The space is used again for what comes next; the file itself does not shrink.
    """
    seconds = age(older_than)
    with records.reading(journal) as store:
        removed = store.gc(seconds)
    if json:
        write(to_json({"blobs": removed.blobs, "bytes": removed.bytes}))
    else:
        younger = f"; what was touched in the last {older_than} stays, --older-than 0 removes it too" if seconds else ""
        write(f"removed {_count(removed.blobs, 'blob')}, {_bytes(removed.bytes)}{younger}")


def age(text: str) -> float:
    """Seconds, from what `--older-than` was given.

    Raises:
        ConfigError: it is no age.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"--older-than {one_line(text, 40)}: seconds are needed, or minutes, hours or days such as 15m, 2h, 7d")
    return float(match[1]) * _UNITS[match[2]]


def _file_bytes(place: str) -> int | None:
    """Of the file and those that SQLite keeps beside it; None for a server."""
    if "://" in place:
        return None
    total = 0
    for name in (place, f"{place}-wal", f"{place}-shm"):
        with suppress(OSError):
            total += Path(name).stat().st_size
    return total


def _bytes(size: int) -> str:
    """In the unit that people would take."""
    if size < 1024:
        return _count(size, "byte")
    for unit in ("KiB", "MiB"):
        size_in = size / (1024 if unit == "KiB" else 2**20)
        if size_in < 1024:
            return f"{size_in:.1f} {unit}"
    return f"{size / 2**30:.1f} GiB"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
