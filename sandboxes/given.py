"""The final answer of one cell: given by FINAL, SUBMIT or FINAL_VAR while it runs, or left in `answer` when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from interpreter import GuestError, Outcome

CALLS = frozenset({"FINAL", "FINAL_VAR", "SUBMIT"})
ANSWER = "answer"
"""A dict that is there before the first cell: the answer is its "content", once its "ready" is true."""
TAKE, DROP = "_cb_take_answer(True)", "_cb_take_answer(False)"
"""What the interpreter runs after a cell: both take the mark "ready" away, the first gives the answer by FINAL."""
_QUOTED_CHARS = 500

Check = Callable[[Any], None]
"""Raises TypeError or ValueError for a value that cannot be sent."""


@dataclass
class Given:
    """What a cell has given so far."""

    values: list[Any] = field(default_factory=list)
    """The answer, or nothing."""
    name: str | None = None
    """The variable whose value, at the cell's end, is the answer."""

    @property
    def there(self) -> bool:
        """Whether there is an answer, or the name of one."""
        return bool(self.values) or self.name is not None

    def take(self, call: str, args: tuple[Any, ...], named: dict[str, Any], check: Check) -> None:
        """Take what a cell gives by a call of `CALLS`; it counts instead of what was given before.

        Raises:
            GuestError: it is not one value, or one that cannot cross.
        """
        values = [*args, *named.values()]
        if len(values) != 1:
            raise GuestError("TypeError", f"{call} takes exactly one argument")
        (value,) = values
        if call == "FINAL_VAR" and isinstance(value, str) and value.strip().isidentifier():
            self.values, self.name = [], value.strip()
            return
        try:
            check(value)
        except (TypeError, ValueError) as error:
            raise GuestError(type(error).__name__, str(error)) from None
        self.values, self.name = [value], None

    def read(self, get: Callable[[str], Any], check: Check, outcome: Outcome) -> Outcome:
        """Read the variable that FINAL_VAR named, if one was. Returns the cell's outcome, which is an error where that fails."""
        name, self.name = self.name, None
        if name is None:
            return outcome
        try:
            value = get(name)
            check(value)
        except (GuestError, TypeError, ValueError) as error:
            message = error.message if isinstance(error, GuestError) else str(error)
            return Outcome(preview=outcome.preview, error=("NameError", f"FINAL_VAR: {message[:_QUOTED_CHARS]}", None))
        self.values = [value]
        return outcome


def refused(cell: Outcome, taken: Outcome) -> Outcome:
    """The outcome of a cell whose `answer` could not be taken."""
    assert taken.error is not None
    kind, message, _ = taken.error
    if taken.limit is None and not taken.lost:
        message = f"answer: {message[:_QUOTED_CHARS]}; then set answer['ready'] = True again"
    return Outcome(preview=cell.preview, error=(kind, message, None), limit=taken.limit, lost=taken.lost)
