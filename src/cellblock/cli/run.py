"""`cellblock run`: one question over files."""

from __future__ import annotations

import typer

from . import options as o
from .calls import DEFAULTS, Call, build, perform, read_context, tell_skipped
from .checks import check_number, check_outputs, check_question, checked_limits

EPILOG = """
**Examples**

cellblock run "Who signed?" -c contract.txt -m openai:gpt-5

cellblock run "Which modules open sockets?" -c src/ -c "docs/*.md" -v

git log -p | cellblock run "When did the cache break?" -c - --max-steps 8

cellblock run "Which invoices are overdue?" -c invoices/ --output-schema invoice.json --verify

cellblock run "How long is it?" -c src/ -m simulated --json | jq .answer

**Exit codes** 0 answered, 1 the run failed, 2 the call is wrong, 130 Ctrl-C

The answer goes to standard output, all else to standard error.
"""


def run(
    question: o.Question,
    more: o.MorePaths = None,
    paths: o.Paths = None,
    model: o.Model = None,
    sub_model: o.SubModel = None,
    base_url: o.BaseUrl = None,
    journal: o.Journal = None,
    policy: o.Policy = None,
    output_schema: o.OutputSchema = None,
    verify: o.Verify = False,
    cache: o.Cache = None,
    seed: o.Seed = None,
    max_steps: o.MaxSteps = DEFAULTS.steps,
    max_subcalls: o.MaxSubcalls = DEFAULTS.subcalls,
    max_depth: o.MaxDepth = DEFAULTS.depth,
    max_tokens: o.MaxTokens = DEFAULTS.tokens,
    max_cost: o.MaxCost = None,
    wall_seconds: o.WallSeconds = DEFAULTS.wall_seconds,
    sandbox: o.Sandbox = "monty",
    weak: o.Weak = False,
    json: o.Json = False,
    trace: o.TraceTo = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Answer a question over files that are larger than a model's window.

    The model reads them by writing Python cells, and each cell runs behind two walls.
    """
    from .watch import Show

    limits = checked_limits(
        steps=max_steps, subcalls=max_subcalls, depth=max_depth, tokens=max_tokens, wall_seconds=wall_seconds, cost_usd=max_cost
    )
    sources = [*(paths or ()), *(more or ())]
    check_question(question)
    check_number("--seed", seed)
    check_outputs(trace, sources)
    call = Call(
        question=question,
        model=model,
        sub_model=sub_model,
        base_url=base_url,
        sandbox=sandbox,
        limits=limits,
        policy=policy,
        output_schema=output_schema,
        verify=verify,
        cache=cache,
        journal=journal,
        seed=seed,
        allow_weak_isolation=weak,
    )
    show = Show(json=json, trace=trace, verbose=verbose, quiet=quiet)
    ready = build(call)
    with read_context(sources) as context:
        if not quiet:
            tell_skipped(context)
        raise typer.Exit(perform(ready, question, context, show))
