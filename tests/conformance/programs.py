"""Random sessions that run on every sandbox: typed expressions, so that most of them work, and errors where they do not.

What a sandbox may lack is marked with the case that it declares as a difference: a program that needs it is not run there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

CONTEXT = "Anna, 31: banana\nBéa 😀 7: an apple, ß\n漢字 e\u0301nd"
FIRST_CELL = """\
import bisect, copy, datetime, functools, hashlib, itertools, json, math, re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from decimal import Decimal

i1, i2, s1, s2, f1 = 7, -3, "banana", "Ab é😀", 2.5
l1, l2, w1, d1 = [3, 1, 2], [], ["b", "a", "é"], {"a": 1, "b": 2}
"""
LAST_CELL = "print(i1, i2, s1, s2, f1, l1, l2, w1, d1, sep='\\n')"
VARIABLES = {"i": ["i1", "i2"], "s": ["s1", "s2"], "f": ["f1"], "l": ["l1", "l2"], "w": ["w1"], "d": ["d1"]}
"""The names of each type: int, str, float, list of int, list of str (words), dict of str to int."""
TEMPLATES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
LITERALS, EXPRESSIONS, MARKED = TEMPLATES["literals"], TEMPLATES["expressions"], TEMPLATES["marked"]
SIMPLE, BLOCKS, FUNCTIONS = (TEMPLATES["statements"][kind] for kind in ("simple", "blocks", "functions"))
_FIELD = re.compile(r"\{\{|\}\}|\{(\w+)\}")


@dataclass(frozen=True)
class Program:
    """A session's cells, and the cases whose behaviour they need."""

    cells: list[str]
    needs: frozenset[str] = frozenset()
    dump_after: int | None = None
    """The session is dumped after this many cells, and goes on in another worker."""


def _indented(block: str) -> str:
    return "\n".join("    " + line for line in block.splitlines())


@dataclass
class _Writer:
    """Fills templates, drawing what their fields ask for."""

    draw: st.DrawFn
    marked: bool
    needs: set[str] = field(default_factory=set)

    def expression(self, kind: str, depth: int) -> str:
        if kind.isupper():
            return self.draw(st.sampled_from(VARIABLES[kind.lower()]))
        if kind == "any":
            kind = self.draw(st.sampled_from("isfblwd"))
        if kind == "n":
            return self.draw(st.sampled_from(["0", "1", "2", "3", "(i1 % 4)", "len(w1[:3])"]))
        plain = [*VARIABLES.get(kind, []), *LITERALS[kind]]
        if depth <= 0 or self.draw(st.integers(0, 3)) == 0:
            return self.draw(st.sampled_from(plain))
        return self.fill(self.draw(st.sampled_from(EXPRESSIONS[kind])), lambda name: self.expression(name, depth - 1))

    def fill(self, template: str, make: Callable[[str], str]) -> str:
        return _FIELD.sub(lambda found: make(found[1]) if found[1] else found[0][0], template)

    def statement(self, depth: int) -> str:
        kind = self.draw(st.integers(0, 9 if depth else 5))
        if kind <= 5:
            return self.fill(self.draw(st.sampled_from(SIMPLE)), self.field(depth))
        if kind <= 7:
            return self.fill(self.draw(st.sampled_from(BLOCKS)), self.field(depth))
        if kind == 8 or not self.marked:
            return self.fill(self.draw(st.sampled_from(FUNCTIONS)), self.field(depth))
        case = self.draw(st.sampled_from(sorted(MARKED)))
        self.needs.add(case)
        return self.fill(MARKED[case], self.field(depth))

    def guarded(self, depth: int) -> str:
        """A statement; most of them in a `try`, so that the cell goes on."""
        statement = self.statement(depth)
        if self.draw(st.integers(0, 3)) == 0:
            return statement
        return f"try:\n{_indented(statement)}\nexcept Exception as error:\n    print(type(error).__name__)"

    def field(self, depth: int) -> Callable[[str], str]:
        def make(name: str) -> str:
            if name in ("block", "body"):
                lines = "\n".join(self.statement(0) for _ in range(self.draw(st.integers(1, 2))))
                return _indented(lines)
            if name == "call":
                return self.fill(self.draw(st.sampled_from(["f({i})", "f({i}, {i})", "f(x={i})", "f(*{l})", "f()"])), self.field(depth))
            return self.expression(name, 2)

        return make


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A first cell that binds the variables, and one to three more."""
    writer = _Writer(draw, marked=draw(st.integers(0, 4)) == 4)
    cells = []
    for _ in range(draw(st.integers(1, 3))):
        statements = [writer.guarded(1) for _ in range(draw(st.integers(1, 5)))]
        if draw(st.booleans()):
            statements.append(writer.expression("any", 2))
        cells.append("\n".join(statements))
    dump_after = draw(st.none() | st.integers(1, 1 + len(cells)))
    return Program([FIRST_CELL, *cells, LAST_CELL], frozenset(writer.needs), dump_after)
