"""`cellblock chat`: question after question, on a terminal or from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CellblockError, ConfigError, SandboxUnavailable
from . import options as o
from .calls import DEFAULTS, Call, build, read_context, tell_skipped
from .checks import check_number, check_outputs, checked_limits
from .kept import check, counted, opening
from .lines import Prompt, is_interactive, piped
from .terminal import one_line, say

if TYPE_CHECKING:
    from .calls import Ready
    from .talk import Talk
    from .watch import Show

EPILOG = """
**Examples**

cellblock chat --thread lease -c contracts/ -m openai:gpt-5

cellblock chat --thread lease

cellblock chat -c notes.md -m simulated

cellblock chat --thread lease --json < questions.txt | jq .answer

**On a terminal** Ctrl-C interrupts a question and keeps the chat, Ctrl-D leaves it, and the arrow keys bring earlier questions back.
`/help` lists the commands. **From a pipe** each line is a question.

**Exit codes** 0 left, or all questions of a pipe answered; 1 one was not; 2 the call is wrong; 130 Ctrl-C outside of a question

Answers go to standard output, all else to standard error.
"""


def chat(
    more: o.MorePaths = None,
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="NAME", help="Keep the conversation under this name, or go on with it.")
    ] = None,
    paths: o.Paths = None,
    model: o.Model = None,
    sub_model: o.SubModel = None,
    base_url: o.BaseUrl = None,
    journal: o.Journal = None,
    policy: o.Policy = None,
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
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Ask one question after the other. Documents add up, variables stay, and each question knows the ones before it.

    With --thread the conversation is kept: documents, questions, answers and the variables of the cells.
    """
    from .watch import Show

    limits = checked_limits(
        steps=max_steps, subcalls=max_subcalls, depth=max_depth, tokens=max_tokens, wall_seconds=wall_seconds, cost_usd=max_cost
    )
    sources = [*(paths or ()), *(more or ())]
    check_number("--seed", seed)
    check_outputs(None, sources)
    if "-" in sources:
        raise ConfigError("-c -: standard input has the questions, so it cannot be the context; cellblock upload --thread NAME - takes it")
    call = Call(
        question="",
        model=model,
        sub_model=sub_model,
        base_url=base_url,
        sandbox=sandbox,
        limits=limits,
        policy=policy,
        verify=verify,
        cache=cache,
        journal=journal,
        seed=seed,
        allow_weak_isolation=weak,
    )
    show = Show(json=json, verbose=verbose, quiet=quiet)
    with _talk(build(call), thread, show) as talk:
        if sources:
            _add(talk, sources)
        raise typer.Exit(_interactive(talk) if is_interactive() else _from_pipe(talk))


@contextmanager
def _talk(ready: Ready, thread: str | None, show: Show) -> Iterator[Talk]:
    from .talk import Kept, Talk, Unkept, event_loop

    with ExitStack() as stack:
        portal = stack.enter_context(event_loop(ready))
        if thread is None:
            chat = Unkept(ready.rlm.engine)
            stack.enter_context(chat.conversation)
            yield Talk(chat, ready, show, portal, stack)
        else:
            with opening():
                kept = stack.enter_context(ready.rlm.thread(thread))
                check(kept.place)
            yield Talk(Kept(kept), ready, show, portal, stack)


def _add(talk: Talk, sources: Sequence[str]) -> None:
    # Open until the chat ends: without a thread it is read with the next question.
    context = talk.stack.enter_context(read_context(sources))
    if not talk.show.quiet:
        tell_skipped(context)
    said = talk.chat.add(context)
    if not talk.show.quiet:
        say(said)


def _from_pipe(talk: Talk) -> int:
    """Each line of standard input; those that fail do not keep the others from being asked."""
    if talk.chat.name is None and not talk.show.quiet:
        say("this conversation is not kept; --thread NAME keeps one")
    _tell_cut_off(talk)
    code = 0
    for question in piped(sys.stdin):
        try:
            code = code if talk.answer(question) else 1
        except (ConfigError, SandboxUnavailable):
            # What is wrong with the call is wrong with the next one, too.
            raise
        except CellblockError as error:
            _complain(error)
            code = 1
    return code


def _interactive(talk: Talk) -> int:
    _greet(talk)
    prompt = Prompt(talk.chat.name, [question for question, _ in talk.chat.turns()])
    while (line := _typed(prompt)) is not None:
        try:
            if not _taken(talk, line):
                return 0
        except KeyboardInterrupt:
            say("\ninterrupted")
            _tell_cut_off(talk)
        except CellblockError as error:
            _complain(error)
    return 0


def _typed(prompt: Prompt) -> str | None:
    """The next line; Ctrl-C gives up the one that is being typed."""
    while True:
        try:
            return prompt.line()
        except KeyboardInterrupt:
            say("\nCtrl-D leaves")


def _taken(talk: Talk, line: str) -> bool:
    """Do what a line asks for; False where it asks to leave."""
    from .commands import perform

    if line.startswith("/"):
        return perform(talk, line.strip(), _add)
    if line.strip():
        talk.answer(line.strip())
    return True


def _greet(talk: Talk) -> None:
    if talk.show.quiet:
        _tell_cut_off(talk)
        return
    name, turns, documents = talk.chat.name, talk.chat.turns(), talk.chat.documents()
    if name is None:
        say("This conversation is not kept; --thread NAME keeps one.")
    else:
        about = f"{counted(len(turns), 'question')} so far, {counted(len(documents), 'document')}"
        say(f"Thread {one_line(name)}: {about}." if turns else f"Thread {one_line(name)} is new: {counted(len(documents), 'document')}.")
    _tell_cut_off(talk)
    hint = "" if documents else " There is no document yet: /add PATH reads some."
    say(f"/help lists the commands, Ctrl-D leaves.{hint}")


def _tell_cut_off(talk: Talk) -> None:
    run_id = talk.chat.cut_off()
    if run_id is not None:
        say(f"the last question was cut off: cellblock resume {run_id} answers it, until another one is asked here")


def _complain(error: CellblockError) -> None:
    say(f"cellblock: {one_line(str(error))}")
