"""`cellblock export-sft`: recorded runs as training data, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CellblockError, ConfigError, StoreError
from . import options as o
from .kept import KeptIn, counted, place, reading, unknown
from .terminal import one_line, say, to_json
from .writing import lines_to

if TYPE_CHECKING:
    from ..engine.kept import Place
    from ..store.journal import Journal, RunRow
    from ..store.opening import Store

EPILOG = """
**Examples**

cellblock export-sft --all --to runs.jsonl

cellblock export-sft --thread lease --format sharegpt --to lease.jsonl

cellblock export-sft --all --children --format prompt-completion --no-failed-steps --to steps.jsonl

cellblock export-sft 20260101-101500-0123456789 --metadata | jq .metadata

**Formats** `chat` is `{"messages": [{"role", "content"}, …]}`, one line a run. `sharegpt` is `{"conversations": [{"from", "value"}, …]}`,
one line a run. `prompt-completion` is `{"prompt": […], "completion": […]}`, one line a reply, with exactly the messages that the model
was shown: the only one for runs whose older turns were left out or summed up.

Sub-calls (`llm_query`) are not exported; child runs are with --children.
"""


class Format(StrEnum):
    """How a line looks."""

    CHAT = "chat"
    PAIRS = "prompt-completion"
    SHAREGPT = "sharegpt"


def export_sft(
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN", help="Ids of runs, as `run` and `chat` tell them.")] = None,
    thread: Annotated[str | None, typer.Option("--thread", metavar="NAME", help="The runs of a thread.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All runs of the journal.")] = False,
    format: Annotated[Format, typer.Option("--format", help="What a line holds; see below.")] = Format.CHAT,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to.  [default: standard output]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    successful: Annotated[
        bool, typer.Option("--only-successful/--with-failed", help="Runs with an accepted answer alone, or all that have a reply.")
    ] = True,
    children: Annotated[bool, typer.Option("--children", help="Their child runs, too.")] = False,
    failed_steps: Annotated[
        bool,
        typer.Option("--failed-steps/--no-failed-steps", help="Replies whose cell failed or that were refused (prompt-completion)."),
    ] = True,
    metadata: Annotated[bool, typer.Option("--metadata", help="Say in each line its run's id, model and success.")] = False,
    journal: KeptIn = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Write recorded runs as training data, one JSON object a line.

    What the model was shown is rebuilt from the journal, message by message. What cannot be rebuilt is left out, and told.
    """
    from ..engine.sft import lines, succeeded

    if sum((bool(runs), thread is not None, everything)) != 1:
        raise ConfigError("what to export? Name runs, or --thread NAME, or --all")
    if format is not Format.PAIRS and not failed_steps:
        raise ConfigError("--no-failed-steps goes with --format prompt-completion; a conversation cannot do without some of its turns")
    at = place(journal)
    tally = Tally(quiet=quiet)
    with reading(at) as store, lines_to(to, overwrite=overwrite, kept=at.path) as line_to:
        for run in _chosen(store, at, runs or [], thread, children=children):
            if successful and not succeeded(run):
                tally.unsuccessful += 1
                continue
            try:
                made = lines(run, store.journal.effects(run.run_id), format.value, with_failed_steps=failed_steps, metadata=metadata)
            except CellblockError as error:
                tally.leave_out(error)
                continue
            for line in made:
                line_to(to_json(line))
            tally.count(len(made))
        tally.check()
    tally.tell()


def _chosen(store: Store, at: Place, runs: list[str], thread: str | None, *, children: bool) -> Iterator[RunRow]:
    from ..engine.kept import threads_of
    from ..store.journal import Journal
    from ..store.trees import is_fork

    # Everybody's runs: the file is the user's own.
    journal = Journal.on(store.database)
    if thread is not None:
        threads = threads_of(store, at.tenant)
        if threads.get(thread) is None:
            raise unknown(thread, at)
        runs = list(dict.fromkeys(turn.run_id for turn in threads.turns(thread)))
    for run_id in runs or (row.run_id for row in journal.runs(parent=None)):
        yield _row(journal, run_id)
        if children:
            yield from (_row(journal, child) for child in journal.descendants(run_id) if not is_fork(child))


def _row(journal: Journal, run_id: str) -> RunRow:
    try:
        return journal.run(run_id)
    except LookupError as error:
        raise ConfigError(one_line(error.args[0])) from None


@dataclass(kw_only=True, slots=True)
class Tally:
    """What was written, and what was not."""

    quiet: bool
    lines: int = 0
    runs: int = 0
    unsuccessful: int = 0
    refused: int = 0

    def count(self, lines: int) -> None:
        """So many lines of one run were written."""
        self.lines += lines
        self.runs += lines > 0

    def leave_out(self, error: CellblockError) -> None:
        """Say why a run is left out."""
        self.refused += 1
        if not self.quiet:
            say(f"left out: {one_line(str(error))}")

    def check(self) -> None:
        """Refuse to call it an export where nothing was written.

        Raises:
            StoreError: nothing was.
        """
        if not self.lines:
            raise StoreError(f"nothing to export{self._left_out()}")

    def tell(self) -> None:
        """How much it was, on standard error."""
        if not self.quiet:
            say(f"{counted(self.lines, 'line')} of {counted(self.runs, 'run')}{self._left_out()}")

    def _left_out(self) -> str:
        parts = []
        if self.unsuccessful:
            parts.append(f"{self.unsuccessful:,} without an accepted answer (--with-failed takes them)")
        if self.refused:
            parts.append(f"{self.refused:,} that cannot be exported like this")
        return f"; left out: {', '.join(parts)}" if parts else ""
