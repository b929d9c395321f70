"""A session in plain CPython: cells run by `exec` in one namespace, under limits that are set as plainly as can be."""

from __future__ import annotations

import ast
import builtins
import contextlib
import faulthandler
import json
import os
import random
import traceback
from collections.abc import Callable
from typing import Any

from case_externals import FILES, externals
from oracle_context import context_names
from oracle_disk import OracleDisk
from oracle_world import Clipped, Passed, bound_memory, limited, shut_out, stop_the_clock, unlimited

from cases import PRE_IMPORTED, Observed
from cellblock.limits import ExecLimits
from cellblock.repl.protocol import CellError
from names import group_object, offered, plain, show

RESERVED = ("ctx__", "P__", "_cb_")
QUIET = ("print", "FINAL", "FINAL_VAR", "SUBMIT")
GRACE_SECONDS = 0.5
NOWHERE = os.open(os.devnull, os.O_WRONLY)


class Cells:
    """One session: what its cells bound, and what they may use."""

    def __init__(self, context: Any, far: tuple[str, ...], limits: dict[str, Any], seed: int, clock: float, root: str) -> None:
        self.limits, self.calls, self.number = ExecLimits(**limits), 0, 0
        self.is_timed = "wall_seconds" in limits
        self.finals: list[Any] = []
        self.final_name: str | None = None
        given = {name: __import__(name) for name in PRE_IMPORTED}
        given |= context_names(context) | {"FINAL": self._final, "FINAL_VAR": self._final_var, "SHOW_VARS": self._show_vars}
        given |= {"SUBMIT": self._submit, "answer": {"content": None, "ready": False}, "NO_ANSWER": "NO_ANSWER"}
        disk = OracleDisk() if FILES in far else None
        functions = {name: self._far(name, function) for name, function in externals(far, disk).items()}
        given |= {
            name: group_object(name, methods, functions.__getitem__) if methods else functions[name]
            for name, methods in offered(functions).items()
        }
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins, **given}
        self.given = dict(self.names)
        stop_the_clock(clock)
        random.seed(seed)
        bound_memory(self.limits.memory_bytes)
        shut_out(has_files=disk is not None)
        if disk is not None:
            disk.enter(root)

    def run(self, source: str) -> Observed:
        """Run one cell."""
        self.number, self.calls, self.finals, self.final_name = self.number + 1, 0, [], None
        before, out, got = dict(self.names), Clipped(self.limits.output_chars), Observed()
        with contextlib.redirect_stdout(out):
            self._run(source, got)
        text = out.head + out.tail
        got.stdout, got.dropped = _sendable(text), out.total - len(text)
        got.final = repr(self.finals[-1]) if self.finals else None
        got.changed = ", ".join(sorted(name for name, value in self.names.items() if name not in before or before[name] is not value))
        return got

    def run_guarded(self, source: str) -> Observed:
        """Run one cell, or end this process if it does not look at the clock: native code may not, and no exception reaches it."""
        faulthandler.dump_traceback_later(self.limits.wall_seconds + GRACE_SECONDS, exit=True, file=NOWHERE)
        got = self.run(source)
        faulthandler.cancel_dump_traceback_later()
        return got

    def _run(self, source: str, got: Observed) -> None:
        name = f"<cell {self.number}>"
        try:
            code, shows = _compiled(source, name)
            with limited(self.limits):
                exec(code, self.names)
            if shows:
                got.preview = _sendable(show(self.names.pop("_cb_value"))) or None
            if self.calls > self.limits.host_calls:
                raise Passed("host_calls")
            self._take_answer()
            self._take_final_name()
        except Passed as passed:
            got.error, got.limit = ("LimitExceeded", str(passed), None), str(passed)
        except MemoryError:
            got.error, got.limit = ("LimitExceeded", "memory_bytes", None), "memory_bytes"
        except BaseException as error:  # noqa: BLE001 - a cell may raise anything
            got.error = _error(error, name)

    def get(self, name: str) -> Observed:
        """A variable's value as it crosses."""
        if not self._is_bound(name):
            return Observed(error=("LookupError", f"no variable named {name!r}", None))
        try:
            return Observed(final=repr(plain(self.names[name])))
        except (TypeError, ValueError) as error:
            return Observed(error=(type(error).__name__, str(error), None))

    def set(self, name: str, value: Any) -> Observed:
        """Bind a variable to a value that crosses."""
        try:
            self.names[name] = plain(value)
        except (TypeError, ValueError) as error:
            return Observed(error=("TypeError", str(error), None))
        return Observed()

    # -- what cells call

    def _final(self, *args: Any, **named: Any) -> None:
        self.finals, self.final_name = [plain(_one("FINAL", args, named))], None

    def _submit(self, *args: Any, **named: Any) -> None:
        self._final(_one("SUBMIT", args, named))

    def _final_var(self, *args: Any, **named: Any) -> None:
        name = _one("FINAL_VAR", args, named)
        if not isinstance(name, str) or not name.strip().isidentifier():
            self._final(name)
        else:
            self.finals, self.final_name = [], name.strip()

    def _take_answer(self) -> None:
        """What the cells left in `answer`, if they marked it as ready and gave nothing by a call."""
        answer, given = self.names.get("answer"), self.finals or self.final_name
        if type(answer) is not dict or type(answer.get("ready")) not in (bool, int, str, list, dict) or not answer["ready"]:
            return
        answer["ready"] = False
        if not given:
            try:
                if "content" not in answer:
                    raise ValueError("it has no 'content'; set answer['content']")
                self._final(answer["content"])
            except (TypeError, ValueError) as error:
                raise type(error)(f"answer: {error}; then set answer['ready'] = True again") from None

    def _take_final_name(self) -> None:
        if self.final_name is not None:
            if not self._is_bound(self.final_name):
                raise NameError(f"FINAL_VAR: no variable named {self.final_name!r}")
            self.finals = [plain(self.names[self.final_name])]

    def _is_bound(self, name: str) -> bool:
        """Whether a cell or the host has bound the name."""
        return name in self.names and not (name in self.given and self.names[name] is self.given[name])

    def _show_vars(self) -> str:
        lines = []
        for name in sorted(filter(self._is_bound, self.names)):
            value = self.names[name]
            size = f" of {len(value)}" if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)) else ""
            lines.append(f"{name}: {type(value).__name__}{size}")
        return "\n".join(lines)

    def _far(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            given = [_crossing(value) for value in args]
            self.calls += 1
            if self.calls > self.limits.host_calls:
                raise RuntimeError(f"host_calls={self.limits.host_calls} exceeded: call fewer times, or in batches")
            with unlimited():
                try:
                    answer = function(*given, **{key: _crossing(value) for key, value in named.items()})
                except CellError as error:
                    raise getattr(builtins, error.kind)(error.message) from None
                except Exception as error:  # noqa: BLE001 - a far function is foreign code
                    raise RuntimeError(f"{name} failed ({type(error).__name__})") from None
                try:
                    return plain(answer)
                except (TypeError, ValueError) as error:
                    raise RuntimeError(f"the answer cannot cross: {error}") from None

        return call


def _one(call: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    values = [*args, *named.values()]
    if len(values) != 1:
        raise TypeError(f"{call} takes exactly one argument")
    return values[0]


def _crossing(value: Any) -> Any:
    copy = plain(value)
    json.dumps(copy, ensure_ascii=False, default=str).encode()  # a lone surrogate is no text
    return copy


def _compiled(source: str, name: str) -> tuple[Any, bool]:
    tree = ast.parse(source, name)
    for node in ast.walk(tree):
        for word in (getattr(node, "id", None), getattr(node, "name", None), getattr(node, "arg", None)):
            if isinstance(word, str) and word.startswith(RESERVED):
                raise NameError(f"names that begin with {word[:4]!r} are reserved")
    last = tree.body[-1] if tree.body else None
    shows = isinstance(last, ast.Expr) and not _is_quiet(last.value)
    if isinstance(last, ast.Expr) and shows:
        target = ast.copy_location(ast.Name("_cb_value", ast.Store()), last.value)
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    return compile(tree, name, "exec", dont_inherit=True), shows


def _is_quiet(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in QUIET


def _error(error: BaseException, name: str) -> tuple[str, str, int | None]:
    if isinstance(error, SyntaxError) and error.filename == name:
        return type(error).__name__, error.msg, error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return type(error).__name__, _sendable(str(error)), lines[-1] if lines else None


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
