"""The first control: `exec` in the host's own process, with the host's own functions."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import pickle
from collections.abc import Callable
from types import CodeType
from typing import Any

from ...in_thread import in_thread
from ...limits import ExecLimits
from ...repl.protocol import ExecError, ExecResult
from ...values import Value
from .. import hosts
from ..system import Opening

Compile = Callable[[ast.AST, str, str], CodeType]


class PlainSession:
    """A namespace, and `exec`. Everything that is wrong with it is wanted."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.ours = set(namespace)

    def compiled(self, code: str) -> tuple[CodeType | None, CodeType | None]:
        """The statements of a cell, and the expression that it ends with."""
        tree = ast.parse(code)
        last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None  # type: ignore[attr-defined]
        expression = compile(last, "<cell>", "eval", dont_inherit=True) if last else None
        return compile(tree, "<cell>", "exec", dont_inherit=True), expression

    async def exec(self, code: str, *, limits: ExecLimits | None = None) -> ExecResult:
        """Run it in a thread, without any limit."""
        return await in_thread(self._exec, code)

    def _exec(self, code: str) -> ExecResult:
        printed, value, error = io.StringIO(), None, None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                statements, expression = self.compiled(code)
                if statements is not None:
                    exec(statements, self.namespace)
                shown = eval(expression, self.namespace) if expression is not None else None
                value = None if shown is None else repr(shown)
            except Exception as raised:  # noqa: BLE001 - as one writes it who does not think of SystemExit
                error = ExecError(kind=type(raised).__name__, message=str(raised))
        return ExecResult(stdout=printed.getvalue(), value_preview=value, error=error)

    async def get(self, name: str) -> Value:
        """The object itself."""
        return self.namespace[name]  # type: ignore[no-any-return]

    async def set(self, name: str, value: Value) -> None:
        """The object itself."""
        self.namespace[name] = value

    async def dump(self) -> bytes:
        """Pickle, and no seal."""
        kept = {}
        for name in set(self.namespace) - self.ours:
            with contextlib.suppress(Exception):
                kept[name] = pickle.dumps(self.namespace[name])
        return pickle.dumps(kept)

    def load(self, state: bytes) -> None:
        """Unpickle what came."""
        kept = pickle.loads(state)
        self.namespace.update({name: pickle.loads(data) for name, data in kept.items()})

    async def fork(self) -> PlainSession:
        """A second dictionary with the same objects."""
        other = type(self)(dict(self.namespace))
        other.ours = self.ours
        return other

    async def aclose(self) -> None:
        """Forget nothing: the next session may have it."""


class PlainContext:
    """A `ctx` with what should not be seen, and a method that should not run."""

    def __init__(self, text: str) -> None:
        self._text, self._secret = text, hosts.HOST_SECRET

    def find(self, what: str, start: int = 0) -> int:
        """Where it stands."""
        return self._text.find(what, start)

    def slice(self, start: int, end: int) -> str:
        """A part."""
        return self._text[start:end]

    def length(self) -> int:
        """Characters."""
        return len(self._text)

    def admin_wipe(self) -> str:
        """Not offered."""
        return hosts.wipe()


def synchronous(function: Callable[..., Any]) -> Callable[..., Any]:
    """A host function that a cell can call without waiting, with the host's globals in it as ever."""
    if not inspect.iscoroutinefunction(function):
        return function
    return lambda *args, **named: asyncio.run(function(*args, **named))


def plain_names(opening: Opening) -> dict[str, Any]:
    """What a cell finds: the host's own objects."""
    functions = {name: synchronous(function) for name, function in hosts.offered().items()}
    return {"__name__": "__main__", **functions, "ctx": PlainContext(opening.context), "P": opening.context}


async def open_plain(opening: Opening) -> PlainSession:
    """A session that is none."""
    session = PlainSession(plain_names(opening))
    if opening.snapshot is not None:
        session.load(opening.snapshot)
    return session
