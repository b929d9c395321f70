"""What is wrong with a call can be said before anything is read, started or paid for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..limits import RunLimits

MOST = 2**53
"""JSON readers round larger whole numbers."""
_OPTIONS = {
    "steps": "--max-steps",
    "depth": "--max-depth",
    "subcalls": "--max-subcalls",
    "tokens": "--max-tokens",
    "wall_seconds": "--wall-seconds",
    "cost_usd": "--max-cost",
}


def checked_limits(*, steps: int, subcalls: int, depth: int, tokens: int, wall_seconds: float, cost_usd: float | None = None) -> RunLimits:
    """The run's limits.

    Raises:
        ConfigError: one of them is wrong; the message names its option.
    """
    for field, number in {"steps": steps, "subcalls": subcalls, "depth": depth, "tokens": tokens}.items():
        check_number(_OPTIONS[field], number)
    try:
        return RunLimits(steps=steps, subcalls=subcalls, depth=depth, tokens=tokens, wall_seconds=wall_seconds, cost_usd=cost_usd)
    except ConfigError as error:
        field, equals, rest = str(error).partition("=")
        raise ConfigError(f"{_OPTIONS.get(field, field)}{equals}{rest}") from None


def check_number(option: str, number: int | None) -> None:
    """Refuse a whole number that is below 0, or so large that JSON readers would round it. None is none, and is fine.

    Raises:
        ConfigError: the message names `option`.
    """
    if number is not None and not 0 <= number <= MOST:
        raise ConfigError(f"{option}={number}: a whole number from 0 to {MOST} is needed")


def check_share(option: str, share: float) -> None:
    """Refuse what is no share.

    Raises:
        ConfigError: the message names `option`.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"{option}={share!r}: a share is between 0 and 1")


def check_question(question: str) -> None:
    """Refuse what cannot be a question.

    Raises:
        ConfigError: it is empty, not UTF-8, or the name of a file.
    """
    if not question.strip():
        raise ConfigError("the question is empty")
    try:
        question.encode()
    except UnicodeEncodeError:
        raise ConfigError("the question is not UTF-8") from None
    if len(question) < 256 and os.path.exists(question):  # noqa: PTH110 - Path.exists raises on odd names
        # Most often a shell took `-c *.txt` apart, and a file landed in the question's place.
        raise ConfigError(f"the question {question!r} is a file; the question comes first: cellblock run QUESTION -c PATH")


def check_outputs(trace: Path | None, sources: Sequence[str]) -> None:
    """Refuse a call whose answer or trace would be lost, or whose trace would overwrite the context.

    Raises:
        ConfigError: standard output is closed, or the trace is one of the context's files.
    """
    if sys.stdout is None:
        raise ConfigError("standard output is closed, so the answer could not be shown")
    if trace is not None:
        for source in sources:
            if os.path.isfile(source) and os.path.exists(trace) and os.path.samefile(source, trace):  # noqa: PTH110, PTH113, PTH121
                raise ConfigError(f"--trace {trace} would overwrite a file of the context")
