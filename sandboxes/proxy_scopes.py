"""Scopes, and the uses of the context's names in them.

An own resolver: `symtable` runs parts of CPython's compiler, which hostile source can crash.
"""

from __future__ import annotations

import ast
from enum import Enum

TEXTS = ("P", "context", "CONTEXT")
"""The whole text's names."""
NAMES = ("ctx", *TEXTS)


class Kind(Enum):
    """What a scope belongs to."""

    MODULE = "module"
    FUNCTION = "function"
    CLASS = "class"
    COMPREHENSION = "comprehension"
    ANNOTATION = "annotation"
    """Type parameters and what may use them; unlike a function it sees the names of the class around it."""


class Scope:
    """One scope.

    Attributes:
        bound: names that it binds.
        deleted: names that it deletes, or may rebind in a way that cannot be seen.
        global_names: those of its `global` statements.
        declared: its own by a mere annotation.
        late: it runs later than the statement that it stands in, if at all.
        callback: it is, or is inside, a lambda that is handed to a call. Interpreters may call that one from native code.
        opaque: a class whose bases or keywords may put any name into it.
    """

    __slots__ = ("bound", "callback", "declared", "deleted", "global_names", "kind", "late", "opaque", "parent")

    def __init__(self, kind: Kind, parent: Scope | None, *, late: bool = False) -> None:
        self.kind, self.parent, self.opaque = kind, parent, False
        self.late: bool = late or (parent is not None and parent.late)
        self.callback: bool = parent is not None and parent.callback
        self.bound: set[str] = set()
        self.deleted: set[str] = set()
        self.global_names: set[str] = set()
        self.declared: set[str] = set()

    def holds(self, name: str) -> bool:
        """Whether the name is this scope's own. After `nonlocal` it is not, but then it is of a function around it."""
        return name in self.bound or name in self.deleted or name in self.declared


class Place(Enum):
    """What a name means where it is used."""

    GLOBAL = "global"
    LOCAL = "local"
    EITHER = "either"


def resolve(name: str, scope: Scope) -> Place:
    """Where the name is looked up, once the walk is through the whole statement."""
    here: Scope | None = scope
    sees_class = True
    while here is not None and here.kind is not Kind.MODULE:
        if here.kind is Kind.CLASS:
            if sees_class and name in here.global_names:
                return Place.GLOBAL
            if sees_class and (here.opaque or here.holds(name)):
                return Place.EITHER
        elif name in here.global_names:
            return Place.GLOBAL
        elif here.holds(name):
            return Place.LOCAL
        sees_class = sees_class and here.kind is Kind.ANNOTATION
        here = here.parent
    return Place.GLOBAL


class Role(Enum):
    """How one of the names is used."""

    VALUE = "value"
    AUGMENTED = "augmented"
    """The target of `+=` and its like: read and bound."""
    CALL = "call"
    """`name.member(…)`; the node is the attribute."""
    MEMBER = "member"
    """`name.member`, read."""
    PASSED = "passed"
    """`f(name.member)`; the node is the attribute."""
    STORED = "stored"
    """An attribute that is assigned to or deleted."""
    LEN = "len"
    """`len(name)`; the node is the call."""
    IN = "in"
    """`x in name`, `x not in name`; the node is the comparison."""
    CUT = "cut"
    """`name[…]`, read; the node is the subscript."""


class Use:
    """One of the names, used in an expression.

    Attributes:
        joined: the outermost f-string around it, None outside of f-strings.
    """

    __slots__ = ("joined", "name", "node", "role", "scope")

    def __init__(self, name: str, role: Role, node: ast.expr, scope: Scope, joined: ast.JoinedStr | None) -> None:
        self.name, self.role, self.node, self.scope, self.joined = name, role, node, scope, joined

    @property
    def line(self) -> int:
        """Where it stands. Columns and lines inside f-strings are not to be trusted before Python 3.12."""
        return (self.joined or self.node).lineno
