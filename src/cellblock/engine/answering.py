"""`Engine`: what performs runs, whoever asks the questions: an `RLM`, a session of it, a `Router`."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from ..errors import ConfigError, StoreError
from ..events import AnyEvent, Trace
from ..host.context import Context
from ..host.vfs import Vfs
from ..in_thread import in_thread
from ..limits import RunLimits
from ..models import resolve
from ..models.cache import CachedCalls, CallCache, open_cache
from ..models.protocol import ModelAdapter
from ..repl.keys import tenant_key, tenant_seed
from ..repl.session import open_session
from ..store.journal import DEFAULT_TENANT
from ..store.opening import Store, default_place, open_store, opened_aside
from .asking import cleaned
from .budget import Budget
from .contexts import ContextSource, open_context
from .driving import driven
from .effects import Conclusion
from .keeping import keep
from .opening import CLOSE_SECONDS
from .performing import perform_direct, perform_run
from .record import RecordMode
from .results import RunResult, run_result
from .roles import Model, Models, Roles
from .settings import Settings, Turn
from .spending import RunUsage, saved
from .tree import Run, Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """The models, limits and places of runs that may be parallel. Nothing is open between them.

    Raises:
        ConfigError: the settings demand what no run within the limits can do.
    """

    models: Models
    limits: RunLimits
    """Of each run."""
    settings: Settings
    journal: str | os.PathLike[str] | None = None
    """Path of its file, or address of its database; None takes the file in the user's data folder."""
    cache: str | os.PathLike[str] | CallCache | None = None
    """Of sub-calls: where it is, or the caller's own."""

    def __post_init__(self) -> None:
        self.settings.guards.check(self.limits)

    async def answer(
        self, question: str, context: ContextSource, turn: Turn, on_event: Callable[[AnyEvent], None] | None = None
    ) -> RunResult:
        """Perform one run.

        Args:
            turn: what the question brings along.
            on_event: called with each event as it happens; must not block.

        Raises:
            CellblockError: as `RLM.arun`.
        """
        asked = cleaned(check_question(question))
        events: list[AnyEvent] = []

        def emit(event: AnyEvent) -> None:
            events.append(event)
            if on_event is not None:
                on_event(event)

        run_id = turn.run_id or new_run_id()
        async with self.store() as store, _opened(context) as opened, driven(store, run_id):
            asked_turn = replace(turn, kept=await keep(store, run_id, opened, turn))
            async with self.tree(store, emit) as tree:
                files = Vfs(self.settings.vfs)
                run = Run(tree=tree, run_id=run_id, budget=Budget(self.limits), context=opened, turn=asked_turn, files=files)
                conclusion = await (perform_direct if turn.direct else perform_run)(run, asked)
                return result_of(run, conclusion, events)

    def with_settings(self, **changed: Any) -> Engine:
        """The same with other settings of its sessions and loops.

        Raises:
            ConfigError: they demand what no run within the limits can do.
        """
        return replace(self, settings=replace(self.settings, **changed))

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """Where its runs are recorded, open.

        Raises:
            StoreError: it cannot be opened.
        """
        async with opened_aside(partial(store_at, self.journal, self.settings.tenant, self.settings.secret)) as store:
            yield store

    @asynccontextmanager
    async def tree(
        self, store: Store, emit: Callable[[AnyEvent], None], mode: RecordMode = "fresh", settings: Settings | None = None
    ) -> AsyncIterator[Tree]:
        """What the runs of one tree share.

        Args:
            mode: whether effects on record are recalled.
            settings: None takes its own.
        """
        async with AsyncExitStack() as stack:
            yield Tree(
                models=Roles(self.models, partial(_adapter, stack=stack)),
                journal=store.journal,
                emit=emit,
                limiter=anyio.CapacityLimiter(self.limits.parallel_subcalls),
                open_session=partial(open_session, snapshot_secret=self.settings.secret),
                cached=await _cached(self.cache, stack),
                settings=_seeded(settings or self.settings),
                blobs=store.blobs if store.keeps else None,
                mode=mode,
            )


def _seeded(settings: Settings) -> Settings:
    """With the seed that goes on record, if none was given."""
    return settings if settings.seed is not None else replace(settings, seed=tenant_seed(settings.tenant, settings.secret))


def result_of(run: Run, conclusion: Conclusion, events: Sequence[AnyEvent]) -> RunResult:
    """For whoever asked, with what was saved by cheaper models, and the trace."""
    return run_result(run, conclusion, Trace(tuple(events)), _with_savings(run))


def _with_savings(run: Run) -> RunUsage:
    usage, settings = run.budget.spending(), run.tree.settings
    return replace(usage, saved_usd=saved(usage.parts, run.tree.models.root.name, settings.price_of))


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
    opened = await in_thread(open_cache, cache, undo=lambda made: anyio.run(made.aclose))
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


def check_question(question: object) -> str:
    """The question, if it is one.

    Raises:
        ConfigError: it is no text, or a blank one.
    """
    if not isinstance(question, str) or not question.strip():
        raise ConfigError("question: a text is needed")
    return question


def store_at(place: str | os.PathLike[str] | None, tenant: str = DEFAULT_TENANT, secret: bytes | None = None) -> Store:
    """Where runs are recorded, open.

    Args:
        place: path of a file, or address of a database; None takes the file in the user's data folder.
        secret: as `Engine.secret`.

    Raises:
        StoreError: it cannot be opened.
    """
    key = _key(tenant, secret)
    if place is not None:
        return open_store(place, tenant=tenant, key=key)
    try:
        return open_store(default_place(), tenant=tenant, key=key)
    except StoreError as error:
        raise StoreError(f"{error}; name a file with journal=, or ':memory:' to keep no record") from error


def _key(tenant: str, secret: bytes | None) -> bytes:
    try:
        return tenant_key(tenant, secret)
    except ConfigError:
        # Where this user can keep no secret, nothing is kept that would need one: contexts are to be given again, cells run again.
        return b""


def new_run_id() -> str:
    """Sorts by time; unguessable enough to be unique across processes."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(5)
