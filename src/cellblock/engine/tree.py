"""What all runs of one tree share: models, limiter, journal, events; and the one place where a model is called."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio

from ..errors import BudgetExceeded, CellblockError, ModelError
from ..events import AnyEvent, ModelAnswered, ModelAsked
from ..host.context import Context
from ..limits import ExecLimits
from ..models.protocol import Message, ModelAdapter, ModelResponse, Usage
from ..repl.facts import PromptFacts
from ..repl.protocol import REPLProtocol
from ..store.journal import Journal
from .asking import cleaned, complete, token_bytes
from .budget import Budget, Hold
from .guards import Guards
from .roles import Roles

ERROR_CHARS = 2_000


class LiveSession(REPLProtocol, Protocol):
    """A session that says what stands around it."""

    @property
    def layers(self) -> Mapping[str, str]:
        """Each wall and layer: `on`, or why not."""
        ...

    @property
    def sandbox(self) -> str:
        """The sandbox's name."""
        ...


SessionOpener = Callable[..., Awaitable[LiveSession]]
"""`repl.session.open_session`, or something with its signature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What every session of the tree is opened with, and what every loop obeys."""

    sandbox: str = "monty"
    exec_limits: ExecLimits = field(default_factory=ExecLimits)
    seed: int = 0
    tenant: str = "default"
    allow_weak_isolation: bool = False
    guards: Guards = field(default_factory=Guards)
    python: PromptFacts = field(default_factory=PromptFacts)
    """For the prompt: what the sandbox says of its Python."""
    soft_limits: bool = False
    """For the prompt: whether a cell that ran out of time keeps its variables."""
    parallel_children: int = 4
    """Child runs that are open at once at each depth, in the whole tree. Each is a worker process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a model, its place in the tree included."""

    model: ModelAdapter
    messages: Sequence[Message]
    role: str
    key: str
    """Stable within the run: step and index."""
    seq: int
    """Its number in the journal."""
    max_tokens: int | None = None


@dataclass(slots=True)
class Tree:
    """What all runs of one tree share."""

    models: Roles
    journal: Journal
    emit: Callable[[AnyEvent], None]
    limiter: anyio.CapacityLimiter
    open_session: SessionOpener
    settings: Settings = Settings()
    call_ended: anyio.Event = field(default_factory=anyio.Event)
    """Set and replaced whenever a call has ended."""
    fatal: CellblockError | None = None
    """What happened inside a cell's call that no cell may hear of and no run survives, such as a full disk."""


@dataclass(slots=True)
class Run:
    """One run of the tree while it lives."""

    tree: Tree
    run_id: str
    budget: Budget
    context: Context
    parent: str | None = None
    step: int = 0
    cell: int = 0
    """Index of the running cell within its step."""
    calls: int = 0
    """Sub-calls and child runs that the running cell has made."""
    children: int = 0
    """Child runs that it has opened."""
    deepest: int = 0
    """Depth of the deepest run that it or one below it has opened; its own if none."""
    places: dict[int, anyio.CapacityLimiter] = field(default_factory=dict)
    """Of each depth, for the child runs open there. One for the whole tree: every run hands it to its children."""
    created: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.deepest = max(self.deepest, self.budget.depth)

    @property
    def model(self) -> ModelAdapter:
        """The model of its own loop."""
        return self.tree.models.loop(self.budget.depth)

    def event(self, kind: Callable[..., AnyEvent], **fields: Any) -> None:
        """Emit one event of this run, now."""
        self.tree.emit(kind(run_id=self.run_id, depth=self.budget.depth, at=time.time(), **fields))

    async def ask(self, call: Call) -> ModelResponse:
        """Make one model call under the tree's limiter; reserve before, settle after, record how it ended.

        Raises:
            BudgetExceeded: it was not made.
            ModelError: it failed.
            ConfigError: money is limited and its price cannot be known.
            StoreError: its outcome could not be recorded.
        """
        # The limiter is held around the call alone: a child run inside it would wait for itself.
        async with self.tree.limiter:
            try:
                response = await self._call(call)
            except (ModelError, BudgetExceeded) as error:
                self.tree.journal.finish(self.run_id, call.seq, failure_record(error))
                raise
        self.tree.journal.finish(self.run_id, call.seq, {"text": response.text, "model": response.model, "usage": response.usage})
        return response

    async def _reserve(self, call: Call) -> Hold:
        size = token_bytes(call.messages)
        while (hold := self.budget.reserve(size, call.max_tokens, model=call.model.name)) is None:
            # Those in flight hold what is left, and give back what they do not use.
            await self.tree.call_ended.wait()
        return hold

    async def _call(self, call: Call) -> ModelResponse:
        hold = await self._reserve(call)
        told = {"call_id": f"{self.run_id}:{call.key}", "role": call.role, "step": self.step, "model": call.model.name}
        started = time.perf_counter()
        used: Usage | None = None
        try:
            self.event(ModelAsked, **told)
            response = await complete(call.model, call.messages, hold.max_tokens)
            used = response.usage
        except ModelError as error:
            used = error.usage
            self.event(ModelAnswered, **told, **_spent(used), error=_line(error), seconds=time.perf_counter() - started)
            raise
        finally:
            # Cancelled calls come by here too.
            if used is None:
                self.budget.release(hold)
            else:
                self.budget.settle(hold, used)
            self.tree.call_ended.set()
            self.tree.call_ended = anyio.Event()
        self.event(ModelAnswered, **told, **_spent(used), text=response.text, seconds=time.perf_counter() - started)
        return response


def _spent(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cost_usd": usage.cost_usd}


def failure_record(error: CellblockError) -> dict[str, Any]:
    """How a failed effect stands in the journal."""
    record: dict[str, Any] = {"error": type(error).__name__, "message": cleaned(str(error)[:ERROR_CHARS])}
    if isinstance(error, ModelError) and error.usage is not None:
        record["usage"] = error.usage
    if isinstance(error, BudgetExceeded):
        record |= {"limit": error.limit, "allowed": error.allowed, "used": error.used}
    return record


def _line(error: ModelError) -> str:
    return " ".join(cleaned(f"{type(error).__name__}: {error}"[:ERROR_CHARS]).split())
