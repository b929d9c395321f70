"""Calls of tools: arguments in, the function under its limits, its answer out, and all of it in the journal."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from ...events import ToolCalled
from ...repl.protocol import CellError, External
from ...values import DEFAULT_CAPS, Copier, Value, whole
from ..tools import Tool, ToolUse
from ..tree import Run
from ..untrusted import MANY_PROBLEMS, refused
from . import arguments
from .subcalls import for_the_cell, next_key
from .tool_threads import call_in_a_thread

PROBLEMS = 5
PROBLEM_CHARS = 100
ERROR_CHARS = 500


class ToolFailed(Exception):
    """The function raised; the kind of what it raised is the message."""


def tool_externals(run: Run) -> dict[str, External]:
    """The tools of a run at its depth, by name."""
    settings = run.tree.settings
    tools = settings.tools if run.budget.depth == 0 else settings.child_tools
    return {tool.name: ToolCall(run, tool) for tool in tools.tools}


class ToolCall:
    """A tool as an external of one run."""

    def __init__(self, run: Run, tool: Tool) -> None:
        self._run, self._tool = run, tool
        self._use = run.tool_use.setdefault(tool, ToolUse(tool))

    async def __call__(self, *args: Value, **kwargs: Value) -> Value:
        """Call the tool.

        Raises:
            CellError: the arguments do not fit, a limit was passed, or the tool failed.
        """
        given = arguments.bind(self._tool.name, tuple(self._tool.signature.parameters), args, kwargs)
        with for_the_cell(self._run):
            return await self._recorded(given)

    async def _recorded(self, given: dict[str, Value]) -> Value:
        record = self._run.record
        entry = record.begin("tool", next_key(self._run), {"name": self._tool.name, "arguments": given})
        if entry.outcome is not None:
            return self._recalled(entry.outcome)
        started = time.perf_counter()
        try:
            value = await self._answer(given)
        except CellError as error:
            record.finish(entry, {"error": error.kind, "message": error.message})
            self._tell(time.perf_counter() - started, " ".join(f"{error.kind}: {error.message}"[:ERROR_CHARS].split()))
            raise
        record.finish(entry, {"value": value})
        self._tell(time.perf_counter() - started, None)
        return value

    def _recalled(self, outcome: Mapping[str, Any]) -> Value:
        """What an earlier attempt of this run was answered: the tool is not called again."""
        self._use.calls += 1
        if "error" in outcome:
            self._tell(0.0, " ".join(f"{outcome['error']}: {outcome['message']}"[:ERROR_CHARS].split()))
            raise CellError(outcome["error"], outcome["message"])
        self._tell(0.0, None)
        value: Value = outcome["value"]
        return value

    def _tell(self, seconds: float, error: str | None) -> None:
        self._run.event(ToolCalled, step=self._run.step, name=self._tool.name, seconds=seconds, error=error)

    async def _answer(self, given: dict[str, Value]) -> Value:
        tool = self._tool
        ready = validated(tool, given)
        if self._use.calls >= tool.limits.calls:
            raise CellError("RuntimeError", f"{tool.name}(): this run has made all its {tool.limits.calls} calls of it; go on without")
        self._use.calls += 1
        budget = self._run.budget
        try:
            with anyio.fail_after(min(tool.limits.wall_seconds, budget.remaining_seconds())):
                answer = await _called(tool, ready, self._use)
        except TimeoutError:
            if budget.remaining_seconds() == 0:
                raise CellError("RuntimeError", f"the run's budget is used up: {budget.expire()}") from None
            raise CellError("TimeoutError", f"{tool.name}(): no answer within {tool.limits.wall_seconds:g} s") from None
        except ToolFailed as error:
            raise CellError("RuntimeError", f"{tool.name} failed ({error})") from None
        return _crossing(tool, answer)


async def _called(tool: Tool, ready: tuple[list[Any], dict[str, Any]], use: ToolUse) -> Any:
    args, kwargs = ready
    if not tool.is_async:
        return _opened(await call_in_a_thread(tool.function, args, kwargs, use.places))
    async with use.places:
        return _opened(await _in_a_task(tool, args, kwargs))


async def _in_a_task(tool: Tool, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, BaseException | None]:
    """What an async tool returned or raised. In a task of its own: what it does to its task it does not do to ours."""
    found: list[tuple[Any, BaseException | None]] = []

    async def call() -> None:
        try:
            found.append((await tool.function(*args, **kwargs), None))
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code: not even SystemExit of it ends the host
            found.append((None, error))

    async with anyio.create_task_group() as group:
        group.start_soon(call)
    return found[0] if found else (None, RuntimeError("cancelled by itself"))


def _opened(found: tuple[Any, BaseException | None]) -> Any:
    answer, error = found
    if error is None:
        return answer
    if isinstance(error, CellError):
        raise CellError(error.kind, error.message)
    raise ToolFailed(type(error).__name__[:100]) from None


def validated(tool: Tool, given: dict[str, Value]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as the types that the function wants, positional and by name.

    Raises:
        CellError: TypeError, some are missing; ValueError, some do not fit, or are too much to be checked.
    """
    parameters = tool.signature.parameters
    missing = [key for key, one in parameters.items() if one.default is one.empty and key not in given]
    if missing:
        raise CellError("TypeError", f"{tool.name}() is missing {', '.join(missing)}")
    for key, value in given.items():
        if (why := refused(value, tool.work[key])) is not None:
            raise CellError("ValueError", f"{tool.name}(): {key} is {why}")
    converted = {key: _converted(tool, key, value) for key, value in given.items()}
    by_name = {key: value for key, value in converted.items() if parameters[key].kind is not parameters[key].POSITIONAL_ONLY}
    return [value for key, value in converted.items() if key not in by_name], by_name


def _converted(tool: Tool, key: str, value: Value) -> Any:
    from pydantic import ValidationError

    try:
        return tool.adapters[key].validate_python(value)
    except ValidationError as error:
        raise CellError("ValueError", f"{tool.name}(): " + _problems(key, error)) from None
    except Exception as error:  # noqa: BLE001 - a validator of the tool's own types is foreign code
        raise CellError("RuntimeError", f"{tool.name} failed ({type(error).__name__[:100]})") from None


def _problems(key: str, error: Any) -> str:
    count = error.error_count()
    if count > MANY_PROBLEMS:
        return f"{key} has {count} values that do not fit"
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [_problem(key, one) for one in found[:PROBLEMS]]
    return "\n".join(lines) + (f"\nand {count - PROBLEMS} more" if count > PROBLEMS else "")


def _problem(key: str, one: dict[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}"[:50] for part in one["loc"])[:PROBLEM_CHARS]
    # What a check of the tool's own types says may hold anything.
    is_own = one["type"] in ("value_error", "assertion_error")
    return " ".join(f"{key}{place}: {'is refused by a check of the tool' if is_own else one['msg'][:PROBLEM_CHARS]}".split())


def _crossing(tool: Tool, answer: Any) -> Value:
    """The answer as plain data: models and dataclasses become dicts of their fields.

    Raises:
        CellError: it is none, or too much. Nothing of it is told.
    """
    try:
        return whole(_Opener(DEFAULT_CAPS).copying(answer))
    except (TypeError, ValueError) as error:
        raise CellError("RuntimeError", f"{tool.name}(): its answer cannot cross: {error}"[:500]) from None
    except ToolFailed as error:
        raise CellError("RuntimeError", f"{tool.name} failed ({error})") from None


class _Opener(Copier):
    """Copies values and opens objects that are made of fields. Every visit counts."""

    __slots__ = ()

    def begun(self, value: object, depth: int, waiting: list[Any]) -> Value:
        kind = type(value)
        if dataclasses.is_dataclass(kind) or hasattr(kind, "model_fields"):
            value = _fields_of(value)
        return super().begun(value, depth, waiting)


def _fields_of(value: Any) -> dict[str, Any]:
    try:
        names = [each.name for each in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else list(type(value).model_fields)
        return {name: getattr(value, name) for name in names}
    except Exception as error:  # noqa: BLE001 - a field of the tool's own types may be foreign code
        raise ToolFailed(type(error).__name__[:100]) from None
