"""One walk over a cell's tree: the uses of the context's names, and every name that the cell may bind.

It keeps a stack of its own, so no nesting is too deep for it, and it does not enter statements on whose lines nothing of
interest stands.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from proxy_scopes import NAMES, Kind, Role, Scope, Use

_LEAVES = frozenset({
    ast.Constant, *ast.operator.__subclasses__(), *ast.unaryop.__subclasses__(), *ast.boolop.__subclasses__(), *ast.cmpop.__subclasses__(),
    *ast.expr_context.__subclasses__(), str, int, type(None),
})  # fmt: skip
"""What has nothing of interest in it."""

Joined = ast.JoinedStr | None
Handlers = Mapping[type[ast.AST], Callable[..., None]]
"""What to do with each class of node, given the walk, the node, its scope and the f-string around it; else its children are walked."""


class Walk:
    """The walk, one top-level statement after the other.

    Attributes:
        module: the cell's top level.
        inner: every scope inside the last statement.
        uses: those in the last statement.
        bound_inside: top-level names that scopes inside any statement bind.
        passed: lambdas and members that are handed to a call.
        debugging: outermost f-strings that show their own source, as `{x=}` does.
    """

    def __init__(self, handlers: Handlers, hot: Sequence[int] | None) -> None:
        """`hot`: sorted numbers of the lines that matter, None where all do."""
        self.handlers, self.hot_lines = handlers, hot
        self.module = Scope(Kind.MODULE, None)
        self.inner: list[Scope] = []
        self.uses: list[Use] = []
        self.bound_inside: set[str] = set()
        self.debugging: set[ast.JoinedStr] = set()
        self.passed: set[ast.AST] = set()
        self._stack: list[tuple[ast.AST, Scope, Joined]] = []

    def statement(self, statement: ast.stmt) -> None:
        """Walk one more top-level statement, and forget the uses and scopes of the one before."""
        if self.uses or self.inner:
            self.uses, self.inner = [], []
        if isinstance(statement, (ast.Expr, ast.Assign)) and not self.hot(statement):
            for target in statement.targets if isinstance(statement, ast.Assign) else ():
                self.bind(target, self.module)
            return
        stack, find = self._stack, self.handlers.get
        stack.append((statement, self.module, None))
        while stack:
            node, scope, joined = stack.pop()
            handler = find(node.__class__)
            if handler is None:
                self.children(node, scope, joined)
            else:
                handler(self, node, scope, joined)
        for scope in self.inner:
            if scope.global_names:
                self.bound_inside |= scope.global_names & scope.bound

    def hot(self, node: ast.stmt, first: int | None = None) -> bool:
        """Whether anything of interest stands on a statement's lines."""
        lines = self.hot_lines
        if not lines:
            return lines is None
        index = bisect_left(lines, node.lineno if first is None else first)
        return index < len(lines) and lines[index] <= node.end_lineno  # type: ignore[operator]

    def scope(self, kind: Kind, parent: Scope, *, late: bool = False) -> Scope:
        """A new scope inside `parent`."""
        scope = Scope(kind, parent, late=late)
        self.inner.append(scope)
        return scope

    def push(self, nodes: Iterable[ast.AST | None], scope: Scope, joined: Joined = None) -> None:
        """Walk these too."""
        self._stack.extend([(node, scope, joined) for node in nodes if node.__class__ not in _LEAVES])  # type: ignore[misc]

    def children(self, node: ast.AST, scope: Scope, joined: Joined) -> None:
        """Walk everything inside the node, in the same scope."""
        push = self._stack.append
        for field in node._fields:
            value: Any = getattr(node, field, None)
            if value.__class__ is list:
                for item in value:
                    if item.__class__ not in _LEAVES:
                        push((item, scope, joined))
            elif value.__class__ not in _LEAVES:
                push((value, scope, joined))

    def bind(self, target: ast.expr, scope: Scope) -> None:
        """Note the names that an assignment to `target` binds."""
        if isinstance(target, ast.Name):
            scope.bound.add(target.id)
            return
        targets = [target]
        while targets:
            one = targets.pop()
            if isinstance(one, ast.Name):
                scope.bound.add(one.id)
            elif isinstance(one, (ast.Tuple, ast.List)):
                targets.extend(one.elts)
            elif isinstance(one, ast.Starred):
                targets.append(one.value)

    def use(self, role: Role, name: ast.expr, node: ast.expr, scope: Scope, joined: Joined) -> None:
        """Note a use of `name`, or walk it where it is none of the names."""
        if isinstance(name, ast.Name) and name.id in NAMES:
            self.uses.append(Use(name.id, role, node, scope, joined))
        else:
            self._stack.append((name, scope, joined))
