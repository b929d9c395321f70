"""What to do about each use of the context's names: leave it to the facade, change its text, fetch the text, or refuse the cell."""

from __future__ import annotations

import ast
import difflib
from collections import defaultdict
from collections.abc import Container, Mapping

import proxy_edits as edits
from proxy_flow import Fate, Found
from proxy_scopes import Role, Use
from proxy_source import CellRefused, Source

MAX_REJOINED = 300
"""F-strings of one cell that are written anew; a text used in more of them is fetched."""
WORD_CHARS = 40
_OF_STR = frozenset(dir(str))
_OF_OBJECT = frozenset(dir(object))


class _Group:
    """What is to be changed inside one f-string that is written anew."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.nodes: list[ast.expr] = []
        self.names: set[str] = set()
        self.edits: list[edits.Edit] = []

    def add(self, node: ast.expr, name: str) -> None:
        """One more node, because of `name`."""
        self.nodes.append(node)
        self.names.add(name)


class Plan:
    """What is to be done about one cell.

    Attributes:
        texts: names that must be bound to the real text before the cell runs.
    """

    def __init__(
        self,
        source: Source,
        before: Mapping[str, Fate],
        members: Mapping[str, frozenset[str]],
        anew: Container[ast.JoinedStr] | None,
    ) -> None:
        """`before` is what the names are bound to when the cell starts; `anew` the f-strings to be written anew, None for all."""
        self.source, self.before, self._anew = source, before, anew
        self.own, self.served = members["ctx"], members["P"] & _OF_STR
        self.texts: set[str] = set()
        self._changes: list[tuple[Found, list[edits.Edit]]] = []
        self._joined: dict[ast.JoinedStr, _Group] = {}
        self._refused: list[CellRefused] = []

    def take(self, found: Found) -> None:
        """Decide about one use."""
        use, node = found.use, found.use.node
        if use.name != "ctx" and self.before[use.name] is Fate.SURE and (use.scope.callback or use.role is Role.PASSED):
            # Native code, such as that of `sorted(key=…)`, cannot wait for an external.
            self.texts.add(use.name)
        if isinstance(node, ast.Attribute):
            self._member(found, node)
        elif use.name == "ctx":
            return
        elif isinstance(node, ast.Call):
            if not self._change(found, node):
                self._value(found, node.args[0])
        elif isinstance(node, ast.Compare):
            if not self._change(found, node):
                self._value(found, node.comparators[0])
        elif isinstance(node, ast.Subscript):
            if not self._change(found, node):
                self._value(found, node.value)
        else:
            self._value(found, node)

    def _member(self, found: Found, node: ast.Attribute) -> None:
        use, name = found.use, node.attr
        is_text = use.name != "ctx"
        served = name in (self.served if is_text else self.own) and use.role is not Role.STORED
        if found.fate is Fate.SURE:
            if use.role is Role.STORED:
                self._refuse(use, f"{use.name} is read-only: {name[:WORD_CHARS]!r} cannot be set or deleted")
            elif not served and name not in (_OF_STR if is_text else _OF_OBJECT):
                self._refuse(use, f"{use.name} has no {name[:WORD_CHARS]!r}; {self._hint(name, is_text)}")
            elif served and found.at_once and use.role is Role.CALL and use.joined is None:
                self._call(found, node, f"{'P' if is_text else 'ctx'}__{name}")
        if is_text and not served:
            self._value(found, node.value)

    def _call(self, found: Found, node: ast.Attribute, flat: str) -> None:
        changes = edits.called(self.source, node, flat)
        if changes is not None:
            self._changes.append((found, changes))

    def _hint(self, name: str, is_text: bool) -> str:
        known = sorted(member for member in (_OF_STR if is_text else self.own) if not member.startswith("_"))
        near = difflib.get_close_matches(name[:WORD_CHARS].lower(), known, n=1)
        if near:
            return f"did you mean {near[0]!r}?"
        return "it is a str" if is_text else "it has " + ", ".join(known)

    def _refuse(self, use: Use, message: str) -> None:
        self._refused.append(CellRefused("AttributeError", message, use.line))

    def _value(self, found: Found, node: ast.expr) -> None:
        """The text itself is needed."""
        if self.before[found.use.name] is Fate.SURE:
            # At its start the cell surely has the facade, so the text can take its place for good.
            self.texts.add(found.use.name)
        elif found.use.role is Role.AUGMENTED:
            name = found.use.name
            self._refused.append(CellRefused("SyntaxError", f"too intricate; write {name} = {name} + ... instead", found.use.line))
        else:
            self._change(found, node)

    def _change(self, found: Found, node: ast.expr) -> bool:
        """Change an operator's or the name's text; False where that cannot be done."""
        joined = found.use.joined
        if joined is not None and (self._anew is None or joined in self._anew):
            changes = None
        elif isinstance(node, ast.Call):
            changes = edits.measured(self.source, node)
        elif isinstance(node, ast.Compare):
            changes = edits.contained(self.source, node)
        elif isinstance(node, ast.Subscript):
            changes = edits.cut(self.source, node)
        else:
            assert isinstance(node, ast.Name)
            changes = edits.fetched(self.source, node)
        if changes is not None:
            self._changes.append((found, changes))
        elif joined is not None:
            self._joined.setdefault(joined, _Group(found.place)).add(node, found.use.name)
        return changes is not None or joined is not None

    def finish(self) -> dict[int, edits.Changes]:
        """All changes, by the index of their top-level statement.

        Raises:
            CellRefused: an AttributeError, for the first line that asks for what is not there.
        """
        if any(found.use.joined in self._joined for found, _ in self._changes):
            # Parts of one f-string cannot be changed in place while all of it is written anew.
            raise edits.Misplaced
        for number, (joined, group) in enumerate(self._joined.items()):
            self._rejoin(joined, group, number)
        if self._refused:
            raise min(self._refused, key=lambda refused: refused.line or 0)
        changes: dict[int, edits.Changes] = defaultdict(edits.Changes)
        for found, some in self._changes:
            if found.use.name not in self.texts:
                changes[found.place].add(some, inside=found.use.joined is not None)
        for group in self._joined.values():
            if group.edits:
                changes[group.index].add(group.edits, helpers=len(group.nodes), inside=True)
        return changes

    def _rejoin(self, joined: ast.JoinedStr, group: _Group, number: int) -> None:
        if group.names <= self.texts:
            return
        group.edits = edits.rejoined(self.source, joined, group.nodes) if number < MAX_REJOINED else []
        for name in () if group.edits else sorted(group.names):
            if self.before[name] is Fate.SURE:
                self.texts.add(name)
            else:
                message = f"this f-string is too intricate around {name}; compute its parts before it"
                self._refused.append(CellRefused("SyntaxError", message, joined.lineno))
