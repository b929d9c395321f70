"""`cellblock export-sft`: recorded runs as training data, one JSON object a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CellblockError, ConfigError
from . import options as o
from .kept import KeptIn, opened_store
from .terminal import one_line, say, to_json
from .writing import lines_to

if TYPE_CHECKING:
    from ..store.journal import RunRow
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


class Format(str, Enum):
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
    written, left_out = Counter[str](), Counter[str]()
    with opened_store(journal) as store, lines_to(to, overwrite=overwrite, kept=store.place) as line_to:
        for run in _chosen(store, runs or [], thread, children=children):
            if successful and not succeeded(run):
                left_out["without an accepted answer; --with-failed takes them"] += 1
                continue
            try:
                made = lines(run, _effects(store, run), format.value, with_failed_steps=failed_steps, metadata=metadata)
            except CellblockError as error:
                left_out["that cannot be exported like this"] += 1
                if not quiet:
                    say(f"left out: {one_line(str(error))}")
                continue
            _write_all(made, line_to)
            written.update(runs=1, lines=len(made))
        _check_written(written, left_out)
    if not quiet:
        _tell(written, left_out)


def _chosen(store: Store, runs: list[str], thread: str | None, *, children: bool) -> Iterator[RunRow]:
    if thread is not None:
        runs = [turn.run_id for turn in store.threads.turns(thread)]
    rows = map(store.run, runs) if runs or thread is not None else store.journal.runs(parent=None)
    for row in rows:
        yield row
        if children:
            yield from map(store.journal.run, store.journal.descendants(row.run_id))
