"""The options that commands share, each with the one line that `--help` shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


class Heard:
    """What the command line's top level needs to know about the call even when the command fails."""

    __slots__ = ("verbose",)

    def __init__(self) -> None:
        self.verbose = False


def _hear_verbose(ctx: typer.Context, value: bool) -> bool:
    if value:
        ctx.ensure_object(Heard).verbose = True
    return value


ANSWERS = "Answers"
LIMITS = "Limits of the run (none can be switched off)"
OUTPUT = "Output"
ISOLATION = "Isolation"

Question = Annotated[str, typer.Argument(metavar="QUESTION", help="What to answer. Put it in quotes.")]
MorePaths = Annotated[list[str] | None, typer.Argument(metavar="PATH", help="More of the context, as a shell's `-c *.md` gives it.")]
Paths = Annotated[
    list[str] | None,
    typer.Option("-c", "--context", metavar="PATH", help="A file, a folder, a glob in quotes, or - for standard input. Repeatable."),
]
Model = Annotated[
    str | None,
    typer.Option("-m", "--model", envvar="CELLBLOCK_MODEL", metavar="NAME", help="The model, as provider:model; 'simulated' needs no key."),
]
SubModel = Annotated[
    str | None, typer.Option("--sub-model", metavar="NAME", help="The model for sub-calls made by cells.  [default: the same]")
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="The address of an OpenAI-compatible server, for both models.")
]
Sandbox = Annotated[
    str, typer.Option("--sandbox", metavar="NAME", help="Where cells run; `cellblock sandboxes` lists them.", rich_help_panel=ISOLATION)
]
Weak = Annotated[
    bool,
    typer.Option(
        "--allow-weak-isolation", help="Run although a wall is missing here. The run's record says so.", rich_help_panel=ISOLATION
    ),
]
MaxSteps = Annotated[int, typer.Option("--max-steps", metavar="N", help="Replies of the root model.", rich_help_panel=LIMITS)]
MaxDepth = Annotated[int, typer.Option("--max-depth", metavar="N", help="Levels of child runs.", rich_help_panel=LIMITS)]
MaxSubcalls = Annotated[
    int,
    typer.Option("--max-subcalls", metavar="N", help="Model calls made by cells, child runs included.", rich_help_panel=LIMITS),
]
MaxTokens = Annotated[int, typer.Option("--max-tokens", metavar="N", help="Input and output tokens of all calls.", rich_help_panel=LIMITS)]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", metavar="USD", help="Money, where prices are known.  [default: not limited]", rich_help_panel=LIMITS),
]
WallSeconds = Annotated[float, typer.Option("--wall-seconds", metavar="S", help="From the first step to the last.", rich_help_panel=LIMITS)]
# No Path: that would make one slash of the two in an address.
Journal = Annotated[
    str | None,
    typer.Option(
        "--journal",
        metavar="PLACE",
        help="Where runs are recorded: a file, or postgresql://host/database.  [default: journal.db in the user's data folder]",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seeds the randomness that cells see; else a seed of your own.")]
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="NAME",
        help="What an answer must have behind it: baseline, format_strict, depth_soft, depth_strict, format_plus_depth; or a JSON file.",
        rich_help_panel=ANSWERS,
    ),
]
OutputSchema = Annotated[
    Path | None,
    typer.Option("--output-schema", metavar="FILE", help="A JSON Schema that the answer has to fit.", rich_help_panel=ANSWERS),
]
Verify = Annotated[
    bool, typer.Option("--verify", help="Have the answer checked twice by its evidence before it is taken.", rich_help_panel=ANSWERS)
]
# No Path: that would make one slash of the two in an address.
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache", metavar="PLACE", help="Keep answers to sub-calls: a folder, a file *.db, or redis://host.  [default: none is kept]"
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else there.", rich_help_panel=OUTPUT)
]
TraceTo = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE", help="Write each event as a line of JSON, as it happens.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on standard error.", rich_help_panel=OUTPUT)]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", callback=_hear_verbose, help="Show each cell's code and output, and tracebacks.", rich_help_panel=OUTPUT
    ),
]
