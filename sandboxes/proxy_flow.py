"""What each of the context's names is bound to, statement by statement, as far as that can be known before the cell runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from proxy_scopes import NAMES, Place, Use, resolve
from proxy_walk import Walk

_NAMES = frozenset(NAMES)


class Fate(Enum):
    """What a name is bound to."""

    SURE = "sure"
    """The session's facade."""
    UNSURE = "unsure"
    """The facade or something else."""
    GONE = "gone"
    """Something else. No value that a cell can get at is the facade of the text, so this lasts."""


class Found(NamedTuple):
    """A use of a name that may be the session's.

    Attributes:
        place: index of the top-level statement that it stands in.
        at_once: it is executed, if at all, when that statement is.
    """

    use: Use
    fate: Fate
    place: int
    at_once: bool


class Flow:
    """The fates of the names through one cell.

    Attributes:
        uses: how many of them were seen.
        bound: those that its own top level binds.
        rebound: names that the cell may rebind or delete.
        settled: those that are surely something else once the cell ran to its end.
    """

    def __init__(self, fates: Mapping[str, Fate], *, walrus: bool) -> None:
        """`fates` are those before the cell; `walrus`: it may hold assignment expressions."""
        self.fates = dict(fates)
        self.walrus = walrus
        self.bound: set[str] = set()
        self.rebound: set[str] = set()
        self.settled: set[str] = set()
        self.uses = 0
        self._seen: list[tuple[Use, Fate, Fate, int]] = []

    def statement(self, walk: Walk, statement: ast.stmt, index: int) -> None:
        """Take in one more top-level statement, which `walk` just went through."""
        inside = {name for scope in walk.inner if scope.global_names for name in scope.global_names & (scope.bound | scope.deleted)}
        bound = _taken(walk.module.bound)
        changed = bound | _taken(walk.module.deleted) | inside & _NAMES
        if not changed and not walk.uses:
            return
        certain = changed.intersection(_certain(statement)) if changed else changed
        before = dict(self.fates)
        self.uses += len(walk.uses)
        for use in walk.uses:
            now = before[use.name]
            if use.name in changed and now is Fate.SURE and not self._read_first(statement, use.name in certain, use.name in inside):
                now = Fate.UNSURE
            self._seen.append((use, before[use.name], now, index))
        for name in changed:
            if name in certain:
                self.fates[name] = Fate.GONE
            elif before[name] is not Fate.GONE:
                self.fates[name] = Fate.UNSURE
        self.bound |= bound
        self.rebound |= changed
        self.settled |= certain

    def _read_first(self, statement: ast.stmt, certain: bool, inside: bool) -> bool:
        """Whether everything that the statement evaluates at once is evaluated before it binds the name."""
        if not certain or inside or self.walrus:
            return False
        if isinstance(statement, ast.Assign):
            return all(_is_plain(target) for target in statement.targets)
        return isinstance(statement, (ast.AugAssign, ast.FunctionDef, ast.ClassDef))

    def found(self) -> Iterator[Found]:
        """Every use of a name that may be the session's, once all statements were taken in."""
        for use, before, now, index in self._seen:
            place = resolve(use.name, use.scope)
            if place is Place.LOCAL:
                continue
            late = use.scope.late
            fate = before if late else now
            if fate is Fate.SURE and (place is Place.EITHER or (late and use.name in self.rebound)):
                fate = Fate.UNSURE
            if fate is not Fate.GONE:
                yield Found(use, fate, index, not late)


def _taken(names: set[str]) -> set[str]:
    """Those of the context's names that are in `names`, which are taken out of it."""
    if names.isdisjoint(_NAMES):
        return set()
    taken = names & _NAMES
    names -= taken
    return taken


def _certain(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement binds whenever it runs to its end."""
    targets: list[ast.expr] = []
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AugAssign) or (isinstance(statement, ast.AnnAssign) and statement.value is not None):
        targets = [statement.target]
    while targets:
        target = targets.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            targets.extend(target.elts)
        elif isinstance(target, ast.Starred):
            targets.append(target.value)
        elif isinstance(target, ast.Name):
            yield target.id


def _is_plain(target: ast.expr) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(map(_is_plain, target.elts))
    return isinstance(target, ast.Name) or (isinstance(target, ast.Starred) and _is_plain(target.value))
