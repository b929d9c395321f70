"""`cellblock replay`: a run on record once more, offline; or as it would have gone on from one of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from . import again, records
from . import options as o
from .calls import Ready, awaited, shown
from .checks import check_outputs
from .steps import Step, no_such_step, reply_of, show, steps_in
from .terminal import one_line, to_json, write

if TYPE_CHECKING:
    from ..engine.replaying import Replayed
    from ..store.rows import RunRow
    from .watch import Show

BRANCH = "Time travel: a new run that is the recorded one up to a step, and goes its own way from there"
STDIN = "-"

EPILOG = """
**Replay** performs a run once more without a model, a key or a network: its cells run in a sandbox, every answer of a model or a tool is
taken from the record, and each effect is compared. Nothing is written.

cellblock replay last

cellblock replay 20260503-1412 --json | jq .difference

**Time travel** leaves the run as it is, and begins a new one that shares its past:

cellblock replay last --list

cellblock replay last --from 3 --edit

cellblock replay last --from 3 --reply-file better.md

cellblock replay last --from 3 --ask-again -m openai:gpt-5

`--edit` opens the reply of that step in your editor; what you save is what the model is taken to have said. All that came before is on
record and not paid for again; from there on the model is asked.

**Exit codes** of a replay: 0 the same, as far as the record goes; 1 different; 2 the call is wrong. A branch has those of `cellblock run`.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is to be different from a step on. One of them."""

    edit: bool
    reply: str | None
    reply_file: str | None
    ask_again: bool

    def count(self) -> int:
        """How many of them were given."""
        return self.edit + (self.reply is not None) + (self.reply_file is not None) + self.ask_again


def replay(
    run: records.RunName,
    more: o.MorePaths = None,
    paths: o.Paths = None,
    list_steps: Annotated[
        bool, typer.Option("--list", help="List the steps and the first line of each reply.", rich_help_panel=BRANCH)
    ] = False,
    from_step: Annotated[
        int | None, typer.Option("--from", metavar="STEP", help="Branch off at this step.", rich_help_panel=BRANCH)
    ] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Edit its reply in $VISUAL or $EDITOR.", rich_help_panel=BRANCH)] = False,
    reply: Annotated[str | None, typer.Option("--reply", metavar="TEXT", help="Take this for its reply.", rich_help_panel=BRANCH)] = None,
    reply_file: Annotated[
        str | None,
        typer.Option("--reply-file", metavar="FILE", help="The same from a file; - is standard input.", rich_help_panel=BRANCH),
    ] = None,
    ask_again: Annotated[bool, typer.Option("--ask-again", help="Ask the model anew.", rich_help_panel=BRANCH)] = False,
    model: again.Model = None,
    sub_model: again.SubModel = None,
    base_url: again.BaseUrl = None,
    cache: o.Cache = None,
    weak: o.Weak = False,
    journal: o.Journal = None,
    json: o.Json = False,
    trace: o.TraceTo = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Replay a run offline and compare it with its record; or branch a new run off from one of its steps."""
    from .watch import Show

    sources = [*(paths or ()), *(more or ())]
    change = Change(edit=edit, reply=reply, reply_file=reply_file, ask_again=ask_again)
    _check(change, from_step, list_steps, sources)
    check_outputs(trace, sources)
    given = again.Given(model=model, sub_model=sub_model, base_url=base_url)
    with records.reading(journal) as store:
        row = records.find(store, run, records.newest)
        steps = steps_in(store.journal.effects(row.run_id)) if list_steps or from_step is not None else []
    shows = Show(json=json, trace=trace, verbose=verbose, quiet=quiet)
    if list_steps:
        show(row.run_id, steps, json=json)
    elif from_step is None:
        raise typer.Exit(_replayed(row, sources, shows, journal, weak=weak))
    else:
        # Made before an editor opens: nobody's work is to be lost over a missing key.
        ready = again.ready(row, given, journal=journal, cache=cache, weak=weak)
        text = _text(change, steps, from_step, row.run_id)
        raise typer.Exit(_branched(ready, row, from_step, text, sources, shows))


def _check(change: Change, from_step: int | None, list_steps: bool, sources: Sequence[str]) -> None:
    """Refuse what does not go together, before anything is read."""
    if from_step is None and change.count():
        raise ConfigError("--edit, --reply, --reply-file and --ask-again go with --from STEP; --list shows the steps")
    if from_step is not None and change.count() != 1:
        raise ConfigError(f"--from {from_step} needs one of --edit, --reply TEXT, --reply-file FILE and --ask-again")
    if list_steps and from_step is not None:
        raise ConfigError("--list shows the steps, and --from branches off from one of them: one at a time")
    if change.reply_file == STDIN and STDIN in sources:
        raise ConfigError("-c - and --reply-file - both read standard input; name a file for one of them")


def _text(change: Change, steps: Sequence[Step], number: int, run_id: str) -> str | None:
    """The reply that takes the recorded one's place; None asks the model.

    Raises:
        ConfigError: there is no such step, or the reply cannot be one.
    """
    from .editing import edited, read_bounded

    if number not in {step.number for step in steps}:
        raise no_such_step(steps, number, run_id)
    if change.ask_again:
        return None
    if change.edit:
        title = f"The reply of step {number} of run {one_line(run_id)}."
        text = edited(reply_of(steps, number, run_id), title)
    elif change.reply_file is not None:
        text = read_bounded(None if change.reply_file == STDIN else Path(change.reply_file))
    else:
        text = change.reply or ""
    return _checked(text)


def _checked(text: str) -> str:
    if not text.strip():
        raise ConfigError("the reply is empty; nothing was changed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("the reply is not UTF-8; nothing was changed") from None
    return text


def _branched(ready: Ready, row: RunRow, step: int, text: str | None, sources: Sequence[str], shows: Show) -> int:
    """A new run; its answer, and the exit code."""
    with again.context_again(sources) as context, again.command_words():
        ask = partial(ready.rlm.recorded(row.run_id).abranch, step, text, context=context)
        return shown(ready, lambda watcher: awaited(ready, ask, watcher, shows), shows, max_steps=records.steps_in(row), context=context)


def _replayed(row: RunRow, sources: Sequence[str], shows: Show, journal: str | None, *, weak: bool) -> int:
    """The verdict on standard output, and the exit code."""
    from ..engine.run import RLM
    from .going_on import command
    from .watch import watching

    # A replay asks no model: the one that is named here stands for those on record, whose names alone are used.
    ready = Ready(rlm=RLM("simulated", journal=journal, allow_weak_isolation=weak), models=())
    with again.context_again(sources) as context, again.command_words(), watching(shows, max_steps=records.steps_in(row)) as watcher:
        ask = partial(ready.rlm.recorded(row.run_id).areplay, context)
        replayed = awaited(ready, ask, watcher, shows)
    write(to_json(_fields(replayed)) if shows.json else verdict(replayed, command(row.run_id, journal)))
    watcher.check_trace()
    return 0 if replayed.same else 1


def verdict(replayed: Replayed, go_on: str) -> str:
    """What came of a replay, in one line.

    Args:
        go_on: what to type to go on with the run.
    """
    took = f"{replayed.effects:,} effect{'' if replayed.effects == 1 else 's'} in {replayed.seconds:.2f} s"
    if not replayed.same:
        return f"different: {one_line(replayed.difference or 'nobody knows where', 1_000)}"
    if not replayed.whole:
        return f"same as far as the record goes: {took}; the run was cut off there; go on with: {go_on}"
    return f"same: {took}"


def _fields(replayed: Replayed) -> dict[str, Any]:
    conclusion = replayed.conclusion
    return {
        "run_id": replayed.run_id,
        "same": replayed.same,
        "difference": replayed.difference,
        "whole": replayed.whole,
        "effects": replayed.effects,
        "seconds": round(replayed.seconds, 3),
        "ending": None if conclusion is None else conclusion.ending,
        "success": None if conclusion is None else conclusion.success,
        "value": None if conclusion is None else conclusion.value,
    }
