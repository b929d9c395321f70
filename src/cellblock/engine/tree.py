"""What all runs of one tree share: models, limiter, journal, events; and what one of these runs is while it lives."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio

from ..errors import CellblockError
from ..events import AnyEvent
from ..host.context import Context
from ..host.vfs import Vfs
from ..models.cache import CachedCalls
from ..models.protocol import Message, ModelAdapter, Usage
from ..repl.history import Ran
from ..repl.protocol import REPLProtocol
from ..store.journal import Journal
from .budget import ANSWER_TOKENS, Budget, Hold
from .record import Entry, Record, RecordMode
from .roles import Roles
from .settings import Settings, Turn
from .snapshots import Blobs
from .tools import Tool, ToolUse


class LiveSession(REPLProtocol, Protocol):
    """A session that says what stands around it, and what its last cell was answered."""

    @property
    def layers(self) -> Mapping[str, str]:
        """Each wall and layer: `on`, or why not."""
        ...

    @property
    def sandbox(self) -> str:
        """The sandbox's name."""
        ...

    @property
    def last(self) -> Ran | None:
        """The last cell that ran to its end, with the answers of its calls."""
        ...


SessionOpener = Callable[..., Awaitable[LiveSession]]
"""`repl.session.open_session`, or something with its signature."""


@dataclass(kw_only=True, slots=True)
class Call:
    """One call of a model, its place in the tree included."""

    model: ModelAdapter
    messages: Sequence[Message]
    role: str
    entry: Entry
    """Where it stands on record. Its key is stable within the run: step and index."""
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
    blobs: Blobs | None = None
    """Where states of sessions are kept, if they are."""
    cached: CachedCalls | None = None
    """Answers to sub-calls, if they are kept."""
    mode: RecordMode = "fresh"
    """Whether effects of an earlier attempt are recalled, or only compared with."""
    prices_loaded: bool = False
    structured: dict[str, bool] = field(default_factory=dict)
    """By model, whether it can give structured replies, as far as it was asked to show it."""
    longest: dict[str, int] = field(default_factory=dict)
    """By model, tokens of its longest answer so far among those without a bound."""
    surplus: dict[str, int] = field(default_factory=dict)
    """By model, the most that a call so far has used beyond its estimated prompt and the bound on its answer: a command's own system
    prompt, a server that takes no bound. Without it, a batch would pass a limit by so much for each of its calls in flight."""
    fork_places: dict[int, anyio.CapacityLimiter] = field(default_factory=dict)
    """Of each depth, for the forks whose cells run there."""
    fork_sessions: set[str] = field(default_factory=set)
    """Ids of the forks that `fork.run` has left with an open session."""
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
    clock: float = field(default_factory=time.time)
    """The instant at which the clock of its cells stands, Unix seconds; that of all its child runs, too."""
    parent: str | None = None
    turn: Turn = field(default_factory=Turn)
    step: int = 0
    cell: str = ""
    """Key of the running cell: its step, and its index within that."""
    calls: int = 0
    """Sub-calls and child runs that the running cell has made."""
    fork_calls: int = 0
    """The same of the cells that it has run in forks."""
    children: int = 0
    """Child runs that it has opened."""
    deepest: int = 0
    """Depth of the deepest run that it or one below it has opened; its own if none."""
    places: dict[int, anyio.CapacityLimiter] = field(default_factory=dict)
    """Of each depth, for the child runs open there. One for the whole tree: every run hands it to its children."""
    tool_use: dict[Tool, ToolUse] = field(default_factory=dict)
    """What the tree has made of each tool; handed on like the places."""
    files: Vfs = field(default_factory=Vfs)
    """The virtual files that its cells see."""
    acts: int = 0
    """What the running cell has done to files and branches."""
    forks: int = 0
    """Forks that its cells have made."""
    in_fork: bool = False
    """Whether the running cell was run by `fork.run`."""
    created: float = field(default_factory=time.monotonic)
    record: Record = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.deepest = max(self.deepest, self.budget.depth)
        self.record = Record(self.tree.journal, self.run_id, self.tree.mode)

    @property
    def model(self) -> ModelAdapter:
        """The model of its own loop."""
        return self.tree.models.loop(self.budget.depth)

    def release(self) -> None:
        """It is over: let go of its files and of what was on record. The cycle collector would do so some time, for it counts no bytes."""
        self.files = Vfs(self.tree.settings.vfs)
        self.record.forget()

    def event(self, kind: Callable[..., AnyEvent], **fields: Any) -> None:
        """Emit one event of this run, now."""
        self.tree.emit(kind(run_id=self.run_id, depth=self.budget.depth, at=time.time(), **fields))
