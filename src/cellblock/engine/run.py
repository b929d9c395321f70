"""`RLM`: ask a question about a context, in one call."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

import anyio
from anyio.from_thread import start_blocking_portal

from ..errors import BudgetExceeded, ConfigError
from ..events import AnyEvent, Trace
from ..host.context import Context
from ..limits import ExecLimits, RunLimits
from ..models import resolve
from ..models.protocol import ModelAdapter, Usage
from ..repl.registry import find_sandbox
from ..repl.session import open_session
from ..store.journal import Journal
from ..values import Value
from .asking import cleaned
from .budget import Budget
from .contexts import open_context
from .driver import CLOSE_SECONDS, perform_run
from .effects import Conclusion
from .guards import Guards, answer_text
from .roles import Model, Models, Roles
from .stream import RunStream
from .tree import Run, Settings, Tree

ContextSource: TypeAlias = "str | list[str] | dict[str, str] | Path | Context"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How a run ended."""

    answer: str
    """The text of `value`."""
    value: Value
    """The final answer with its type; a partial one where `success` is False."""
    success: bool
    """Whether the model gave a final answer that was accepted."""
    error: str | None
    """One line, None where `success`."""
    usage: Usage
    """Of every model call in the tree, each counted once."""
    trace: Trace
    run_id: str
    steps: int
    """Replies of the root model."""
    subcalls: int
    """Sub-calls and child runs in the whole tree."""
    failure: BudgetExceeded | None = field(default=None, repr=False)
    """The limit that ended the run, if one did."""

    def raise_for_failure(self) -> RunResult:
        """This result, if a limit did not end the run.

        Raises:
            BudgetExceeded: one did. The error carries this result, with its partial answer.
        """
        if self.failure is not None:
            raise type(self.failure)(self.failure.limit, allowed=self.failure.allowed, used=self.failure.used, result=self)
        return self


class RLM:
    """A Recursive Language Model: the model answers by writing cells that read the context. Reusable, also in parallel.

    Args:
        model: for the loop; or `Models`, which name one for each role and depth.
        sub_model: for sub-calls; None takes `model`.
        sandbox: a name that `cellblock sandboxes` lists.
        limits: of a run and all its child runs.
        exec_limits: of one cell.
        guards: what an answer must have behind it.
        journal: path of the SQLite file that records every effect; None takes `journal.db` in the user's data folder,
            `:memory:` keeps none.
        seed: of the cells' randomness.
        allow_weak_isolation: run although a layer of the jail is missing on this machine.
        tenant: whose runs these are; tenants share no process.

    Raises:
        ConfigError: the model or the sandbox is unknown, a key is missing, or the settings contradict each other.
    """

    def __init__(
        self,
        model: Model | Models,
        *,
        sub_model: Model | None = None,
        sandbox: str = "monty",
        limits: RunLimits | None = None,
        exec_limits: ExecLimits | None = None,
        guards: Guards | None = None,
        journal: str | os.PathLike[str] | None = None,
        seed: int = 0,
        allow_weak_isolation: bool = False,
        tenant: str = "default",
    ) -> None:
        facts = find_sandbox(sandbox).facts
        self.limits = limits or RunLimits()
        self._settings = Settings(
            sandbox=sandbox,
            exec_limits=exec_limits or ExecLimits(),
            seed=seed,
            tenant=tenant,
            allow_weak_isolation=allow_weak_isolation,
            guards=guards or Guards(),
            python=facts.prompt,
            soft_limits=facts.soft_limits,
        )
        self._settings.guards.check(self.limits)
        self._journal = journal
        self._models = _models(model, sub_model)
        # Now and not at the first run: a missing key is the caller's to fix here.
        Roles(self._models)

    async def arun(self, question: str, context: ContextSource, *, on_event: Callable[[AnyEvent], None] | None = None) -> RunResult:
        """Answer `question` about `context`. Cancelling it ends everything that it started.

        Args:
            question: one text.
            context: a text, a list of texts, a dict of name to text, a Path, or a `Context`, which stays open.
            on_event: called with each event as it happens; must not block.

        Raises:
            ConfigError: the context cannot be read, or a price is unknown where money is limited.
            ModelError: the model failed.
            SandboxUnavailable: the sandbox cannot run here.
            SandboxBroken: its worker lied or died and could not be replaced.
            StoreError: an effect could not be recorded.
        """
        events: list[AnyEvent] = []

        def emit(event: AnyEvent) -> None:
            events.append(event)
            if on_event is not None:
                on_event(event)

        async with self._tree(emit) as tree, _opened(context) as opened:
            run = Run(tree=tree, run_id=_new_run_id(), budget=Budget(self.limits), context=opened)
            conclusion = await perform_run(run, cleaned(_question(question)))
        return _result(run, conclusion, events)

    def run(self, question: str, context: ContextSource, *, on_event: Callable[[AnyEvent], None] | None = None) -> RunResult:
        """`arun` for code without an event loop; Ctrl-C cancels the run. Under a running loop it works too, and blocks it.

        Raises:
            CellblockError: as `arun`.
        """
        with start_blocking_portal("asyncio") as portal:
            future = portal.start_task_soon(partial(self.arun, question, context, on_event=on_event))
            try:
                return future.result()
            except BaseException:
                # Ctrl-C arrives here, in the caller's thread; the run is in the portal's.
                future.cancel()
                raise

    def stream(self, question: str, context: ContextSource) -> RunStream[RunResult]:
        """The run's events while it runs: `async for event in rlm.stream(…)`; the result is in `.result` afterwards.

        The run starts with the iteration; leaving that early cancels it.
        """
        return RunStream(lambda emit: self.arun(question, context, on_event=emit))

    @asynccontextmanager
    async def _tree(self, emit: Callable[[AnyEvent], None]) -> AsyncIterator[Tree]:
        async with AsyncExitStack() as stack:
            yield Tree(
                models=Roles(self._models, partial(_adapter, stack=stack)),
                journal=stack.enter_context(Journal(_journal_path(self._journal))),
                emit=emit,
                limiter=anyio.CapacityLimiter(self.limits.parallel_subcalls),
                open_session=open_session,
                settings=self._settings,
            )


def _models(model: Model | Models, sub_model: Model | None) -> Models:
    if not isinstance(model, Models):
        return Models(root=model, sub=sub_model)
    if sub_model is not None:
        raise ConfigError("sub_model= goes with one model; in Models(...) it is sub=")
    return model


def _adapter(spec: Model, stack: AsyncExitStack) -> ModelAdapter:
    """The adapter of this run. One made here from a name is closed with the run: connections belong to one event loop."""
    adapter = resolve(spec)
    if adapter is not spec:
        stack.push_async_callback(_close, adapter)
    return adapter


async def _close(adapter: ModelAdapter) -> None:
    # Shielded: a cancelled run closes its connections too.
    with anyio.move_on_after(CLOSE_SECONDS, shield=True):
        await adapter.aclose()


@asynccontextmanager
async def _opened(source: ContextSource) -> AsyncIterator[Context]:
    context = await open_context(source)
    try:
        yield context
    finally:
        if context is not source:
            context.close()


def _question(question: object) -> str:
    if not isinstance(question, str) or not question.strip():
        raise ConfigError("question: a text is needed")
    return question


def _journal_path(path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        return os.fspath(path)
    # Imported here: only the default needs it.
    from platformdirs import user_data_path

    return str(user_data_path("cellblock") / "journal.db")


def _new_run_id() -> str:
    """Sorts by time; unguessable enough to be unique across processes."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(5)


def _result(run: Run, conclusion: Conclusion, events: list[AnyEvent]) -> RunResult:
    return RunResult(
        answer=answer_text(conclusion.value),
        value=conclusion.value,
        success=conclusion.success,
        error=conclusion.error,
        usage=run.budget.usage,
        trace=Trace(tuple(events)),
        run_id=run.run_id,
        steps=run.budget.steps,
        subcalls=run.budget.subcalls,
        failure=None if conclusion.failure is None else conclusion.failure.with_traceback(None),
    )
