"""The interpreter in this process, without worker and jail: wall 1 alone."""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

from frames import Caps
from interpreter import OpenRequest, Outcome
from restricted.engine import RestrictedInterpreter
from restricted.modules import preload

CLOCK = 1_700_000_000.0
preload()


def request(seed: int = 7, far: tuple[str, ...] = ()) -> OpenRequest:
    return OpenRequest(list(far), Caps(2**24, 10**6, 100, 10_000), 0, seed, CLOCK, False)


class Cells:
    """One session: runs cells, keeps what they print."""

    def __init__(self, dispatch: Callable[..., Any] | None = None, far: tuple[str, ...] = ()) -> None:
        self.dispatch = dispatch or (lambda name, args, kwargs: None)
        self.far, self.printed = far, ""
        self.interpreter = RestrictedInterpreter()
        self.interpreter.open(request(far=far), {})

    def run(self, code: str, **inputs: Any) -> Outcome:
        printed: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = self.interpreter.run(shown(code), self.dispatch, inputs=inputs, write=printed.append, shows=True)
        self.printed = "".join(printed)
        return outcome

    def value(self, code: str) -> str | None:
        """The preview of a cell that must not fail."""
        outcome = self.run(code)
        assert outcome.error is None, (code, outcome.error)
        return outcome.preview

    def reloaded(self) -> tuple[Cells, dict[str, str]]:
        """The same session after dump and load, and what was lost."""
        pieces, lost = self.interpreter.dump()
        other = Cells(self.dispatch, self.far)
        other.interpreter.load(request(seed=99, far=self.far), {}, memoryview(b"".join(pieces)))
        return other, lost


def shown(code: str) -> str:
    """As the worker's rewrite does: the last expression is given to the display."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return code
    lines = code.splitlines(keepends=True)
    last = tree.body[-1]
    before = "".join(lines[: last.lineno - 1]) + lines[last.lineno - 1].encode()[: last.col_offset].decode()
    return f"{before}_cb_show(({code[len(before) :]}\n))"


def plainly(code: str) -> str:
    """What plain CPython prints."""
    printed = io.StringIO()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    namespace["print"] = lambda *values, **given: print(*values, **({"file": printed} | given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "<plain>", "exec", dont_inherit=True), namespace)
    return printed.getvalue()
