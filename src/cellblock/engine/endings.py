"""How a run ends: each way one conclusion. And the text of a value."""

from __future__ import annotations

import msgspec

from ..errors import BudgetExceeded, MaxStepsExceeded
from ..values import Value
from .effects import Conclusion, Ending


def answered(value: Value, output: object, *, ending: Ending = "final", verified: bool | None = None) -> Conclusion:
    """The end with an accepted answer."""
    return Conclusion(success=True, value=value, output=output, ending=ending, verified=verified)


def given_up(why: str, partial: Value, failure: BudgetExceeded | None = None) -> Conclusion:
    """The end without an accepted answer.

    Args:
        partial: the refused answer or the last output; an empty text if there is neither.
    """
    return Conclusion(success=False, value=partial, error=why, failure=failure, ending="failed" if partial == "" else "last_output")


def out_of_steps(steps: int) -> MaxStepsExceeded:
    """What ended a run whose model took all its steps."""
    return MaxStepsExceeded("steps", allowed=steps, used=steps + 1)


def cut_short(error: BudgetExceeded, partial: Value) -> Conclusion:
    """The end of a run whose budget is over."""
    return Conclusion(success=False, value=partial, error=str(error), failure=error, ending="budget")


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
