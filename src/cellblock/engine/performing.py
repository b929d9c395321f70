"""One run from its beginning to its end: what is recorded of it, the session that it has, the loop that fits it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import anyio
import anyio.lowlevel

from ..errors import CellblockError, SandboxError, StoreError
from ..events import RunEnded, RunStarted, SpentRow
from ..repl.history import Ran
from ..repl.snapshot import left_out
from ..store.journal import Status
from ..values import DEFAULT_CAPS, Value
from . import prompt
from .asking import cleaned
from .branch import Branch, Place
from .branches import Branches
from .calls.externals import externals_of
from .direct import direct_loop
from .driver import Driver
from .effects import Conclusion
from .kept_states import forget_states, keep_files
from .loop import repl_loop
from .outcomes import failure_record
from .prompt import Brief, PromptSettings
from .settings import Carry
from .spending import RunUsage, Spent
from .tasks import task_of
from .tree import LiveSession, Run
from .turns import Task

HISTORY = "history"
"""The variable that holds what a session was asked before."""


async def perform_run(run: Run, question: str) -> Conclusion:
    """Answer one question in a session of its own, which is closed whatever happens.

    Raises:
        ModelError: the run's own model failed.
        SandboxBroken: the worker lied or died and could not be replaced.
        SandboxUnavailable: the session could not be opened.
        ConfigError: money is limited and a price cannot be known.
        StoreError: an effect could not be recorded.
    """
    return await _recorded(run, question, _in_a_session)


async def perform_direct(run: Run, question: str) -> Conclusion:
    """Answer one question by one call that holds the whole context, without a session.

    Raises as `perform_run`.
    """
    return await _recorded(run, question, _by_one_call)


async def _recorded(run: Run, question: str, perform: Callable[[Run, str], Awaitable[Conclusion]]) -> Conclusion:
    run.record.start(task_of(run, question), run.parent)
    status: Status = "failed"
    conclusion = Conclusion(success=False, error="failed")
    try:
        conclusion = await perform(run, question)
        status = "ended"
    except anyio.get_cancelled_exc_class():
        status, conclusion = "cancelled", Conclusion(success=False, error="cancelled")
        raise
    except CellblockError as error:
        conclusion = Conclusion(success=False, error=cleaned(f"{type(error).__name__}: {error}"))
        raise
    finally:
        # A run that is cancelled has its end on record, too.
        with anyio.CancelScope(shield=True):
            await _end(run, status, conclusion)
    return conclusion


async def _end(run: Run, status: Status, conclusion: Conclusion) -> None:
    usage = run.budget.spending()
    result = {
        "success": conclusion.success,
        "value": conclusion.value,
        "error": conclusion.error,
        "ending": conclusion.ending,
        "usage": usage.total,
        "spent": usage.parts,
        "files": run.files.sizes(),
        "failure": None if conclusion.failure is None else failure_record(conclusion.failure),
    }
    try:
        if status == "ended":
            await keep_files(run)
            run.record.end(status, result)
            await anyio.lowlevel.checkpoint()  # the answer may have tens of megabytes, each of which takes milliseconds to be stored
            forget_states(run)
        else:
            # The run is failing for a reason of its own, which a full disk must not hide.
            with suppress(StoreError):
                await keep_files(run)
                run.record.end(status, result)
    finally:
        _tell_ended(run, conclusion, usage)


def _tell_ended(run: Run, conclusion: Conclusion, usage: RunUsage) -> None:
    cached = run.tree.cached
    run.event(
        RunEnded,
        success=conclusion.success,
        answer=conclusion.text,
        value=conclusion.value,
        error=conclusion.error,
        ending=conclusion.ending,
        steps=run.budget.steps,
        subcalls=run.budget.subcalls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        spent=tuple(map(_row, usage.parts)),
        seconds=time.monotonic() - run.created,
        cache_error=None if cached is None or cached.trouble is None else str(cached.trouble),
    )


def _known_form(run: Run, prompt: PromptSettings) -> PromptSettings:
    """Settings without a probe that was made already."""
    known = run.tree.structured.get(run.model.name)
    return prompt if known is None or prompt.structured_replies != "probe" else replace(prompt, structured_replies=known)


def _row(part: Spent) -> SpentRow:
    used = part.usage
    return SpentRow(
        role=part.role,
        model=part.model,
        depth=part.depth,
        calls=used.calls,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=used.cost_usd,
    )


async def _in_a_session(run: Run, question: str) -> Conclusion:
    settings, carry = run.tree.settings, run.turn.carry
    # A run that goes on needs no session before it has come to where it was.
    waits = run.record.row is not None
    async with Branches(run, partial(_branch, waits=waits, root=run.parent is None)) as branches:
        # The root's comes first: where no session can be had, nothing is to be spent.
        root = await branches.main.session() if run.parent is None and not waits else None
        _started(run, question, settings.sandbox, {} if root is None else dict(root.layers))
        branches.main.tell()
        try:
            conclusion = await Driver(run, branches).drive(repl_loop(_task(run, question, branches.main.externals)))
        finally:
            run.files = branches.current.run.files
        if carry is not None:
            await _carry_on(carry, await branches.current.session())
        await branches.drop_forks()
        return conclusion


def _branch(run: Run, branches: Branches, place: Place | None, *, waits: bool, root: bool) -> Branch:
    externals = externals_of(run, perform_run, branches)
    return Branch(run, externals, place=place or _beginning(run), waits=waits or place is not None, silent=root and place is None)


def _beginning(run: Run) -> Place:
    carry = run.turn.carry
    given = (Ran("", name=HISTORY, value=_history(run)),) if run.turn.earlier else ()
    return Place(snapshot=None if carry is None else carry.snapshot, cells=given)


def _history(run: Run) -> Value:
    """The newest of the session's questions and answers, as far as a quarter of what may go into a worker, and one value, holds them."""
    limits, kept = run.tree.settings.exec_limits, list[Value]()
    room = min(limits.bytes_in // 4, DEFAULT_CAPS.within(limits.memory_bytes).total_bytes)
    for question, answer in reversed(run.turn.earlier):
        room -= 4 * (len(question) + len(answer)) + 64
        if room < 0:
            break
        kept.append({"question": question, "answer": answer})
    return kept[::-1]


async def _by_one_call(run: Run, question: str) -> Conclusion:
    _started(run, question, "none", {})
    text = run.context.head(run.context.num_chars)
    return await Driver(run, None).drive(direct_loop(question, text, run.turn.answer_type))


def _started(run: Run, question: str, sandbox: str, layers: dict[str, str]) -> None:
    run.event(
        RunStarted,
        question=question,
        model=run.model.name,
        sandbox=sandbox,
        layers=layers,
        weak_isolation=run.tree.settings.allow_weak_isolation,
        context_chars=run.context.num_chars,
        context_documents=run.context.num_documents,
    )


async def _carry_on(carry: Carry, session: LiveSession) -> None:
    """Keep the session's state for the next question. If it cannot be kept, the one before is, and the next prompt says so."""
    try:
        carry.snapshot = await session.dump()
        carry.left_out = left_out(carry.snapshot)
    except (SandboxError, StoreError, OSError) as error:
        # The answer is there, and paid for. Of a full disk no model needs to know the path.
        why = str(error) if isinstance(error, SandboxError) else f"it could not be kept ({type(error).__name__})"
        carry.left_out = {"(all that the last question added)": why}


def _task(run: Run, question: str, externals: tuple[str, ...]) -> Task:
    settings, context, root = run.tree.settings, run.context, run.parent is None
    guards = settings.guards if root else settings.guards.for_child()
    brief = Brief(
        question=question,
        num_chars=context.num_chars,
        num_documents=context.num_documents,
        sample=context.head(settings.prompt.sample_chars),
        file_names=tuple(entry.name for entry in context.files[: prompt.FILE_NAMES]),
        more_files=max(0, len(context.files) - prompt.FILE_NAMES),
        externals=externals,
        models=tuple(run.tree.models.names[2:]),
        tools=(settings.tools if root else settings.child_tools).descriptions(),
        python=settings.python,
        soft_limits=settings.soft_limits,
        exec_limits=settings.exec_limits,
        steps=run.budget.limits.steps,
        children=run.budget.may_descend,
        settings=_known_form(run, settings.prompt),
        guards=guards,
        answer_schema=run.turn.answer_type.told,
        earlier=run.turn.earlier,
        left_out=() if run.turn.carry is None else tuple(f"{name} ({why})" for name, why in run.turn.carry.left_out.items()),
        wants_brief=settings.prompt.wants_brief(run.budget.depth),
    )
    return Task(brief=brief, guards=guards, history=settings.history, answer_type=run.turn.answer_type)
