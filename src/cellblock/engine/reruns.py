"""A recorded run again: going on where it was cut off, branching off from a step, replaying it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import CellblockError, ConfigError, Diverged, StaleSnapshot, TamperedSnapshot
from ..events import AnyEvent
from ..host.vfs import Vfs
from ..store.journal import EffectRow, Journal, RunRow
from ..store.opening import Store
from ..store.trees import owner_of
from .answering import Engine, new_run_id, result_of
from .budget import Budget
from .contexts import ContextSource
from .driving import driven
from .effects import Conclusion
from .keeping import kept_context, kept_snapshot
from .kept_states import FILE
from .performing import perform_direct, perform_run
from .recalling import child_id, fork_id
from .record import RecordEnded, RecordMode
from .replaying import Replayed, recorded_models, recorded_tools
from .results import RunResult
from .settings import Carry
from .shapes import checked
from .tasks import RecordedTask
from .threads import Question, resuming
from .tree import Run
from .typed import AnswerType

Watcher = Callable[[AnyEvent], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the caller of a rerun gives again."""

    context: ContextSource | None = None
    """None takes the one that was kept."""
    answer_type: AnswerType | None = None
    """None takes the JSON Schema on record."""
    on_event: Watcher | None = None
    carry: Carry | None = None
    """Where the state comes from and goes to, where it is a thread's question."""


async def resume(engine: Engine, run_id: str, asked: Asked) -> RunResult:
    """Go on with a run that was cut off, cancelled or failed.

    Raises:
        CellblockError: as `RLM.aresume`.
    """
    async with engine.store() as store:
        _unended(store.journal, run_id)
        async with resuming(engine, run_id) as question, driven(store, run_id):
            # Looked at again: whoever drove it may have ended it just now.
            return await _resumed(engine, store, _unended(store.journal, run_id), asked, question)


async def branch(engine: Engine, run_id: str, step: int, reply: str | None, asked: Asked) -> RunResult:
    """A new run that is the recorded one up to a step, and goes its own way from there.

    Args:
        step: whose reply is the first that is not taken from the record.
        reply: in its place; None asks the model again.

    Raises:
        CellblockError: as `RLM.abranch`.
    """
    new_id = new_run_id()
    async with engine.store() as store, driven(store, new_id):
        row = recorded(store.journal, run_id)
        _copy(store, row, new_id, step, reply)
        return await _resumed(engine, store, store.journal.run(new_id), asked)


async def replay(engine: Engine, run_id: str, asked: Asked) -> Replayed:
    """A recorded run once more, offline, compared effect by effect.

    Raises:
        ConfigError, StoreError: there is nothing that could be replayed.
    """
    async with engine.store() as store:
        row = recorded(store.journal, run_id)
        task = RecordedTask(run_id=run_id, fields=row.task)
        offline = replace(engine, models=recorded_models(task.fields["models"]), cache=None)
        tools = {name: recorded_tools(task.fields[name]) for name in ("tools", "child_tools")}
        started = time.perf_counter()
        found: dict[str, Any] = {"same": True, "difference": None}
        try:
            ready = offline.with_settings(**tools)
            found["conclusion"] = (await _performed(ready, store, row, asked, "replay", asked.on_event or _unwatched))[1]
        except Diverged as error:
            found = {"same": False, "difference": str(error)}
        except RecordEnded:
            pass
        except (TamperedSnapshot, StaleSnapshot):
            # Of what is kept beside the record: no difference, but nothing to replay from.
            raise
        except CellblockError as error:
            found |= _of_failure(row, error)
        return Replayed(
            run_id=run_id,
            whole=row.status in ("ended", "failed"),
            effects=_effects(store.journal, run_id),
            seconds=time.perf_counter() - started,
            **found,
        )


def recorded(journal: Journal, run_id: str) -> RunRow:
    """The row of a run.

    Raises:
        ConfigError: there is none.
    """
    try:
        return journal.run(run_id)
    except LookupError:
        raise ConfigError(f"no run {run_id[:100]!r} is on record in {journal.path}; cellblock runs lists those that are") from None


def _unended(journal: Journal, run_id: str) -> RunRow:
    row = recorded(journal, run_id)
    # First, so that a child run is told to be one.
    RecordedTask(run_id=row.run_id, fields=row.task)
    if row.status == "ended":
        raise ConfigError(f"run {run_id} has ended already ({_how(row)}); replay it, or branch off from one of its steps")
    return row


async def _resumed(engine: Engine, store: Store, row: RunRow, asked: Asked, question: Question | None = None) -> RunResult:
    task = RecordedTask(run_id=row.run_id, fields=row.task)
    _check_tools(engine, task)
    events: list[AnyEvent] = []

    def emit(event: AnyEvent) -> None:
        events.append(event)
        if asked.on_event is not None:
            asked.on_event(event)

    if question is not None:
        # It belongs to a thread, whose documents and variables it goes on with, and which gets its answer.
        asked = replace(asked, context=question.context, carry=question.turn.carry)
    run, conclusion = await _performed(engine, store, row, asked, "resume", emit)
    result = result_of(run, conclusion, events)
    if question is not None:
        await question.answered(task.fields["question"], result)
    return result


async def _performed(engine: Engine, store: Store, row: RunRow, asked: Asked, mode: RecordMode, emit: Watcher) -> tuple[Run, Conclusion]:
    task = RecordedTask(run_id=row.run_id, fields=row.task)
    turn = task.turn(asked.answer_type, kept_snapshot(store, task))
    turn = turn if asked.carry is None else replace(turn, carry=asked.carry)
    context = await kept_context(store, task, asked.context)
    try:
        async with engine.tree(store, emit, mode, task.settings(engine.settings)) as tree:
            run = Run(
                tree=tree,
                run_id=row.run_id,
                budget=_budget(task, mode, store),
                context=context,
                clock=task.fields["clock"],
                turn=turn,
                files=Vfs(tree.settings.vfs),
            )
            return run, await (perform_direct if turn.direct else perform_run)(run, task.fields["question"])
    finally:
        if context is not asked.context:
            context.close()


def _budget(task: RecordedTask, mode: RecordMode, store: Store) -> Budget:
    if mode == "replay":
        # What time was over when is on record; how long the replay takes is nobody's concern.
        return Budget(task.limits, clock=lambda: 0.0)
    used = store.leases.active_seconds(owner_of(task.run_id))
    return Budget(task.limits, used_seconds=used)


def _check_tools(engine: Engine, task: RecordedTask) -> None:
    for name, own in (("tools", engine.settings.tools), ("child_tools", engine.settings.child_tools)):
        wanted, there = {tool["name"] for tool in task.fields[name]}, {tool.name for tool in own.tools}
        if wanted != there:
            had = ", ".join(sorted(wanted)) or "none"
            raise ConfigError(f"run {task.run_id} had these {name}: {had}; go on with it by RLM(…, {name}=[…]).resume({task.run_id!r})")


def _copy(store: Store, row: RunRow, new_id: str, step: int, reply: str | None) -> None:
    rows = checked(store.journal.effects(row.run_id))
    asks = [one for one in rows if one.kind == "ask" and one.key == str(step)]
    last = max((int(one.key) for one in rows if one.kind == "ask" and one.key.isdecimal()), default=0)
    if not asks:
        raise ConfigError(f"run {row.run_id} has the steps 1 to {last}; step {step} is none of them")
    before = [one for one in rows if one.seq < asks[0].seq]
    task = {**row.task, "branched": {"from": row.run_id, "step": step}}
    store.journal.copy_run(row.run_id, new_id, parent=None, task=task, seqs=[one.seq for one in before])
    _copy_below(store.journal, row.run_id, new_id, before, step)
    for name, blob in store.blobs.links(owner_of(row.run_id)).items():
        # Its files are those of its own end.
        if not name.startswith(FILE):
            store.blobs.link(owner_of(new_id), name, blob)
    if reply is not None:
        store.journal.reopen_run(new_id)
        store.journal.record(new_id, "ask", str(step), asks[0].payload, {"text": reply, "model": "edited", "usage": None})


def _copy_below(journal: Journal, old: str, new: str, rows: Sequence[EffectRow], step: int | None) -> None:
    """Copy the child runs and the forks that these effects have opened; of a fork what it did before a step."""
    forks = 0
    for row in rows:
        if row.kind == "run":
            number = row.payload["child"]
            _copy_run(journal, child_id(old, number), child_id(new, number), new, None)
        elif row.kind == "branch" and row.payload["act"] == "fork.create":
            forks += 1
            _copy_run(journal, fork_id(old, forks), fork_id(new, forks), new, step)


def _copy_run(journal: Journal, old: str, new: str, parent: str, step: int | None) -> None:
    try:
        task = journal.run(old).task
    except LookupError:
        return  # It was not opened any more.
    rows = [row for row in checked(journal.effects(old)) if step is None or int(row.key.partition(".")[0]) < step]
    journal.copy_run(old, new, parent=parent, task=task, seqs=[row.seq for row in rows])
    _copy_below(journal, old, new, rows, step)


def _unwatched(event: AnyEvent) -> None:
    """Nobody looks on."""


def _effects(journal: Journal, run_id: str) -> int:
    return sum(len(journal.effects(one)) for one in (run_id, *journal.descendants(run_id)))


def _of_failure(row: RunRow, error: CellblockError) -> dict[str, Any]:
    """Whether a replay that failed did so like the recorded run.

    Raises:
        ConfigError: it did not, and the caller can mend that.
    """
    now = f"{type(error).__name__}: {error}"
    recorded_error = None if row.result is None else row.result["error"]
    if row.status == "failed" and recorded_error == now:
        return {"same": True, "difference": None}
    if isinstance(error, ConfigError):
        raise error
    return {"same": False, "difference": f"the replay failed: {now}"}


def _how(row: RunRow) -> str:
    result = row.result or {}
    return f"{result.get('ending', '?')}, {'with' if result.get('success') else 'without'} an answer"
