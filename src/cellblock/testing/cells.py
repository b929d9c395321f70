"""Cells as a model may write them, from plain ones to those that want out, up, or everything.

The templates lie in `cells.toml`; `{e}` in them is an expression, `{n}` a variable, `{f}` a function of the host, `{b}` a block.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

_TEMPLATES: dict[str, list[str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_FIELD = re.compile(r"\{([enfb])\}")
_DEEPEST = 3


def cells(*, names: Sequence[str] = ("x", "y"), externals: Sequence[str] = (), hostile: bool = True) -> st.SearchStrategy[str]:
    """Small programs over those variables and functions of the host. Most are Python; they need not end, nor run without an error.

    Args:
        names: variables that they bind and use.
        externals: functions of the host that they call.
        hostile: also what wants out of a sandbox, more than its limits, or to confuse whoever reads it; else ordinary programs alone.
    """
    ordinary = programs(tuple(names), tuple(externals), hostile=False)
    if not hostile:
        return ordinary
    wild = programs(tuple(names), tuple(externals), hostile=True)
    kinds = {"wild": wild, "ordinary": ordinary, "noise": noise(names, externals)}
    return st.sampled_from(["ordinary", "wild", "wild", "wild", "noise"]).flatmap(kinds.__getitem__)


@st.composite
def programs(draw: st.DrawFn, names: tuple[str, ...], externals: tuple[str, ...], *, hostile: bool) -> str:
    """One to five statements."""
    writer = _Writer(draw, names, externals or ("print",), hostile)
    return "\n".join(writer.statement(0) for _ in range(draw(st.integers(1, 5))))


def noise(names: Sequence[str], externals: Sequence[str]) -> st.SearchStrategy[str]:
    """Text that is hardly Python: tokens in any order, or any characters at all."""
    tokens = st.lists(st.sampled_from([*_TEMPLATES["tokens"], *names, *externals]), max_size=25)
    return st.one_of(tokens.map("".join), tokens.map(" ".join), st.text(max_size=40))


@dataclass
class _Writer:
    """Fills templates with what it draws."""

    draw: st.DrawFn
    names: tuple[str, ...]
    externals: tuple[str, ...]
    hostile: bool

    def one_of(self, kind: str) -> str:
        """A template of that kind; a hostile one half the time, where they are wanted."""
        if self.hostile and self.draw(st.booleans()):
            kind = f"hostile_{kind}"
        return self.draw(st.sampled_from(_TEMPLATES[kind]))

    def statement(self, depth: int) -> str:
        if depth < _DEEPEST and self.draw(st.integers(0, 3)) == 3:
            return self.filled(self.draw(st.sampled_from(_TEMPLATES["blocks"])), depth)
        return self.filled(self.one_of("statements"), depth)

    def expression(self, depth: int) -> str:
        kind = self.draw(st.integers(0, 4))
        if kind == 0:
            return self.draw(st.sampled_from(self.names))
        if kind <= 2 or depth >= _DEEPEST:
            return self.one_of("literals")
        return self.filled(self.one_of("expressions"), depth)

    def filled(self, template: str, depth: int) -> str:
        return _FIELD.sub(lambda field: self.field(field[1], depth + 1), template)

    def field(self, kind: str, depth: int) -> str:
        match kind:
            case "e":
                return self.expression(depth)
            case "n":
                return self.draw(st.sampled_from(self.names))
            case "f":
                return self.draw(st.sampled_from(self.externals))
        statements = [self.statement(depth) for _ in range(self.draw(st.integers(1, 2)))]
        return "\n".join("    " + line for statement in statements for line in statement.split("\n"))
