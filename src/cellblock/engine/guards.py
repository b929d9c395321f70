"""When a reply or a final answer is refused, and how a run ends. Pure decisions over plain facts."""

from __future__ import annotations

import keyword
from collections.abc import Set
from dataclasses import dataclass

import msgspec

from ..errors import BudgetExceeded, ConfigError, MaxStepsExceeded
from ..limits import RunLimits
from ..values import Value
from .effects import Conclusion
from .finals import TextFinal
from .parse import Parsed

MAX_NAME_CHARS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Guards:
    """What a final answer must have behind it, and when a run gives up."""

    require_repl_before_final: bool = False
    """A cell must have run."""
    require_subcall_before_final: bool = False
    """A cell must have made a sub-call or a child run."""
    min_steps: int = 1
    """Replies before an answer is taken."""
    invalid_response_limit: int = 3
    """Replies in a row with neither a cell nor a final answer, after which the run ends."""

    def __post_init__(self) -> None:
        for name in ("min_steps", "invalid_response_limit"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name}={value!r}: a whole number of at least 1 is needed")

    def check(self, limits: RunLimits) -> None:
        """Refuse settings that no run can satisfy.

        Raises:
            ConfigError: `min_steps` is more than the steps of `limits`.
        """
        if self.min_steps > limits.steps:
            raise ConfigError(f"min_steps={self.min_steps} with steps={limits.steps}: no answer could ever be taken; raise steps")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What has happened in a run so far."""

    step: int
    cells: int = 0
    subcalls: int = 0


def refused_final(guards: Guards, facts: Facts) -> str | None:
    """Why a final answer is not taken now; None if it is."""
    if guards.require_repl_before_final and facts.cells == 0:
        return "no cell has run yet; look at the context with a ```repl cell before the final answer"
    if guards.require_subcall_before_final and facts.subcalls == 0:
        return "no sub-call was made yet; use llm_query, llm_query_batched or rlm_query in a cell before the final answer"
    if facts.step < guards.min_steps:
        return f"this is reply {facts.step}, and an answer is taken from reply {guards.min_steps} on; check the answer with another cell"
    return None


def refused_text(final: TextFinal, *, by_name: bool, variables: Set[str]) -> str | None:
    """Why a text FINAL is not an answer as it stands; None if it is one.

    Args:
        by_name: the body is a variable's name.
        variables: names that cells have bound.
    """
    if by_name:
        if len(final.body) <= MAX_NAME_CHARS and final.body.isidentifier() and not keyword.iskeyword(final.body):
            return None
        return "FINAL_VAR takes the name of one variable, such as FINAL_VAR(answer)"
    if final.empty:
        return 'FINAL was empty; write FINAL(your answer), or FINAL("") for an empty answer'
    if not final.quoted and final.body in variables:
        return f"FINAL({final.body}) in the text is the word itself; write FINAL_VAR({final.body}) for the variable, or quote the word"
    return None


def invalid_reply(parsed: Parsed) -> str:
    """What was wrong with a reply that holds neither a cell nor a final answer."""
    if parsed.unbalanced_final:
        return "FINAL( was never closed; write FINAL(your answer) with balanced parentheses, or FINAL: your answer"
    if parsed.tool_calls:
        return "there are no tools to call here; write Python in a ```repl fence, or give FINAL(your answer)"
    if not parsed.text:
        return "the reply was empty; write Python in a ```repl fence, or give FINAL(your answer)"
    return "the reply has neither a cell nor a final answer; write Python in a ```repl fence, or give FINAL(your answer)"


def too_many_invalid(count: int, partial: Value) -> Conclusion:
    """The end of a run whose model writes neither cells nor answers."""
    return Conclusion(success=False, value=partial, error=f"{count} replies in a row had neither a cell nor a final answer")


def out_of_steps(steps: int, partial: Value, refusal: str | None) -> Conclusion:
    """The end after the last step without an accepted answer.

    Args:
        partial: the refused answer or the last output; an empty text if there is neither.
        refusal: why the last answer was not taken.
    """
    failure = MaxStepsExceeded("steps", allowed=steps, used=steps + 1)
    error = f"all {steps} steps were taken without a final answer" if refusal is None else f"the final answer was refused: {refusal}"
    return Conclusion(success=False, value=partial, error=error, failure=failure)


def cut_short(error: BudgetExceeded, partial: Value) -> Conclusion:
    """The end of a run whose budget is over."""
    return Conclusion(success=False, value=partial, error=str(error), failure=error)


def answer_text(value: Value) -> str:
    """The text of a final value: a text is itself, containers are JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else str(value)
    except ValueError:
        # CPython writes out no int of more than 4,300 digits, and the caps are counted in bits.
        return "(a number of too many digits)"
