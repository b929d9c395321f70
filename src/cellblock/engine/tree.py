"""What all runs of one tree share: models, limiter, journal, events; and the one place where a model is called."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import anyio
import anyio.to_thread

from ..errors import BudgetExceeded, CellblockError, ModelError
from ..events import SUBCALL_ROLES, AnyEvent, ModelAnswered, ModelAsked
from ..host.context import Context
from ..models.cache import CachedAnswer, CachedCalls, Source, call_key, identity_of
from ..models.prices import load_prices, priced
from ..models.protocol import Message, ModelAdapter, ModelResponse, Usage
from ..models.replies import BYTES_PER_TOKEN, token_bytes
from ..repl.protocol import REPLProtocol
from ..store.journal import Journal
from .asking import cleaned, complete
from .budget import ANSWER_TOKENS, PRICED_TOKENS, Budget, Hold
from .roles import Roles
from .settings import Settings, Turn
from .tools import Tool, ToolUse

ERROR_CHARS = 2_000
FIRST_ANSWER_TOKENS = 32_768
"""What a model's answers may have before one of them is known. By a smaller guess, a batch that begins all at once would be far beyond a
small limit before its first answer is there; with this one, a batch under a small limit waits for its first answers."""


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


@dataclass(kw_only=True, slots=True)
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
    bound: int | None = None
    """Set when it is made: what the answer is bounded to, which is tighter than usual where the budget leaves less."""


@dataclass(slots=True)
class Tree:
    """What all runs of one tree share."""

    models: Roles
    journal: Journal
    emit: Callable[[AnyEvent], None]
    limiter: anyio.CapacityLimiter
    open_session: SessionOpener
    settings: Settings = field(default_factory=Settings)
    cached: CachedCalls | None = None
    """Answers to sub-calls, if they are kept."""
    prices_loaded: bool = False
    structured: dict[str, bool] = field(default_factory=dict)
    """By model, whether it can give structured replies, as far as it was asked to show it."""
    longest: dict[str, int] = field(default_factory=dict)
    """By model, tokens of its longest answer so far among those without a bound."""
    surplus: dict[str, int] = field(default_factory=dict)
    """By model, the most that a call so far has used beyond its estimated prompt and the bound on its answer: a command's own system
    prompt, a server that takes no bound. Without it, a batch would pass a limit by so much for each of its calls in flight."""
    call_ended: anyio.Event = field(default_factory=anyio.Event)
    """Set and replaced whenever a call has ended."""
    fatal: CellblockError | None = None
    """What happened inside a cell's call that no cell may hear of and no run survives, such as a full disk."""

    def learn(self, hold: Hold, used: Usage) -> None:
        """Remember how long an answer without a bound was, and what was used beyond estimate and bound, for what is held next."""
        calls = max(1, used.calls)
        more = max(0, used.input_tokens // calls - hold.prompt)
        if hold.max_tokens is not None:
            more += max(0, used.output_tokens // calls - hold.max_tokens)
        self.surplus[hold.model] = max(self.surplus.get(hold.model, 0), more)
        if hold.max_tokens is None:
            self.longest[hold.model] = max(ANSWER_TOKENS, self.longest.get(hold.model, 0), used.output_tokens)


@dataclass(slots=True)
class Run:
    """One run of the tree while it lives."""

    tree: Tree
    run_id: str
    budget: Budget
    context: Context
    parent: str | None = None
    turn: Turn = field(default_factory=Turn)
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
    tool_use: dict[Tool, ToolUse] = field(default_factory=dict)
    """What the tree has made of each tool; handed on like the places."""
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
        if self.tree.cached is None or call.role not in SUBCALL_ROLES:
            return await self._made(call)
        usual = self.budget.usual_bound(token_bytes(call.messages), call.max_tokens)
        key = call_key(tenant=self.tree.settings.tenant, identity=identity_of(call.model), messages=call.messages, max_tokens=usual)
        fresh: list[ModelResponse] = []

        async def make() -> CachedAnswer:
            fresh.append(await self._made(call))
            return CachedAnswer(text=fresh[0].text, model=fresh[0].model, usage=fresh[0].usage)

        answer, source = await self.tree.cached.answer(key, make, worth=lambda: call.bound == usual)
        return fresh[0] if fresh else self._known(call, answer, source)

    def _known(self, call: Call, answer: CachedAnswer, source: Source) -> ModelResponse:
        """An answer that was there already: it uses nothing, and the record says where it came from."""
        told = self._told(call)
        self.event(ModelAsked, **told)
        self.event(ModelAnswered, **told, text=answer.text, source=source, cost_usd=0.0)
        self.tree.journal.finish(self.run_id, call.seq, {"text": answer.text, "model": answer.model, "source": source})
        return ModelResponse(text=answer.text, usage=Usage(), model=answer.model)

    def _told(self, call: Call) -> dict[str, Any]:
        return {"call_id": f"{self.run_id}:{call.key}", "role": call.role, "step": self.step, "model": call.model.name}

    async def _made(self, call: Call) -> ModelResponse:
        try:
            response = await self._in_time(call)
        except (ModelError, BudgetExceeded) as error:
            self.tree.journal.finish(self.run_id, call.seq, failure_record(error))
            raise
        self.tree.journal.finish(self.run_id, call.seq, {"text": response.text, "model": response.model, "usage": response.usage})
        return response

    async def _in_time(self, call: Call) -> ModelResponse:
        """The response, unless the deadline comes first: a cell that asked hears of it, and can say what it has."""
        with anyio.move_on_after(self.budget.remaining_seconds()):
            # The limiter is held around the call alone: a child run inside it would wait for itself.
            async with self.tree.limiter:
                return await self._call(call)
        raise self.budget.expire().with_traceback(None)

    async def _reserve(self, call: Call) -> Hold:
        size, name, subcall = token_bytes(call.messages), call.model.name, call.role in SUBCALL_ROLES
        listed = await self._listed(call, size)

        def held() -> Hold | None:
            expected = self.tree.longest.get(name, FIRST_ANSWER_TOKENS)
            surplus = self.tree.surplus.get(name, 0)
            return self.budget.reserve(
                size, call.max_tokens, model=name, subcall=subcall, expected=expected, surplus=surplus, listed=listed
            )

        while (hold := held()) is None:
            # Those in flight hold what is left, and give back what they do not use.
            await self.tree.call_ended.wait()
        call.bound = hold.max_tokens
        return hold

    async def _call(self, call: Call) -> ModelResponse:
        hold = await self._reserve(call)
        told = self._told(call)
        started = time.perf_counter()
        used: Usage | None = None

        def ended(**how: str) -> None:
            self.event(ModelAnswered, **told, **_spent(used), **how, seconds=time.perf_counter() - started)

        try:
            self.event(ModelAsked, **told)
            response = await complete(call.model, call.messages, hold.max_tokens)
            used = response.usage  # known before the price is, which may take a while: a call cancelled meanwhile was made all the same
            used = await self._priced(call, used, response.model)
        except ModelError as error:
            used = error.usage
            used = used and await self._priced(call, used, "")
            ended(error=_line(error))
            raise
        except anyio.get_cancelled_exc_class():
            ended(error="cancelled" if self.budget.remaining_seconds() else "the run's time was over")
            raise
        finally:
            # Cancelled calls come by here too.
            if used is None:
                self.budget.release(hold)
            else:
                self.budget.settle(hold, used, role=call.role, served_by=call.model.name)
                self.tree.learn(hold, used)
            self.tree.call_ended.set()
            self.tree.call_ended = anyio.Event()
        ended(text=response.text)
        return replace(response, usage=used)

    async def _listed(self, call: Call, size: int) -> float | None:
        """What a call should cost by the lists of prices, where money is limited."""
        if self.budget.limits.cost_usd is None:
            return None
        await self._prices_there()
        likely = PRICED_TOKENS if call.max_tokens is None else min(PRICED_TOKENS, call.max_tokens)
        usage = Usage(input_tokens=size // BYTES_PER_TOKEN, output_tokens=likely, calls=1)
        return self.tree.settings.price_of(call.model.name, usage)

    async def _prices_there(self) -> None:
        if not self.tree.prices_loaded:
            # Half a second, once in a process.
            await anyio.to_thread.run_sync(load_prices)
            self.tree.prices_loaded = True

    async def _priced(self, call: Call, usage: Usage, reported: str) -> Usage:
        if usage.cost_usd is None:
            await self._prices_there()
        return priced(usage, call.model.name, self.tree.settings.prices, reported=reported)


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
