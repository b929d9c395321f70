"""How a run ends: each way one conclusion."""

from __future__ import annotations

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
