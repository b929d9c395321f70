"""Wall 1 alone: no jail, no worker. Every attempt is judged by live canaries, not by what it says."""

from __future__ import annotations

import builtins
import json
import os
import sys
import types
from typing import Any

import pytest
from escape_attempts import ATTEMPTS
from restricted_harness import Cells

from interpreter import GuestError, Interrupted
from restricted import rules
from restricted.classes import CellType
from restricted.modules import members

SECRET = "canary-of-the-host-7f3a"
_REACHED = (types.ModuleType, types.CodeType, types.FrameType, types.TracebackType, types.CellType)
_RAW = (
    open, eval, exec, compile, input, globals, locals, vars, getattr, setattr, delattr, __import__, type, object.__getattribute__,
    object.__setattr__, type.mro, str.format, str.format_map, Interrupted, GuestError, types.FunctionType, CellType, os.environ,
    sys.modules,
)  # fmt: skip
DEPTH, ITEMS = 5, 300


def reached(value: Any, depth: int = DEPTH) -> str | None:
    """What of the interpreter or the host is in `value`, None if nothing."""
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        return "the secret" if SECRET in text else None
    if isinstance(value, _REACHED):
        return f"a {type(value).__name__}"
    if any(value is raw for raw in _RAW):
        return repr(value)
    if isinstance(value, type):
        return f"the metaclass {value}" if issubclass(value, type) else None
    if isinstance(value, types.BuiltinMethodType) and isinstance(value.__self__, str) and value.__name__ in ("format", "format_map"):
        return "a raw formatter"
    return _inside(value, depth)


def _inside(value: Any, depth: int) -> str | None:
    if not depth:
        return None
    if isinstance(value, dict):
        if "__builtins__" in value or any(isinstance(key, str) and rules.HIDDEN in key for key in value):
            return "a namespace"
        parts = [*dict.keys(value), *dict.values(value)]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    else:
        parts = list(getattr(value, "__dict__", {}).values()) if type(type(value)) is CellType else []
    return next((found for part in parts[:ITEMS] if (found := reached(part, depth - 1))), None)


def trusted(cells: Cells) -> dict[str, Any]:
    """Everything that no cell may change, with the code of what is a function."""
    found: dict[str, Any] = {name: value for name, value in cells.interpreter.variables.items() if rules.HIDDEN in name}
    found["__builtins__"] = dict(cells.interpreter.variables["__builtins__"])
    for module, facade in cells.interpreter.facades.items():
        for name, value in members(facade).items():
            details = (value.__code__, value.__defaults__, dict(vars(value))) if isinstance(value, types.FunctionType) else None
            found[f"{module}.{name}"] = (value, details)
    return found


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_reaches_nothing(name: str) -> None:
    cells = _session()
    before, dumps = trusted(cells), json.dumps.__code__
    for cell in ATTEMPTS[name].split("#--\n"):
        outcome = cells.run(cell)
        assert SECRET not in f"{cells.printed}{outcome.preview}{outcome.error}"
        # An assertion of the attempt that failed: it got what it must not get.
        assert outcome.error is None or outcome.error[0] != "AssertionError", outcome.error
    variables = cells.interpreter.variables
    assert not [found for key in cells.interpreter.names() if (found := reached(variables[key]))]
    assert trusted(cells) == before
    assert json.dumps.__code__ is dumps
    assert variables["__builtins__"] == before["__builtins__"]
    assert not [key for key in variables if rules.is_special(key) and key not in ("__builtins__", "__name__")]


def _session() -> Cells:
    def dispatch(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return None

    cells = Cells(dispatch, far=("llm_query",))

    def ask(*args: Any) -> str:
        return "answer"

    namespace: dict[str, Any] = {"SECRET": SECRET, "__builtins__": builtins}
    cells.interpreter.variables["ask"] = types.FunctionType(ask.__code__, namespace, "ask")
    cells.interpreter.ours["ask"] = cells.interpreter.variables["ask"]
    return cells
