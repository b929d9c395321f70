"""What the loop asks of the world, and what it is told: frozen data, nothing else.

A loop yields an effect and is sent the outcome of its kind: `Ask` → `Reply`, `Exec` → `Ran`, `GetVariable` → `Got`,
`Refuse` → None. Any of them may be answered with `Stopped`, after which the loop returns its `Conclusion`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from ..errors import BudgetExceeded
from ..models.protocol import Message
from ..repl.protocol import ExecResult
from ..values import Value
from .value_texts import answer_text

Purpose: TypeAlias = Literal["reply", "final", "verify", "brief", "compact", "direct", "probe"]
"""What a model is asked for: the loop's next reply, an answer once the steps are used up, a verdict on an answer, a brief before the loop,
a summary of old turns, an answer without any loop, or to show that it can reply in a form."""
Ending: TypeAlias = Literal["final", "auto_variable", "forced_final", "last_output", "failed", "budget"]
"""What a run's value is: the model's final answer; the variable that was agreed on; what it said when it was made to answer; its last
output; nothing; or what there was when a limit of the run was passed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Ask a model."""

    messages: tuple[Message, ...]
    step: int
    """From 1; 0 before the first."""
    purpose: Purpose = "reply"
    new: tuple[Message, ...] = ()
    """Those of `messages` that no earlier `Ask` held."""
    index: int = 0
    """Of several for the same purpose in one step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exec:
    """Run one cell."""

    code: str
    step: int
    index: int
    """Of the cell within its reply, from 0."""
    origin: Literal["reply", "fallback"] = "reply"
    """Who wrote it: the model, or whoever set `fallback_code`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GetVariable:
    """Read a variable of the session, for `FINAL_VAR(name)` in a reply's text."""

    name: str
    step: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Refuse:
    """Put on record that a reply or a final answer was refused. The loop itself tells the model."""

    reason: str
    step: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The model's reply."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """The cell ran, failed or was stopped by a limit of its own."""

    result: ExecResult
    subcalls: int = 0
    """Sub-calls and child runs that this cell made."""
    children: int = 0
    """Child runs that the run has opened so far, in all its cells."""
    deepest: int = 0
    """Depth of the deepest run below it so far; its own if there is none."""
    stopped: BudgetExceeded | None = None
    """The run's budget ended while the cell ran: no further effect will be performed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Got:
    """The variable's value, or why there is none."""

    value: Value = None
    missing: str | None = None
    """One line for the model; None where `value` is the variable's value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """The budget refused the effect, or the deadline passed during it."""

    error: BudgetExceeded


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """How a run ended."""

    success: bool
    """True where a final answer was given and accepted."""
    value: Value = None
    """The final answer with its type; the partial one where `success` is False."""
    error: str | None = None
    """One line, None where `success`."""
    failure: BudgetExceeded | None = None
    """The limit that ended the run, if one did."""
    ending: Ending = "failed"
    output: object = None
    """The value as the type that was asked for; the value itself where none was."""
    verified: bool | None = None
    """Whether the verifier passed the answer; None where it was not asked."""

    @cached_property
    def text(self) -> str:
        """Of the value. Made once: as JSON, a value of control characters takes six times as many, and half a second."""
        return answer_text(self.value)


Effect: TypeAlias = Ask | Exec | GetVariable | Refuse
Outcome: TypeAlias = Reply | Ran | Got | Stopped | None
Loop: TypeAlias = Generator[Effect, Outcome, Conclusion]
