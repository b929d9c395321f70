"""What every run of a tree obeys, and what one question brings along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..host.vfs import VfsLimits
from ..limits import ExecLimits
from ..models.prices import Price, cost
from ..models.protocol import Usage
from ..repl.facts import PromptFacts
from .guards import Guards
from .history import History
from .prompt import PromptSettings
from .snapshots import SnapshotPolicy
from .tools import Toolset
from .typed import AnswerType, Anything


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What every session of the tree is opened with, and what every loop obeys."""

    sandbox: str = "monty"
    exec_limits: ExecLimits = field(default_factory=ExecLimits)
    seed: int | None = None
    """Of the cells' randomness; None takes the tenant's own."""
    tenant: str = "default"
    secret: bytes | None = field(default=None, repr=False)
    """At least 32 bytes that seal what is kept beside the records; None takes one of this user."""
    allow_weak_isolation: bool = False
    guards: Guards = field(default_factory=Guards)
    python: PromptFacts = field(default_factory=PromptFacts)
    """For the prompt: what the sandbox says of its Python."""
    interpreter: str = ""
    """What runs the cells, by name, version and build: for the record."""
    soft_limits: bool = False
    """For the prompt: whether a cell that ran out of time keeps its variables."""
    prompt: PromptSettings = field(default_factory=PromptSettings)
    history: History = field(default_factory=History)
    tools: Toolset = field(default_factory=Toolset)
    """What cells of the root may call beside the built-in functions."""
    child_tools: Toolset = field(default_factory=Toolset)
    """The same for child runs."""
    vfs: VfsLimits = field(default_factory=VfsLimits)
    """Quotas of each run's virtual files."""
    snapshots: SnapshotPolicy = field(default_factory=SnapshotPolicy)
    """When sessions' states are kept."""
    prices: Mapping[str, Price] = field(default_factory=dict)
    """The caller's own, by model."""

    def price_of(self, model: str, usage: Usage) -> float | None:
        """What a usage costs at that model's price, in US dollars; None where it is not known."""
        return cost(model, usage, self.prices)


@dataclass(slots=True)
class Carry:
    """What a session leaves for the next question that it is asked."""

    snapshot: bytes | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Variables that could not be kept, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What is kept beside a run's record, by its id; None where it is not."""

    context: str | None = None
    snapshot: str | None = None
    """The state that its session begins with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What a question brings along."""

    answer_type: AnswerType = field(default_factory=Anything)
    """What its answer has to be."""
    earlier: tuple[tuple[str, str], ...] = ()
    """Questions that its session was asked before, and the answers."""
    carry: Carry | None = None
    """Where its session's state comes from and goes to, if it is one of several questions to the same."""
    run_id: str | None = None
    """Of its run, where that has to be known before it begins."""
    direct: bool = False
    """One call with the whole context in its prompt, without a REPL."""
    kept: Kept = field(default_factory=Kept)
