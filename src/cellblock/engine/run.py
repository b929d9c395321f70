"""`RLM`: ask a question about a context, in one call."""

from __future__ import annotations

import copy
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from ..errors import ConfigError, StoreError
from ..events import AnyEvent, Trace
from ..host.context import Context
from ..limits import ExecLimits, RunLimits
from ..models import resolve
from ..models.cache import CachedCalls, CallCache, open_cache
from ..models.prices import Price
from ..models.protocol import ModelAdapter
from ..repl.registry import find_sandbox
from ..repl.session import open_session
from ..store.journal import Journal
from .asking import cleaned
from .budget import Budget
from .contexts import ContextSource, open_context
from .conversation import Conversation
from .given import check_given, check_prices, check_tools
from .guards import Guards
from .history import History
from .opening import CLOSE_SECONDS
from .performing import perform_direct, perform_run
from .policies import Policy, load_policy
from .portal import blocking
from .prompt import PromptSettings
from .results import RunResult, run_result
from .roles import Model, Models, Roles
from .settings import Settings, Turn
from .spending import RunUsage, saved
from .stream import RunStream
from .tools import Tool, Toolset
from .tree import Run, Tree
from .typed import answer_type

ASK_OF_PROMPT = "Do what the context asks for, and answer what it asks."
"""The question where a prompt came without one."""


class RLM:
    """A Recursive Language Model: the model answers by writing cells that read the context. Reusable, also in parallel.

    Args:
        model: for the loop; or `Models`, which name one for each role and depth.
        sub_model: for sub-calls; None takes `model`.
        sandbox: a name that `cellblock sandboxes` lists.
        limits: of a run and all its child runs.
        exec_limits: of one cell.
        guards: what an answer must have behind it, and when a run gives up.
        prompt: how the system message and the first one are made.
        history: how much of its conversation the model is shown again.
        policy: a profile that gives those three where they are not given: a name (baseline, format_strict, depth_soft, depth_strict,
            format_plus_depth), `Path("file.json")` with a policy named like the file's stem, or a `Policy`.
        tools: typed Python functions that cells of the root may call.
        child_tools: the same for child runs; None gives them the root's.
        cache: of sub-calls, off by default: a folder, a `*.db` file or a `redis://` address; or a `CallCache`.
        prices: of models, by name, before the table that comes with the package.
        journal: path of the SQLite file that records every effect; None takes `journal.db` in the user's data folder,
            `:memory:` keeps none.
        seed: of the cells' randomness.
        allow_weak_isolation: run although a layer of the jail is missing on this machine.
        tenant: whose runs these are; tenants share no process and no cached answer.

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
        prompt: PromptSettings | None = None,
        history: History | None = None,
        policy: str | Path | Policy | None = None,
        tools: Sequence[Callable[..., Any] | Tool] = (),
        child_tools: Sequence[Callable[..., Any] | Tool] | None = None,
        cache: str | os.PathLike[str] | CallCache | None = None,
        prices: Mapping[str, Price] | None = None,
        journal: str | os.PathLike[str] | None = None,
        seed: int = 0,
        allow_weak_isolation: bool = False,
        tenant: str = "default",
    ) -> None:
        check_given(sandbox=sandbox, limits=limits, exec_limits=exec_limits, guards=guards, prompt=prompt, history=history, cache=cache)
        check_given(journal=journal, tenant=tenant, seed=seed, prices=prices, allow_weak_isolation=allow_weak_isolation)
        check_prices(prices)
        facts = find_sandbox(sandbox).facts
        profile = _policy(policy)
        own_tools = Toolset.of(check_tools("tools", tools))
        self.limits = limits or RunLimits()
        self._settings = Settings(
            sandbox=sandbox,
            exec_limits=exec_limits or ExecLimits(),
            seed=seed,
            tenant=tenant,
            allow_weak_isolation=allow_weak_isolation,
            guards=guards or profile.guards,
            prompt=prompt or profile.prompt,
            history=history or profile.history,
            tools=own_tools,
            child_tools=own_tools if child_tools is None else Toolset.of(check_tools("child_tools", child_tools)),
            python=facts.prompt,
            soft_limits=facts.soft_limits,
            prices=dict(prices or {}),
        )
        self._settings.guards.check(self.limits)
        self._journal, self._cache = journal, cache
        self._models = _models(model, sub_model)
        # Now and not at the first run: a missing key is the caller's to fix here.
        Roles(self._models)

    async def arun(
        self,
        question: str,
        context: ContextSource,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """Answer `question` about `context`. Cancelling it ends everything that it started.

        Args:
            question: one text.
            context: a text, a list of texts, a dict of name to text, a Path, or a `Context`, which stays open.
            output_type: what the answer has to be: a pydantic model, any type that pydantic can validate, or a JSON Schema as a dict.
                The answer comes back in `output`.
            on_event: called with each event as it happens; must not block.

        Raises:
            ConfigError: the context cannot be read, the type cannot be checked, or a price is unknown where money is limited.
            ModelError: the model failed.
            SandboxUnavailable: the sandbox cannot run here.
            SandboxBroken: its worker lied or died and could not be replaced.
            StoreError: an effect could not be recorded.
        """
        return await self._perform(question, context, Turn(answer_type=answer_type(output_type)), on_event)

    def run(
        self,
        question: str,
        context: ContextSource,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """`arun` for code without an event loop; Ctrl-C cancels the run. Under a running loop it works too, and blocks it.

        Raises:
            CellblockError: as `arun`.
        """
        return blocking(partial(self.arun, question, context, output_type=output_type, on_event=on_event))

    def stream(self, question: str, context: ContextSource, *, output_type: object = None) -> RunStream[RunResult]:
        """The run's events while it runs: `async for event in rlm.stream(…)`; the result is in `.result` afterwards.

        The run starts with the iteration; leaving that early cancels it.
        """
        return RunStream(lambda emit: self.arun(question, context, output_type=output_type, on_event=emit))

    def completion(self, prompt: ContextSource, query: str | None = None) -> RunResult:
        """`run` in the order of arguments that other engines have: the long input first. Without `query` the input says what to do.

        Raises:
            CellblockError: as `arun`.
        """
        return self.run(ASK_OF_PROMPT if query is None else query, prompt)

    def session(self, context: ContextSource | None = None) -> Conversation:
        """Several questions to one REPL, one after the other: contexts add up, variables stay.

        Args:
            context: the first part of it; more may come with every question.
        """
        return Conversation(self._perform, context)

    async def _perform(
        self, question: str, context: ContextSource, turn: Turn, on_event: Callable[[AnyEvent], None] | None = None
    ) -> RunResult:
        asked = cleaned(_question(question))
        events: list[AnyEvent] = []

        def emit(event: AnyEvent) -> None:
            events.append(event)
            if on_event is not None:
                on_event(event)

        async with self._tree(emit) as tree, _opened(context) as opened:
            run = Run(tree=tree, run_id=_new_run_id(), budget=Budget(self.limits), context=opened, turn=turn)
            conclusion = await (perform_direct if turn.direct else perform_run)(run, asked)
            usage = _with_savings(run)
        return run_result(run, conclusion, Trace(tuple(events)), usage)

    def _with(self, **changed: Any) -> RLM:
        """The same with other settings of its sessions and loops."""
        other = copy.copy(self)
        other._settings = replace(self._settings, **changed)
        other._settings.guards.check(self.limits)
        return other

    @asynccontextmanager
    async def _tree(self, emit: Callable[[AnyEvent], None]) -> AsyncIterator[Tree]:
        async with AsyncExitStack() as stack:
            yield Tree(
                models=Roles(self._models, partial(_adapter, stack=stack)),
                journal=stack.enter_context(_journal(self._journal)),
                emit=emit,
                limiter=anyio.CapacityLimiter(self.limits.parallel_subcalls),
                open_session=open_session,
                cached=await _cached(self._cache, stack),
                settings=self._settings,
            )


def _with_savings(run: Run) -> RunUsage:
    usage, settings = run.budget.spending(), run.tree.settings
    return replace(usage, saved_usd=saved(usage.parts, run.tree.models.root.name, settings.price_of))


def _models(model: Model | Models, sub_model: Model | None) -> Models:
    if not isinstance(model, Models):
        return Models(root=model, sub=sub_model)
    if sub_model is not None:
        raise ConfigError("sub_model= goes with one model; in Models(...) it is sub=")
    return model


def _policy(policy: str | Path | Policy | None) -> Policy:
    if policy is None:
        return Policy()
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, Path):
        return load_policy(policy.stem, policy)
    if not isinstance(policy, str):
        raise ConfigError(f"policy={repr(policy)[:60]}: a name, a Path or a Policy is needed, not {type(policy).__name__}")
    return load_policy(policy)


def _adapter(spec: Model, stack: AsyncExitStack) -> ModelAdapter:
    """The adapter of this run. One made here from a name is closed with the run: connections belong to one event loop."""
    adapter = resolve(spec)
    if adapter is not spec:
        stack.push_async_callback(_close, adapter)
    return adapter


async def _cached(cache: str | os.PathLike[str] | CallCache | None, stack: AsyncExitStack) -> CachedCalls | None:
    if cache is None:
        return None
    if not isinstance(cache, (str, os.PathLike)):
        return CachedCalls(cache)
    opened = await anyio.to_thread.run_sync(open_cache, cache)
    stack.push_async_callback(_close, opened)
    return CachedCalls(opened)


async def _close(adapter: ModelAdapter | CallCache) -> None:
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


def _journal(path: str | os.PathLike[str] | None) -> Journal:
    if path is not None:
        return Journal(os.fspath(path))
    # Imported here: only the default needs it.
    from platformdirs import user_data_path

    try:
        return Journal(str(user_data_path("cellblock") / "journal.db"))
    except StoreError as error:
        raise StoreError(f"{error}; name a file with journal=, or ':memory:' to keep no record") from error


def _new_run_id() -> str:
    """Sorts by time; unguessable enough to be unique across processes."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(5)
