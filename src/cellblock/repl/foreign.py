"""Externals are somebody else's code: what they raise ends their call, and never the host's task or process."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import anyio

from ..errors import BudgetExceeded
from .protocol import CellError, External

_MESSAGE_CHARS = 2_000


async def called(name: str, external: External, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, tuple[str, str] | None]:
    """What the external answers, or the kind and the text of the exception that the cell gets in its place.

    What else an exception says may hold paths and keys: it stays here. `SystemExit`, `KeyboardInterrupt` and their like are no way out
    either: a function that raises them is not the one who ends this process.
    """
    task = _current_task()
    try:
        answer = external(*args, **kwargs)
        return (await answer if inspect.isawaitable(answer) else answer), None
    except CellError as error:
        return None, (error.kind, error.message[:_MESSAGE_CHARS])
    except BudgetExceeded as error:
        return None, ("RuntimeError", str(error)[:_MESSAGE_CHARS])
    except BaseException as error:
        if _is_for_the_task(error, task):
            raise
        return None, ("RuntimeError", f"{name} failed ({type(error).__name__[:100]})")


def _is_for_the_task(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Whether it came from outside of the external: somebody cancelled the task that waits, or closes its coroutine."""
    if isinstance(error, GeneratorExit):
        return _current_task() is not task
    if isinstance(error, asyncio.CancelledError):
        return task is None or task.cancelling() > 0
    return task is None and isinstance(error, anyio.get_cancelled_exc_class())


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop of asyncio's runs
        return None
