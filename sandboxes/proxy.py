"""The rewrite of a cell, source to source, before the interpreter sees it.

The guest's prelude binds `ctx` and `P` (also as `context` and `CONTEXT`) to facades, and their methods call externals such as
`ctx__find` and `P__find`. Plain Python semantics therefore do most of the work; this module adds what facades cannot do:

- `len(P)` becomes `_cb_len_of(len, P)`, `x in P` `_cb_in(x, P)`, `P[i]` `_cb_item(P, i)`, `P[a:b]` `_cb_cut(P, a,b)`. All of them
  ask at run time whether `P` still is the facade.
- A cell that needs the whole text gets it bound to the name first (`Cell.texts`); so does one that asks `P` in a callback, as in
  `sorted(x, key=lambda w: P.count(w))`, since no interpreter's native code can wait for an external there.
- Where the name may have been rebound by an earlier cell, `P` becomes `_cb_real(P)` instead, which again asks at run time.
- `ctx.find(x)` becomes `ctx__find(x)` where that is surely the same; it saves a frame in the guest.
- A member that surely does not exist is refused before anything runs, and so are reserved names.
- The last expression `e` becomes `_cb_show((e))`.

All other text stays as it is, and every line stays on its line. It runs in the jailed worker, on hostile text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import proxy_edits as edits
from near import MEMBERS
from proxy_flow import Fate, Flow, Found
from proxy_plan import Plan
from proxy_scopes import NAMES, TEXTS
from proxy_source import CellRefused, Source
from proxy_visits import HANDLERS
from proxy_walk import Walk

__all__ = ["Cell", "CellRefused", "SessionNames", "rewrite"]

RESERVED = ("ctx__", "P__", "_cb_")
"""What the names of externals and of the prelude's helpers begin with."""
QUIET = frozenset({"print", "FINAL", "FINAL_VAR", "SUBMIT"})
"""Calls whose value is not shown."""

MAX_USES = 2_000
"""Places in one cell where the context's names stand."""

_HOT = re.compile(r"ctx\b|P\b|context\b|CONTEXT\b|:=|global\b")
_HOT_MARKS = ("ctx", "P", "context", "CONTEXT", ":=", "global")
_DYNAMIC_MARKS = ("exec", "eval", "globals", "locals", "vars", "__import__", "__builtins__", "__main__")
"""Words by which code can rebind names that it does not mention."""
_DYNAMIC = re.compile(rf"\b(?:{'|'.join(_DYNAMIC_MARKS)})\b")
_READY_MARK, _READY = "ready", re.compile(r"\bready\b")
_NAME_FIELDS = ("id", "arg", "name", "asname", "rest", "names")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell as the interpreter gets it."""

    code: str
    bound: tuple[str, ...]
    """Top-level names that it may bind, sorted."""
    shows_value: bool
    """Its last expression gives the text of the preview."""
    texts: tuple[str, ...] = ()
    """Names to be bound to the whole text, as a str, before it runs; sorted."""
    rebinds: frozenset[str] = frozenset()
    """The context's names that it may rebind or delete."""
    settled: frozenset[str] = frozenset()
    """Those that are surely something else once it ran to its end."""
    says_ready: bool = False
    """It, or a function that it defines, may mark `answer` as ready."""

    @property
    def needs_text(self) -> bool:
        """Whether the whole text must be there as a str."""
        return bool(self.texts)


@dataclass(frozen=True, kw_only=True)
class SessionNames:
    """What is known, between cells, of names of ours: each of the context's is the facade, may be, or no longer is."""

    unsure: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    says_ready: bool = False
    """Some cell did: from then on `answer` is looked at when a cell has ended."""
    texts: frozenset[str] = frozenset()
    """Those that were bound to the whole text, and that no cell can have bound to anything else since."""

    def fate(self, name: str) -> Fate:
        """What the name is bound to when the next cell starts."""
        if name in self.gone:
            return Fate.GONE
        return Fate.UNSURE if name in self.unsure else Fate.SURE

    def lazy_texts(self) -> tuple[str, ...]:
        """Names that surely are the facade of the text."""
        return tuple(name for name in TEXTS if self.fate(name) is Fate.SURE)

    def after(self, cell: Cell, *, completed: bool = False) -> SessionNames:
        """The names after `cell` ran; `completed` says that it ended without an error, with its `texts` bound before."""
        touched = cell.rebinds | frozenset(cell.texts)
        if not touched and cell.says_ready <= self.says_ready:
            return self
        gone = self.gone | cell.settled | frozenset(cell.texts) if completed else self.gone
        return SessionNames(
            unsure=(self.unsure | touched) - gone,
            gone=gone,
            says_ready=self.says_ready or cell.says_ready,
            texts=(self.texts | frozenset(cell.texts)) - cell.rebinds,
        )


def rewrite(source: str, session: SessionNames, members: Mapping[str, frozenset[str]] = MEMBERS) -> Cell:
    """The cell that does in the guest what `source` means.

    Args:
        source: what the model wrote, at most 131,072 bytes of UTF-8.
        session: what earlier cells made of the context's names.
        members: the methods of `ctx`, and those of `P` that are answered without a copy.

    Raises:
        CellRefused: a SyntaxError; an AttributeError for a member that is not there; a NameError for a reserved name.
    """
    try:
        return _rewritten(Source(source), session, members, in_place=True)
    except edits.Misplaced:
        # Once more from the start: writing f-strings anew changes the tree.
        return _rewritten(Source(source), session, members, in_place=False)


def _rewritten(cell: Source, session: SessionNames, members: Mapping[str, frozenset[str]], *, in_place: bool) -> Cell:
    folded = cell.folded()
    _check_reserved(cell, folded)
    before = {name: session.fate(name) for name in NAMES}
    dynamic = any(mark in folded for mark in _DYNAMIC_MARKS) and _DYNAMIC.search(folded) is not None
    walk, flow = _followed(cell, folded, {name: _weaker(fate) for name, fate in before.items()} if dynamic else before)
    code, texts = _changed(cell, flow.found(), Plan(cell, before, members, walk.debugging if in_place else None))
    return Cell(
        code=code,
        bound=tuple(sorted(walk.module.bound | walk.bound_inside | flow.bound)),
        shows_value=_shown(cell) is not None,
        texts=texts,
        rebinds=frozenset(NAMES if dynamic else flow.rebound),
        settled=frozenset(flow.settled),
        says_ready=_READY_MARK in cell.text and _READY.search(cell.text) is not None,
    )


def _weaker(fate: Fate) -> Fate:
    return Fate.UNSURE if fate is Fate.SURE else fate


def _followed(cell: Source, folded: str, fates: Mapping[str, Fate]) -> tuple[Walk, Flow]:
    walk, flow = Walk(HANDLERS, _hot_lines(cell, folded)), Flow(fates, walrus=":=" in folded)
    bound, deleted = walk.module.bound, walk.module.deleted
    for index, statement in enumerate(cell.tree.body):
        walk.statement(statement)
        if len(walk.uses) > MAX_USES - flow.uses:
            raise CellRefused("SyntaxError", f"ctx and P stand in more than {MAX_USES:,} places; use a loop")
        if walk.uses or walk.inner or deleted or not bound.isdisjoint(NAMES):
            flow.statement(walk, statement, index)
    return walk, flow


def _changed(cell: Source, found: Iterable[Found], plan: Plan) -> tuple[str, tuple[str, ...]]:
    for one in found:
        plan.take(one)
    changes = plan.finish()
    last = _shown(cell)
    if last is not None:
        changes.setdefault(len(cell.tree.body) - 1, edits.Changes()).add(edits.shown(cell, last))
    return edits.spliced(cell, changes) if changes else cell.text, tuple(sorted(plan.texts))


def _shown(cell: Source) -> ast.Expr | None:
    """The last statement, if its value is to be shown."""
    last = cell.tree.body[-1] if cell.tree.body else None
    if not isinstance(last, ast.Expr) or isinstance(last.value, ast.Starred):
        return None
    call = last.value
    quiet = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in QUIET
    return None if quiet else last


def _hot_lines(cell: Source, folded: str) -> list[int] | None:
    if folded is not cell.text:
        return None
    return cell.lines_of(_HOT) if any(mark in folded for mark in _HOT_MARKS) else []


def _check_reserved(cell: Source, folded: str) -> None:
    if not any(prefix in folded for prefix in RESERVED):
        return
    for node in ast.walk(cell.tree):
        for field in _NAME_FIELDS:
            value = getattr(node, field, None)
            for name in value if isinstance(value, list) else (value,):
                if isinstance(name, str) and name.startswith(RESERVED):
                    prefix = next(prefix for prefix in RESERVED if name.startswith(prefix))
                    raise CellRefused("NameError", f"names that begin with {prefix!r} are reserved", getattr(node, "lineno", None))
