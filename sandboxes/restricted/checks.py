"""The part of the language policy that only looks: names, patterns, limits of nesting, and what is left to plain Python."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from RestrictedPython.transformer import RestrictingNodeTransformer

from restricted import rules

MAX_COMPREHENSIONS = 12
"""One inside the other: from about 20 on, the compilers of CPython 3.12 and 3.13 crash."""
MAX_ARGUMENTS = 2_000
"""Of one call: compiling keywords takes time that grows with their square."""
NOT_HERE = {
    "AsyncFunctionDef": "async is not available here: write plain functions",
    "Await": "await is not available here: call the function plainly",
    "AsyncFor": "async is not available here: write a plain loop",
    "AsyncWith": "async is not available here: write a plain with",
    "TryStar": "except* is not available here: use except",
    "TypeAlias": "type statements are not available here: write Name = ...",
    "TemplateStr": "template strings are not available here: use an f-string",
}


_T = TypeVar("_T", bound=ast.AST)
_BARE = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)


class Refused(SyntaxError):
    """The policy does not allow this cell."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.lineno = line


class Checks(RestrictingNodeTransformer):
    """Refuses what cells may not use, by RestrictedPython's rule that an unknown kind of node is refused.

    Attributes:
        scopes: the kinds of the scopes around the node that is visited.
    """

    def __init__(self) -> None:
        super().__init__([], [], {})
        self.scopes = ["module"]
        self.comprehensions = 0
        self.methods: dict[type, Callable[[Any], Any]] = {}

    def error(self, node: ast.AST, info: str) -> NoReturn:
        """Refuse the cell."""
        raise Refused(info, getattr(node, "lineno", None))

    def not_allowed(self, node: ast.AST) -> NoReturn:
        """Refuse a kind of node."""
        kind = type(node).__name__
        self.error(node, NOT_HERE.get(kind, f"{kind} is not available here"))

    def visit(self, node: ast.AST) -> Any:
        """Check one node and what is in it."""
        kind = type(node)
        method = self.methods.get(kind)
        if method is None:
            method = self.methods[kind] = getattr(self, f"visit_{kind.__name__}", self.generic_visit)
        return method(node)

    def node_contents_visit(self, node: _T) -> _T:
        """Check what is in a node. Operators and the like are passed over."""
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                if any(isinstance(item, ast.AST) for item in value):
                    setattr(node, name, self._each(value))
            elif isinstance(value, ast.AST) and not isinstance(value, _BARE):
                setattr(node, name, self.visit(value))
        return node

    def _each(self, nodes: list[Any]) -> list[Any]:
        visited: list[Any] = []
        for node in nodes:
            if not isinstance(node, ast.AST) or isinstance(node, _BARE):
                visited.append(node)
                continue
            result = self.visit(node)
            visited += result if isinstance(result, list) else [result]
        return visited

    # -- names

    def check_name(self, node: ast.AST, name: str | None, allow_magic_methods: bool = False) -> None:
        """Refuse special names, and to bind those of helpers."""
        if name is None or not name.startswith(("_", "ctx__", "P__")):
            return
        loads = isinstance(getattr(node, "ctx", None), ast.Load)
        if rules.is_special(name):
            here = self.scopes[-1] == "class" and name in rules.CLASS_NAMES
            if not here and not (name == "__name__" and loads):
                self.error(node, f"the name {name} is not available here")
        elif name.startswith(rules.RESERVED) and not loads:
            self.error(node, f"names that begin with {name[: name.index('_', 1) + 1]!r} are reserved")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A variable."""
        self.check_name(node, node.id)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        """Names that a scope shares."""
        for name in node.names:
            if rules.is_special(name):
                self.error(node, f"the name {name} is not available here")
            self.check_name(node, name)
        return node

    visit_Nonlocal = visit_Global

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        """A named argument."""
        if node.arg is not None and rules.is_special(node.arg):
            self.error(node, f"the name {node.arg} is not available here")
        return self.node_contents_visit(node)

    # -- what stays native

    def guard_iter(self, node: ast.For | ast.comprehension) -> ast.AST:
        """A loop."""
        return self.node_contents_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """An assignment; its targets are checked one by one."""
        return self.node_contents_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """An item."""
        return self.node_contents_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        """`(x := v)`."""
        return self.node_contents_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """The cell."""
        return self.node_contents_visit(node)

    def visit_TemplateStr(self, node: ast.AST) -> NoReturn:
        """Too new to have been looked at."""
        self.not_allowed(node)

    # -- comprehensions

    def _comprehension(self, node: Any) -> Any:
        self.comprehensions += 1
        if self.comprehensions > MAX_COMPREHENSIONS:
            self.error(node, f"more than {MAX_COMPREHENSIONS} comprehensions inside each other; use loops")
        visited = self.node_contents_visit(node)
        self.comprehensions -= 1
        return visited

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        """One `for` of a comprehension."""
        if node.is_async:
            self.error(node.target, NOT_HERE["AsyncFor"])
        return self.node_contents_visit(node)

    # -- patterns

    def _native(self, node: Any) -> Any:
        return self.node_contents_visit(node)

    visit_Match = visit_match_case = visit_MatchSingleton = visit_MatchSequence = visit_MatchOr = _native

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        """`case 1` and `case Color.RED`."""
        node.value = self._matched(node.value)
        return node

    def _matched(self, node: ast.expr) -> ast.expr:
        """What a pattern compares with. An attribute must stay one, so its name has to be harmless on every object."""
        inner = node
        while isinstance(inner, ast.Attribute):
            if inner.attr.startswith("_") or inner.attr in rules.UNMATCHED:
                self.error(inner, f"{inner.attr} cannot stand in a pattern; test it with if")
            inner = inner.value
        visited: ast.expr = node if isinstance(node, ast.Attribute) and self.visit(inner) else self.visit(node)
        return visited

    def _capture(self, node: Any) -> Any:
        self.check_name(node, node.name)
        return self.node_contents_visit(node)

    visit_MatchStar = visit_MatchAs = _capture

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        """`{**rest}` binds a name."""
        self.check_name(node, node.rest)
        node.keys = [self._matched(key) for key in node.keys]
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        """Attributes of class patterns are fetched by native code, past the screen."""
        for name in node.kwd_attrs:
            if name.startswith("_") or name in rules.UNMATCHED:
                self.error(node, f"{name} cannot stand in a class pattern; test it with if")
        node.cls = self._matched(node.cls)
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        node.kwd_patterns = [self.visit(pattern) for pattern in node.kwd_patterns]
        return node
