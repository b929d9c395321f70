"""`cellblock resume`: go on with a run that was cut off, interrupted, or failed."""

from __future__ import annotations

from functools import partial

import typer

from . import again, records
from . import options as o
from .calls import awaited, shown
from .checks import check_outputs

EPILOG = """
**Examples**

cellblock resume last

cellblock resume 20260503-1412 -v

cellblock resume last -m openai:gpt-5

cellblock resume last --base-url http://localhost:8000/v1

cellblock resume last -c contracts/

What is on record is not done again, and not paid for again. Calls that were under way when the run was cut off are made once more.

`cellblock runs` shows which runs can be gone on with: those that failed, or were cancelled or cut off.

**Exit codes** as `cellblock run` has them.
"""


def resume(
    run: records.RunName,
    more: o.MorePaths = None,
    paths: o.Paths = None,
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
    """Go on with a run that was cut off, interrupted, or failed for a reason that has passed.

    RUN is the id of the run, a beginning of it that no other run has, or `last` for the newest one that can be gone on with. Question,
    settings, limits and models are those on record. So is the context, up to 64 MiB; a larger one is given again with -c.
    """
    from .watch import Show

    sources = [*(paths or ()), *(more or ())]
    check_outputs(trace, sources)
    with records.reading(journal) as store:
        row = records.find(store, run, records.newest_unfinished)
    given = again.Given(model=model, sub_model=sub_model, base_url=base_url)
    ready = again.ready(row, given, journal=journal, cache=cache, weak=weak)
    show = Show(json=json, trace=trace, verbose=verbose, quiet=quiet)
    with again.context_again(sources) as context, again.command_words():
        ask = partial(ready.rlm.recorded(row.run_id).aresume, context)
        code = shown(ready, lambda watcher: awaited(ready, ask, watcher, show), show, max_steps=records.steps_in(row), context=context)
    raise typer.Exit(code)
