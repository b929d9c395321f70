"""The REPL loop, without I/O: a generator that yields effects and is sent their outcomes."""

from __future__ import annotations

from dataclasses import replace

from . import answers, asides, endings, guards
from .answers import Part, expect
from .effects import Exec, Loop, Outcome, Ran, Reply, Stopped
from .parse import MAX_CELLS, Parsed
from .turns import Task, Turns


def repl_loop(task: Task) -> Loop:
    """Ask, run the reply's cells, show their output, until a final answer, the last step, or no hope of one."""
    turns = Turns.of(task)
    conclusion = (yield from _probed(turns)) or (yield from _briefed(turns))
    while conclusion is None and turns.step < task.steps:
        turns.next_step()
        conclusion = (yield from _summed_up(turns)) or (yield from _turn(turns))
        if conclusion is None and (why := _hopeless(turns)) is not None:
            if turns.fallback_used or task.guards.fallback_code is None:
                return (yield from answers.last_resort(turns, why))
            conclusion = yield from _fall_back(turns, task.guards.fallback_code)
    return conclusion or (yield from answers.last_resort(turns, None))


def _probed(turns: Turns) -> Part:
    """Find out whether the model can give structured replies, where that is not known."""
    brief = turns.task.brief
    if brief.settings.structured_replies != "probe":
        return None
    reply = yield turns.aside("probe", asides.probe_messages())
    if isinstance(reply, Stopped):
        return endings.cut_short(reply.error, turns.best)
    can = asides.passes_probe(expect(reply, Reply).text)
    turns.task = replace(turns.task, brief=replace(brief, settings=replace(brief.settings, structured_replies=can)))
    return None


def _briefed(turns: Turns) -> Part:
    """Let the engineer write a brief, where that is wanted."""
    brief = turns.task.brief
    if not brief.wants_brief:
        return None
    reply = yield turns.aside("brief", asides.brief_messages(brief))
    if isinstance(reply, Stopped):
        return endings.cut_short(reply.error, turns.best)
    turns.advice = expect(reply, Reply).text.strip()
    return None


def _summed_up(turns: Turns) -> Part:
    """Replace old turns by a summary, where they have become too long."""
    if not turns.transcript.too_long:
        return None
    messages = asides.compact_messages(turns.task.brief.question, turns.transcript.old_turns())
    reply = yield turns.aside("compact", messages)
    if isinstance(reply, Stopped):
        return endings.cut_short(reply.error, turns.best)
    turns.transcript.sum_up(expect(reply, Reply).text.strip())
    return None


def _turn(turns: Turns) -> Part:
    reply = yield turns.ask()
    if isinstance(reply, Stopped):
        return endings.cut_short(reply.error, turns.best)
    parsed = turns.heard(expect(reply, Reply).text)
    if parsed.cells:
        turns.invalid = 0
        return (yield from _run_cells(turns, parsed.cells))
    if parsed.answer or parsed.final is not None:
        turns.invalid = 0
        return (yield from answers.said(turns, parsed, ending="final"))
    return (yield from _invalid(turns, parsed))


def _run_cells(turns: Turns, cells: tuple[str, ...]) -> Part:
    for index, code in enumerate(cells):
        outcome = yield Exec(code=code, step=turns.step, index=index)
        if (conclusion := (yield from _judge(turns, outcome))) is not None:
            return conclusion
        left = len(cells) - index - 1
        # A later cell would work on what the failed one left undone.
        if left and turns.failed:
            turns.notes.append(f"The other {left} cells of the reply did not run, because of that error.")
            break
    turns.compare(cells)
    return None


def _judge(turns: Turns, outcome: Outcome) -> Part:
    """What a cell came to: a final answer, the end of the budget, or something to look at."""
    if isinstance(outcome, Stopped):
        return endings.cut_short(outcome.error, turns.best)
    ran = expect(outcome, Ran)
    turns.saw(ran)
    conclusion = None
    if ran.result.has_final:
        failed = "the cell failed after FINAL; fix it and give the answer again" if ran.result.error is not None else None
        conclusion = yield from answers.offer(turns, ran.result.final, failed)
    elif answers.variable_is_due(turns, ran.result.changed):
        conclusion = yield from answers.auto_variable(turns)
    if conclusion is None and ran.stopped is not None:
        return endings.cut_short(ran.stopped, turns.best)
    return conclusion


def _invalid(turns: Turns, parsed: Parsed) -> Part:
    turns.invalid += 1
    if turns.last and parsed.text and not turns.task.guards.forced_final:
        # It was told to answer now, and this is what it said.
        return (yield from answers.said(turns, parsed, ending="final"))
    turns.words = parsed.text or turns.words
    yield turns.refuse(guards.invalid_reply(parsed))
    return None


def _hopeless(turns: Turns) -> str | None:
    """Why there is no point in going on; None if there is one."""
    limits = turns.task.guards
    if turns.invalid >= limits.invalid_response_limit:
        return f"{turns.invalid} replies in a row had neither a cell nor a final answer"
    if limits.repl_error_limit is not None and turns.failed >= limits.repl_error_limit:
        return f"{turns.failed} cells in a row failed"
    if turns.repeats >= limits.loop_collapse_limit:
        return f"{turns.repeats} replies in a row ran the same cells, with the same output"
    return None


def _fall_back(turns: Turns, code: str) -> Part:
    """Run the cell that was prepared for this case. If it gives no answer, the loop has a fresh start."""
    turns.fallback_used = True
    turns.invalid = turns.failed = turns.repeats = 0
    turns.notes.append("A cell that was prepared for this case ran in your place:")
    # Its index lies after those of all cells that a reply may hold.
    outcome = yield Exec(code=code, step=turns.step, index=MAX_CELLS, origin="fallback")
    conclusion = yield from _judge(turns, outcome)
    # What it showed is no part of what the next reply's cells show.
    turns.seen = []
    return conclusion
