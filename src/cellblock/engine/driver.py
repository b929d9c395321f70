"""Performs a loop's effects: asks models, runs cells, charges the budget, writes the journal, emits events."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread

from ..errors import BudgetExceeded, CellblockError, SandboxBroken, SandboxError, StoreError
from ..events import CellEnded, CellStarted, Refused, RunEnded, RunStarted
from ..repl.protocol import ExecResult
from ..store.journal import Status
from . import prompt
from .asking import cleaned
from .effects import Ask, Conclusion, Effect, Exec, GetVariable, Got, Loop, Outcome, Ran, Refuse, Reply, Stopped
from .guards import answer_text
from .loop import Task, repl_loop
from .prompt import Brief
from .subcalls import Subcalls
from .tree import Call, LiveSession, Run, failure_record

LONG_REPLY_CHARS = 50_000
"""A longer one is read in a thread: taking a hostile million characters apart takes a second."""
CLOSE_SECONDS = 5.0
"""How long closing a session may hold up the end of a run."""


async def perform_run(run: Run, question: str) -> Conclusion:
    """Answer one question in a session of its own, which is closed whatever happens.

    Raises:
        ModelError: the run's own model failed.
        SandboxBroken: the worker lied or died and could not be replaced.
        SandboxUnavailable: the session could not be opened.
        ConfigError: money is limited and a price cannot be known.
        StoreError: an effect could not be recorded.
    """
    settings = run.tree.settings
    task = {
        "question": question,
        "model": run.model.name,
        "sandbox": settings.sandbox,
        "seed": settings.seed,
        "context_sha256": run.context.sha256,
        "limits": run.budget.limits,
        "exec_limits": settings.exec_limits,
        "guards": settings.guards,
    }
    run.tree.journal.start_run(run.run_id, task, parent=run.parent)
    status: Status = "failed"
    conclusion = Conclusion(success=False, error="failed")
    try:
        conclusion = await _in_a_session(run, question)
        status = "ended"
    except anyio.get_cancelled_exc_class():
        status, conclusion = "cancelled", Conclusion(success=False, error="cancelled")
        raise
    except CellblockError as error:
        conclusion = Conclusion(success=False, error=cleaned(f"{type(error).__name__}: {error}"))
        raise
    finally:
        _end(run, status, conclusion)
    return conclusion


def _end(run: Run, status: Status, conclusion: Conclusion) -> None:
    usage = run.budget.usage
    result = {"success": conclusion.success, "value": conclusion.value, "error": conclusion.error, "usage": usage}
    try:
        if status == "ended":
            run.tree.journal.end_run(run.run_id, status, result)
        else:
            # The run is failing for a reason of its own, which a full disk must not hide.
            with suppress(StoreError):
                run.tree.journal.end_run(run.run_id, status, result)
    finally:
        run.event(
            RunEnded,
            success=conclusion.success,
            answer=answer_text(conclusion.value),
            value=conclusion.value,
            error=conclusion.error,
            steps=run.budget.steps,
            subcalls=run.budget.subcalls,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=usage.cost_usd,
            seconds=time.monotonic() - run.created,
        )


async def _in_a_session(run: Run, question: str) -> Conclusion:
    settings = run.tree.settings
    externals = Subcalls(run, perform_run).externals()
    session = await run.tree.open_session(
        settings.sandbox,
        externals=externals,
        context=run.context,
        limits=settings.exec_limits,
        seed=settings.seed,
        tenant=settings.tenant,
        allow_weak_isolation=settings.allow_weak_isolation,
    )
    try:
        run.event(
            RunStarted,
            question=question,
            model=run.model.name,
            sandbox=session.sandbox,
            layers=dict(session.layers),
            weak_isolation=settings.allow_weak_isolation,
            context_chars=run.context.num_chars,
            context_documents=run.context.num_documents,
        )
        return await Driver(run, session).drive(repl_loop(_task(run, question, tuple(externals))))
    finally:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await session.aclose()


def _task(run: Run, question: str, externals: tuple[str, ...]) -> Task:
    settings, context = run.tree.settings, run.context
    brief = Brief(
        question=question,
        num_chars=context.num_chars,
        num_documents=context.num_documents,
        sample=context.head(prompt.SAMPLE_CHARS),
        file_names=tuple(entry.name for entry in context.files[: prompt.FILE_NAMES]),
        more_files=max(0, len(context.files) - prompt.FILE_NAMES),
        externals=externals,
        python=settings.python,
        soft_limits=settings.soft_limits,
        exec_limits=settings.exec_limits,
        steps=run.budget.limits.steps,
        children=run.budget.may_descend,
    )
    return Task(brief=brief, guards=settings.guards)


class Driver:
    """Feeds one loop."""

    def __init__(self, run: Run, session: LiveSession) -> None:
        self._run, self._session = run, session
        self._told = 0

    async def drive(self, loop: Loop) -> Conclusion:
        """Perform the loop's effects until it concludes.

        Raises:
            CellblockError: as `perform_run`, budgets excepted: those are told to the loop.
        """
        outcome: Outcome = None
        try:
            while True:
                effect = await _next(loop, outcome)
                if isinstance(effect, Conclusion):
                    return effect
                outcome = await self._within_the_deadline(effect)
        finally:
            loop.close()

    async def _within_the_deadline(self, effect: Effect) -> Outcome:
        budget = self._run.budget
        with anyio.move_on_after(budget.remaining_seconds()):
            return await self._perform(effect)
        return Stopped(error=budget.expire())

    async def _perform(self, effect: Effect) -> Outcome:
        match effect:
            case Ask():
                return await self._ask(effect)
            case Exec():
                return await self._exec(effect)
            case GetVariable():
                return await self._get(effect)
            case Refuse():
                self._record(effect.step, "refuse", {"reason": effect.reason}, None)
                self._run.event(Refused, step=effect.step, reason=effect.reason)
                return None

    async def _ask(self, effect: Ask) -> Outcome:
        run = self._run
        run.step = effect.step
        # Only what is new: the messages before it are in the journal already.
        new = effect.messages[self._told :]
        payload = {"messages": new, "after": self._told, "model": run.model.name}
        self._told = len(effect.messages)
        key = str(effect.step)
        seq = run.tree.journal.begin(run.run_id, "ask", key, payload)
        role = "sub_root_call" if run.parent else "root_call"
        try:
            run.budget.take_step()
            response = await run.ask(Call(model=run.model, messages=effect.messages, role=role, key=key, seq=seq))
        except BudgetExceeded as error:
            run.tree.journal.finish(run.run_id, seq, failure_record(error))
            return Stopped(error=error)
        return Reply(text=response.text)

    async def _exec(self, effect: Exec) -> Outcome:
        run = self._run
        run.cell, run.calls = effect.index, 0
        key = f"{effect.step}.{effect.index}"
        seq = run.tree.journal.begin(run.run_id, "exec", key, {"code": effect.code})
        run.event(CellStarted, step=effect.step, index=effect.index, code=effect.code)
        result = await self._session.exec(effect.code)
        run.tree.journal.finish(run.run_id, seq, result)
        run.event(CellEnded, step=effect.step, index=effect.index, **_cell_fields(result))
        if run.tree.fatal is not None:
            raise run.tree.fatal
        return Ran(result=result, subcalls=run.calls, stopped=run.budget.over)

    async def _get(self, effect: GetVariable) -> Outcome:
        try:
            got = Got(value=await self._session.get(effect.name))
        except LookupError:
            got = Got(missing=f"there is no variable named {effect.name}; set it in a cell, or give the answer with FINAL(...)")
        except SandboxBroken:
            raise
        except (TypeError, SandboxError) as error:
            got = Got(missing=f"{effect.name} cannot be an answer: {prompt.clip(cleaned(str(error)), 500)}")
        self._record(effect.step, "get", {"name": effect.name}, {"value": got.value, "missing": got.missing})
        return got

    def _record(self, step: int, kind: str, payload: dict[str, Any], outcome: object) -> None:
        journal, run_id = self._run.tree.journal, self._run.run_id
        journal.finish(run_id, journal.begin(run_id, kind, str(step), payload), outcome)


async def _next(loop: Loop, outcome: Outcome) -> Effect | Conclusion:
    if isinstance(outcome, Reply) and len(outcome.text) > LONG_REPLY_CHARS:
        return await anyio.to_thread.run_sync(_sent, loop, outcome)
    return _sent(loop, outcome)


def _sent(loop: Loop, outcome: Outcome) -> Effect | Conclusion:
    try:
        return loop.send(outcome)
    except StopIteration as stop:
        conclusion: Conclusion = stop.value
        return conclusion


def _cell_fields(result: ExecResult) -> dict[str, Any]:
    return {
        "stdout": result.stdout,
        "value_preview": result.value_preview,
        "error": None if result.error is None else prompt.error_text(result.error),
        "limit": None if result.error is None else result.error.limit,
        "state": result.state,
        "changed": result.changed,
        "wall_seconds": result.usage.wall_seconds,
        "host_calls": result.usage.host_calls,
        "near_calls": result.usage.near_calls,
    }
