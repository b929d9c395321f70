"""A REPL over a dict, in the test's own process: cells are this repository's own test code, with `await` before far calls."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from cellblock.engine.budget import Budget
from cellblock.engine.effects import Conclusion
from cellblock.engine.performing import perform_run
from cellblock.engine.roles import Models, Roles
from cellblock.engine.tree import Run, Settings, Tree
from cellblock.events import AnyEvent
from cellblock.host.context import Context
from cellblock.limits import ExecLimits, RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.protocol import ModelAdapter
from cellblock.repl.history import Ran
from cellblock.repl.protocol import CellError, ExecError, ExecResult, External
from cellblock.store.journal import Journal
from cellblock.values import Value, plain


class DictREPL:
    """Implements `REPLProtocol`."""

    sandbox = "dict"
    layers: Mapping[str, str] = {"process": "none: a test"}
    last = None

    def __init__(self, externals: Mapping[str, External], context: Context | None) -> None:
        self.variables: dict[str, Any] = {}
        self.closed = False
        self._final: list[Value] = []
        self._printed: list[str] = []
        text = context.head(context.num_chars) if context else ""
        self._names = {"P": text, "print": self._print, "FINAL": self._final.append, **{n: _far(n, f) for n, f in externals.items()}}

    def _print(self, *parts: object) -> None:
        self._printed.append(" ".join(map(str, parts)) + "\n")

    async def exec(self, code: str, *, limits: ExecLimits | None = None) -> ExecResult:
        self._printed.clear()
        self._final.clear()
        before = dict(self.variables)
        scope = {**self._names, **self.variables}
        error = None
        try:
            outcome = eval(compile(code, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), scope)
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as raised:  # noqa: BLE001 - it plays the worker's top frame
            error = ExecError(kind=type(raised).__name__, message=str(raised))
        self.variables = {name: value for name, value in scope.items() if name not in self._names and not name.startswith("__")}
        return ExecResult(
            stdout="".join(self._printed),
            error=error,
            changed=tuple(sorted(name for name in self.variables if self.variables[name] is not before.get(name, self))),
            has_final=bool(self._final),
            final=plain(self._final[-1]) if self._final else None,
        )

    async def get(self, name: str) -> Value:
        return plain(self.variables[name])

    async def set(self, name: str, value: Value) -> None:
        self.variables[name] = value

    async def dump(self) -> bytes:
        raise NotImplementedError

    async def fork(self) -> DictREPL:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.closed = True


def _far(name: str, function: External) -> External:
    async def call(*args: Value, **kwargs: Value) -> Value:
        try:
            return plain(await function(*(plain(arg) for arg in args), **{key: plain(value) for key, value in kwargs.items()}))
        except CellError as error:
            raise getattr(builtins, error.kind)(error.message) from None
        except Exception as error:  # noqa: BLE001 - as the real session does
            raise RuntimeError(f"{name} failed ({type(error).__name__})") from None

    return call


OPEN: list[Journal] = []
"""Journals of the test's stages; closed after it."""


class Stage:
    """One tree on `DictREPL`s, with everything that it did."""

    def __init__(
        self, model: ModelAdapter, sub_model: ModelAdapter | None = None, *, limits: RunLimits | None = None, **settings: Any
    ) -> None:
        self.limits = limits or RunLimits()
        self.events: list[AnyEvent] = []
        self.sessions: list[DictREPL] = []
        self.tree = Tree(
            models=Roles(Models(root=model, sub=sub_model or model)),
            journal=Journal(":memory:"),
            emit=self.events.append,
            limiter=anyio.CapacityLimiter(self.limits.parallel_subcalls),
            open_session=self.open_session,
            settings=Settings(sandbox="dict", **settings),
        )
        self.budget = Budget(self.limits)
        OPEN.append(self.tree.journal)

    async def open_session(
        self, sandbox: str, *, externals: Mapping[str, External], context: Context | None = None, cells: Sequence[Ran] = (), **_: object
    ) -> DictREPL:
        self.sessions.append(DictREPL(externals, context))
        self.sessions[-1].variables.update({ran.name: ran.value for ran in cells if ran.name is not None})
        return self.sessions[-1]

    async def answer(self, question: str = "q", context: str = "the context") -> Conclusion:
        with Context.from_text(context) as opened:
            run = Run(tree=self.tree, run_id="r", budget=self.budget, context=opened)
            return await perform_run(run, question)

    def of(self, kind: type[AnyEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def cells(*codes: str, end: str = "FINAL(done)") -> ScriptedModel:
    """A model that writes these cells, one reply each, and then ends."""
    return ScriptedModel([f"```repl\n{code}\n```" for code in codes] + [end], name="root")


async def value_of(code: str, sub_model: ModelAdapter | None = None, **fields: Any) -> Value:
    """What one cell gives to FINAL; its exception's text if it raised."""
    guarded = (
        "try:\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "except Exception as e:\n    FINAL(f'{type(e).__name__}: {e}')"
    )
    return (await Stage(cells(guarded), sub_model or ScriptedModel(fallback="sub"), **fields).answer()).value


async def assert_refused(call: str, error: str) -> None:
    """A call with wrong arguments raises in the cell, and no model is asked."""
    sub = ScriptedModel(fallback="never")
    got = await value_of(f"FINAL(await {call})", sub)
    assert isinstance(got, str)
    assert got.startswith(error)
    assert sub.calls == []
