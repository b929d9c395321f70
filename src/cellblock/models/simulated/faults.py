"""Faults that a real model makes, injected on purpose: each is a reply that the engine must survive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from .plans import Plan
from .readings import READINGS
from .transcript import Conversation

ANSWER_VARIABLE = "final_answer"


class Shares(TypedDict, total=False):
    """How often each fault comes: a share, 0 to 1, of the replies in which it can happen. Of two at once the first one here wins."""

    syntax_error: float
    """The cell does not parse: a model that was cut short, or mixed prose into its code."""
    name_error: float
    """The cell uses a name that nobody defined, as models do with helpers that they remember from elsewhere."""
    final_misuse: float
    """A variable is given as the answer which nobody set."""
    runaway_loop: float
    """The cell never ends."""
    final_plan: float
    """Before any cell has run, what the model means to do is given as the answer, in the form of one."""
    final_early: float
    """Before any cell has run, a guess is given as the answer: the model takes the question for one that it knows."""
    final_unfinished: float
    """After a first look, before the work is done, a guess is given as the answer."""
    final_text_literal: float
    """The answer is ready in a variable, and the text says `FINAL(variable)`, which is the word itself."""
    final_forgotten: float
    """A cell puts the answer into a variable, the text says that this is it, and nothing hands it over."""
    final_beside_cell: float
    """A guess is given as the answer in the text beside the cell that has yet to run."""
    prose_only: float
    """The reply says what it will do next, and has neither a cell nor an answer."""
    repeat_cell: float
    """The cell of the reply before is written again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """The good reply, and where the run stands: what a fault makes its bad reply of."""

    at: Conversation
    plan: Plan
    stage: int
    thought: str
    cell: str

    @property
    def final(self) -> bool:
        """Whether it is the one that gives the answer."""
        return self.stage == len(self.plan.stages)


def fenced(thought: str, cell: str) -> str:
    """A reply with one cell."""
    return f"{thought}\n\n```repl\n{cell}```"


def put_into(cell: str, variable: str) -> str:
    """The cell that gives the answer, changed: the answer goes into a variable, and is not handed over."""
    head, _, call = f"\n{cell}".rpartition("\nFINAL(")
    return f"{head}\n{variable} = ({call.rstrip().removesuffix(')')})\n".removeprefix("\n")


def _syntax_error(due: Due) -> str:
    return fenced(due.thought, f"for item in in range(3):\n    print(item)\n{due.cell}")


def _name_error(due: Due) -> str:
    return fenced(due.thought, f"prepared = helper_that_nobody_defined(P)\n{due.cell}")


def _final_misuse(due: Due) -> str:
    return f"{due.thought} The answer is ready.\n\nFINAL_VAR(variable_that_nobody_set)"


def _runaway_loop(due: Due) -> str:
    return fenced(due.thought, "turns = 0\nwhile turns >= 0:\n    turns += 1\n")


def _final_plan(due: Due) -> str | None:
    return None if due.at.looked else "FINAL(I will search the context for what the question names, read the places, and sum them up.)"


def _final_early(due: Due) -> str | None:
    return None if due.at.looked else f"That needs no look at the context.\n\nFINAL({_guess(due)})"


def _final_unfinished(due: Due) -> str | None:
    return f"The form of the context tells enough.\n\nFINAL({_guess(due)})" if due.at.looked and not due.final else None


def _final_text_literal(due: Due) -> str | None:
    return f"{due.thought}\n\nFINAL({READINGS[due.plan.kind].variable})" if due.final else None


def _final_forgotten(due: Due) -> str | None:
    if not due.final:
        return None
    variable = due.at.variable or ANSWER_VARIABLE
    return fenced(f"{due.thought} The answer is in {variable}.", put_into(due.plan.cell(due.stage), variable))


def _final_beside_cell(due: Due) -> str:
    return f"{fenced(due.thought, due.cell)}\n\nFINAL({_guess(due)})"


def _prose_only(due: Due) -> str:
    return f"{due.thought} I will write the cell for that next."


def _repeat_cell(due: Due) -> str | None:
    return fenced(due.thought, due.at.last_cell) if due.at.last_cell else None


def _guess(due: Due) -> str:
    return READINGS[due.plan.kind].guess(due.plan)


FAULTS: dict[str, Callable[[Due], str | None]] = {
    "syntax_error": _syntax_error,
    "name_error": _name_error,
    "final_misuse": _final_misuse,
    "runaway_loop": _runaway_loop,
    "final_plan": _final_plan,
    "final_early": _final_early,
    "final_unfinished": _final_unfinished,
    "final_text_literal": _final_text_literal,
    "final_forgotten": _final_forgotten,
    "final_beside_cell": _final_beside_cell,
    "prose_only": _prose_only,
    "repeat_cell": _repeat_cell,
}
"""By the name of the share: from the good reply to a bad one; None where this fault cannot happen."""
