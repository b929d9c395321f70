"""`cellblock audit`: attack the sandboxes of this machine, and tell what each wall stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from . import options as o
from .terminal import console, is_terminal, one_line, say, to_json, write

if TYPE_CHECKING:
    from ..audit.attempts import Attempt
    from ..audit.plan import Trial
    from ..audit.report import Part, Report
    from ..audit.runner import Result
    from ..audit.system import Walls

EPILOG = """
**Examples**

cellblock audit

cellblock audit --sandbox monty --class A --class E

cellblock audit --html audit.html --json > audit.json

cellblock audit --system my_package.sandboxes:mine

cellblock audit --sandbox wasi --only A/format -v

**Exit codes** 0 all contained, 1 an escape, a crash of the host, a limit overrun, or a blind audit, 2 the call is wrong
"""
LISTED = 50
"""Findings that are told one by one."""

Sandboxes = Annotated[
    list[str] | None,
    typer.Option(
        "--sandbox", metavar="NAME", help="Which sandbox; repeatable. `exec` and `restrictedpython` are controls.  [default: all]"
    ),
]
Systems = Annotated[
    list[str] | None, typer.Option("--system", metavar="MODULE:NAME", help="A `cellblock.audit.System` of your own; repeatable.")
]
Classes = Annotated[list[str] | None, typer.Option("--class", metavar="A-I", help="Which class of attempts; repeatable.  [default: all]")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="ID", help="Attempts whose id begins so, such as A/format; repeatable.")]
WallsOption = Annotated[
    str,
    typer.Option(
        "--walls", metavar="WHICH", help="`both` walls, the `interpreter` alone, the `jail` alone, or `each`: class A on each alone, too."
    ),
]
Controls = Annotated[
    bool | None,
    typer.Option(
        "--controls/--no-controls", help="Attack what is no sandbox, too, to see that the audit can see.  [default: with a whole audit]"
    ),
]
Corpus = Annotated[
    Path | None, typer.Option("--corpus", metavar="FOLDER", help="Attempts of your own.  [default: those that come with Cellblock]")
]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with every attempt.", rich_help_panel=o.OUTPUT)]
Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", min=1, help="Throw-away processes at once.  [default: one a processor, up to 4]")
]
Wall = Annotated[float, typer.Option("--wall-seconds", metavar="S", help="Wall and processor time of a cell.", rich_help_panel=o.LIMITS)]
Memory = Annotated[int, typer.Option("--memory-mb", metavar="N", min=16, help="Memory of a cell, in MiB.", rich_help_panel=o.LIMITS)]
_WALLS: dict[str, tuple[Walls, ...]] = {
    "both": ("both",),
    "interpreter": ("interpreter",),
    "jail": ("jail",),
    "each": ("both", "interpreter", "jail"),
}


def audit(
    sandbox: Sandboxes = None,
    system: Systems = None,
    kind: Classes = None,
    only: Only = None,
    walls: WallsOption = "each",
    controls: Controls = None,
    corpus: Corpus = None,
    wall_seconds: Wall = 0.5,
    memory_mb: Memory = 64,
    jobs: Jobs = None,
    html: Html = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Attack the sandboxes with live canaries, and tell from the canaries what was contained.

    Each attempt is a file of the corpus. It is made in a throw-away process that holds secrets: in a file, in a variable, in memory; beside
    a port that listens, a file that must not appear, and a function that must not run. What the sandbox says of itself is not asked.
    """
    from ..audit.attempts import load_corpus
    from ..audit.plan import audited, trials
    from ..audit.runner import Audit

    if walls not in _WALLS:
        raise ConfigError(f"--walls={one_line(walls, 40)}: one of {', '.join(_WALLS)} is needed")
    attempts = load_corpus(corpus, classes=_classes(kind), ids=only or ())
    names = [*(sandbox or ([] if system else _usable())), *(system or [])]
    whole = not (sandbox or system or kind or only) if controls is None else controls
    planned = list(trials(attempts, names, walls=_WALLS[walls], controls=whole))
    made = Audit(wall_seconds=wall_seconds, memory_bytes=memory_mb * 2**20, **({"at_once": jobs} if jobs else {}))
    with _progress(planned, quiet=quiet or json) as tell:
        report = audited(made, planned, tell)
    if html is not None:
        _write_page(html, report, attempts)
    if json:
        write(to_json(report.fields()))
    else:
        _show(report, every=verbose)
    return report.exit_code


def _classes(given: Sequence[str] | None) -> str:
    from ..audit.attempts import CLASSES

    letters = "".join(given or ()).replace(",", "").replace("-", "").upper()
    if given and len(given) == 1 and len(given[0]) == 3 and given[0][1] == "-":
        letters = "".join(letter for letter in CLASSES if letters[0] <= letter <= letters[-1])
    if unknown := set(letters) - set(CLASSES):
        raise ConfigError(
            f"--class {''.join(sorted(unknown))}: one of {', '.join(f'{letter} ({what})' for letter, what in CLASSES.items())} is needed"
        )
    return letters


def _usable() -> list[str]:
    from .sandboxes import known_to_this_machine, usable

    found = known_to_this_machine()
    for info in found:
        if not info.available:
            say(f"not attacked: {one_line(info.name)} is {usable(info)}")
    if not (names := [info.name for info in found if info.available]):
        raise ConfigError("no sandbox can run here; `cellblock sandboxes` tells why")
    return names


@contextmanager
def _progress(planned: Sequence[Trial], *, quiet: bool) -> Iterator[Callable[[Trial, Result], None]]:
    """Tells how far it is, on a terminal as a bar for each system."""
    if quiet or not is_terminal(sys.stderr):
        yield lambda _trial, _result: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bars:
        tasks = {id(trial): bars.add_task(_called(trial), total=len(trial.attempts), start=False) for trial in planned}

        def tell(trial: Trial, _result: Result) -> None:
            bars.start_task(tasks[id(trial)])
            bars.advance(tasks[id(trial)])

        yield tell


def _called(trial: Trial) -> str:
    return {"both": one_line(trial.name), "interpreter": f"{one_line(trial.name)} without a jail", "jail": "the jail alone"}[trial.walls]


def _write_page(path: Path, report: Report, attempts: Sequence[Attempt]) -> None:
    from ..audit.html import page

    path.write_text(page(report, attempts), encoding="utf-8")
    say(f"the page is {one_line(str(path), 4_000)}")


def _show(report: Report, *, every: bool) -> None:
    for part in report.parts:
        if is_terminal(sys.stdout):
            console(sys.stdout).print(table(part))
        else:
            write("\n".join(lines(part)))
    shown = [result for part in report.parts for result in part.findings() if every or not part.is_control]
    for result in shown if every else shown[:LISTED]:
        write(f"{result.outcome}: {one_line(result.id)} on {one_line(result.system)}: {one_line('; '.join(result.why), 600)}")
    for what in report.unseen():
        write(f"the audit is blind: {what}")
    write(_verdict(report))


def _verdict(report: Report) -> str:
    tried = sum(row.tried for part in report.parts if not part.is_control for row in part.rows())
    found = report.findings()
    escaped = len(report.escaped())
    controls = sum(len(part.findings()) for part in report.parts if part.is_control)
    seen = f"; {controls:,} attempts got through the controls, as they should" if controls else ""
    if not found:
        return f"{tried:,} attempts, all contained{seen}"
    return f"{tried:,} attempts, {len(found):,} not contained, {escaped:,} of them escapes{seen}"


HEADINGS = ("class", "tried", "contained", "escaped", "host crashed", "limit overrun", "not applicable", "slowest", "memory", "host's lag")


def cells(part: Part) -> list[list[str]]:
    """A row of texts for each class."""
    from ..audit.attempts import CLASSES

    made = []
    for row in part.rows():
        counts = [str(row.outcomes.get(name, 0) or "") for name in HEADINGS[2:7]]
        figures = [f"{row.seconds:.2f} s", f"{row.memory_bytes / 1e6:.0f} MB", f"{row.lag_seconds * 1000:.0f} ms"]
        made.append([f"{row.kind} {CLASSES[row.kind]}", str(row.tried), *counts, *figures])
    return made


def lines(part: Part) -> list[str]:
    """A plain listing: a line for each class."""
    rows = [[f"{name}={cell}" for name, cell in zip(HEADINGS[1:], row[1:], strict=True) if cell] for row in cells(part)]
    heads = [row[0] for row in cells(part)]
    return [
        f"{one_line(part.title)}: {part.seconds:.0f} s",
        *(f"  {head}: {', '.join(row)}" for head, row in zip(heads, rows, strict=True)),
    ]


def table(part: Part) -> Any:
    """The figures for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    title = Text(f"{one_line(part.title)}, {part.seconds:.0f} s", style="bold")
    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in HEADINGS:
        grid.add_column(name, justify="left" if name == "class" else "right", no_wrap=name == "class")
    bad = "yellow" if part.is_control else "bold red"
    styles = ["", "", "green", *[bad] * 3, "dim", "", "", ""]
    for row in cells(part):
        grid.add_row(*(Text(cell, style=style) for cell, style in zip(row, styles, strict=True)))
    return grid
