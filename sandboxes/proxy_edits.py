"""Changes to a cell's text, by byte offsets: everything else stays as it was written, and every line stays where it was."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy_source import CellRefused, Source, parsed

LEN_OF = "_cb_len_of"
"""`len(P)` becomes `_cb_len_of(len, P)`."""
IN = "_cb_in"
"""`x in P` becomes `_cb_in(x, P)`, `x not in P` becomes `(not _cb_in(x, P))`."""
REAL = "_cb_real"
"""`P`, where the text itself is needed and may still be the facade, becomes `_cb_real(P)`."""
ITEM, CUT = "_cb_item", "_cb_cut"
"""`P[i]` becomes `_cb_item(P, i)`, `P[a:b:c]` becomes `_cb_cut(P, a,b,c)`."""
SHOW = "_cb_show"
"""The last expression `e` becomes `_cb_show((e))`."""

_LEN_GAP = re.compile(rb"\([ \t\f\r\n(]*")
_IN_GAP = re.compile(rb"[ \t\f\r\n)]*(not[ \t]+in|in)[ \t\f\r\n(]*")
_OPEN_GAP = re.compile(rb"[ \t\f\r\n)]*(\[)")
_COLON_GAP = re.compile(rb"[ \t\f\r\n():]*")
_HELPERS = ("_cb_", "ctx__", "P__")
_DECORATOR = re.compile(rb"(?:^|[\r\n])[ \t\f]*(@)")


class Edit(NamedTuple):
    """Bytes `start` to `end` become `text`.

    Of edits that start together, those that end an expression come first, and then the one whose expression reaches further.
    """

    start: int
    end: int
    text: bytes
    reach: int = 0

    def order(self) -> tuple[int, bool, int]:
        """What to sort by."""
        return self.start, self.reach > 0 or self.end > self.start, -self.reach


def called(source: Source, member: ast.Attribute, flat: str) -> list[Edit] | None:
    """`ctx.find` becomes `ctx__find`; None where it is written in an unusual way."""
    assert isinstance(member.value, ast.Name)
    if not source.says(member, f"{member.value.id}.{member.attr}".encode()):
        return None
    start, end = source.start(member), source.end(member)
    return [Edit(start, end, flat.encode(), end)]


def measured(source: Source, call: ast.Call) -> list[Edit] | None:
    """`len(P)` asks for the length; None where it is written in an unusual way."""
    gap = source.data[source.end(call.func) : source.start(call.args[0])]
    if not source.says(call.func, b"len") or not _LEN_GAP.fullmatch(gap):
        return None
    start, paren = source.start(call.func), source.end(call.func)
    return [Edit(start, paren + 1, f"{LEN_OF}(len, ".encode(), source.end(call))]


def contained(source: Source, compare: ast.Compare) -> list[Edit] | None:
    """`x in P` asks for the passage; None where it is written in an unusual way."""
    left_end = source.end(compare.left)
    gap = _IN_GAP.fullmatch(source.data[left_end : source.start(compare.comparators[0])])
    if gap is None:
        return None
    start, end = source.start(compare), source.end(compare)
    negated = isinstance(compare.ops[0], ast.NotIn)
    return [
        _opening(source, start, f"(not {IN}(" if negated else f"{IN}(", end),
        Edit(left_end + gap.start(1), left_end + gap.end(1), b","),
        Edit(end, end, b"))" if negated else b")"),
    ]


def cut(source: Source, subscript: ast.Subscript) -> list[Edit] | None:
    """`P[i]` and `P[a:b]` ask for the passage; None where it is written in an unusual way."""
    opening = _OPEN_GAP.match(source.data, source.end(subscript.value))
    key = subscript.slice
    if opening is None or isinstance(key, (ast.Tuple, ast.Starred)):
        return None
    start, close = source.start(subscript), source.end(subscript) - 1
    colons = _colons(source, key, opening.end(), close) if isinstance(key, ast.Slice) else []
    if colons is None:
        return None
    name = CUT if isinstance(key, ast.Slice) else ITEM
    return [
        _opening(source, start, f"{name}(", close + 1),
        Edit(opening.start(1), opening.end(1), b", "),
        *colons,
        Edit(close, close + 1, b")"),
    ]


def _colons(source: Source, key: ast.Slice, start: int, end: int) -> list[Edit] | None:
    """Each colon becomes a comma, after a None where nothing stands before it."""
    parts = [part for part in (key.lower, key.upper, key.step) if part is not None]
    gaps = zip([start, *map(source.end, parts)], [*map(source.start, parts), end], strict=True)
    found: list[int] = []
    for left, right in gaps:
        gap = source.data[left:right]
        if not _COLON_GAP.fullmatch(gap):
            return None
        found += [left + offset for offset, char in enumerate(gap) if char == ord(":")]
    return [
        Edit(place, place + 1, b"," if part is not None else b"None,") for place, part in zip(found, (key.lower, key.upper), strict=False)
    ]


def _opening(source: Source, start: int, text: str, reach: int) -> Edit:
    # In `return'x'in P` and `return(P)[0]` nothing but the quote or the parenthesis keeps the words apart.
    glued = start > 0 and (chr(source.data[start - 1]).isalnum() or source.data[start - 1] == ord("_"))
    return Edit(start, start, (" " * glued + text).encode(), reach)


def fetched(source: Source, name: ast.Name) -> list[Edit] | None:
    """`P` becomes the text itself."""
    if not source.says(name, name.id.encode()):
        return None
    return [Edit(source.start(name), source.end(name), f"{REAL}({name.id})".encode(), source.end(name))]


def shown(source: Source, statement: ast.Expr) -> list[Edit]:
    """The last expression's value is given to the display."""
    start, end = source.start(statement), source.end(statement)
    return [Edit(start, start, f"{SHOW}((".encode(), len(source.data) + 1), Edit(end, end, b"))")]


class _Inside(ast.NodeTransformer):
    """Makes the same changes in a tree."""

    def __init__(self, nodes: Iterable[ast.expr]) -> None:
        self.nodes = set(nodes)

    def visit(self, node: ast.AST) -> ast.AST:
        """Change the node's children, then the node itself if it is one of the chosen."""
        self.generic_visit(node)
        if node not in self.nodes:
            return node
        if isinstance(node, ast.Call):
            return _call(LEN_OF, node.func, *node.args)
        if isinstance(node, ast.Compare):
            test = _call(IN, node.left, *node.comparators)
            return ast.UnaryOp(op=ast.Not(), operand=test) if isinstance(node.ops[0], ast.NotIn) else test
        if isinstance(node, ast.Subscript):
            return _cut_call(node)
        assert isinstance(node, ast.Name)
        return _call(REAL, node)


def _cut_call(node: ast.Subscript) -> ast.Call:
    key = node.slice
    if not isinstance(key, ast.Slice):
        return _call(ITEM, node.value, key)
    return _call(CUT, node.value, *(part or ast.Constant(value=None) for part in (key.lower, key.upper, key.step)))


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(args), keywords=[])


def rejoined(source: Source, joined: ast.JoinedStr, nodes: Iterable[ast.expr]) -> list[Edit]:
    """The f-string written anew with `nodes` changed, on as many lines; nothing where that cannot be done faithfully.

    For `{x=}`, which shows its own source, and where the parser is wrong about places inside f-strings, as it may be before 3.12.
    """
    lines = (joined.end_lineno or joined.lineno) - joined.lineno
    start, end = source.start(joined), source.end(joined)
    try:
        changed = _Inside(nodes).visit(joined)
        text = ast.unparse(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = ast.parse(text, mode="eval").body
        faithful = ast.dump(again) == ast.dump(changed)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines -= text.count("\n")
    if not faithful or lines < 0:
        return []
    return [Edit(start, end, f"({text}{chr(10) * lines})".encode(), end)]


class Misplaced(Exception):
    """What was meant for code inside an f-string went somewhere else."""


@dataclass(slots=True)
class Changes:
    """The changes to one top-level statement."""

    edits: list[Edit] = field(default_factory=list)
    helpers: int = 0
    """Names of helpers or externals that the edits put in."""
    inside: bool = False
    """Some of them are inside f-strings."""
    checked: bool = False
    """Some of them are more than a word in the place of another, so the result is read again."""

    def add(self, edits: Sequence[Edit], *, helpers: int = 1, inside: bool = False) -> None:
        """Add one change, which takes several edits."""
        self.edits += edits
        self.helpers += helpers
        self.inside = self.inside or inside
        self.checked = self.checked or len(edits) > 1 or inside or b"(" in edits[0].text


def spliced(source: Source, changes: Mapping[int, Changes]) -> str:
    """The cell's text with `changes` made, which are given by the index of their top-level statement.

    Raises:
        Misplaced: the places inside some f-string were not as the parser said.
        CellRefused: the result is not what was meant; only a fault in this module leads there.
    """
    order = sorted(changes)
    statements = [source.tree.body[index] for index in order]
    pieces: list[bytes] = []
    checked: dict[int, bytes] = {}
    place = 0
    for index, statement in zip(order, statements, strict=True):
        start, end = _start(source, index), source.end(statement)
        pieces.append(source.data[place:start])
        changed = _changed(source.data, start, end, sorted(changes[index].edits, key=Edit.order))
        pieces.append(changed)
        if changes[index].checked:
            checked[index] = changed
        place = end
        _check(source.data.count(b"\n", start, end) == changed.count(b"\n"), statement)
    pieces.append(source.data[place:])
    _read_again(source, changes, checked)
    return b"".join(pieces).decode()


def _read_again(source: Source, changes: Mapping[int, Changes], checked: Mapping[int, bytes]) -> None:
    again = parsed(b"\n".join(checked.values()).decode()).body
    meant = [source.tree.body[index] for index in checked]
    _check([type(one) for one in again] == [type(one) for one in meant], meant[0] if meant else None)
    for index, statement in zip(checked, again, strict=True):
        # The helpers' names are reserved, so as many as were put in must have arrived in code.
        if changes[index].inside and _helpers(statement) != changes[index].helpers:
            raise Misplaced


def _helpers(statement: ast.stmt) -> int:
    found, stack = 0, [*ast.iter_child_nodes(statement)]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            found += node.id.startswith(_HELPERS)
        elif not isinstance(node, ast.Constant):
            stack.extend(ast.iter_child_nodes(node))
    return found


def _start(source: Source, index: int) -> int:
    statement = source.tree.body[index]
    decorators = getattr(statement, "decorator_list", None)
    if not decorators:
        return source.start(statement)
    before = source.end(source.tree.body[index - 1]) if index else 0
    match = _DECORATOR.search(source.data, before, source.start(decorators[0]))
    return match.start(1) if match else source.start(statement)


def _changed(data: bytes, start: int, end: int, edits: Sequence[Edit]) -> bytes:
    pieces: list[bytes] = []
    for edit in edits:
        pieces += (data[start : edit.start], edit.text)
        start = edit.end
    return b"".join((*pieces, data[start:end]))


def _check(holds: bool, statement: ast.stmt | None) -> None:
    if not holds:
        line = None if statement is None else statement.lineno
        raise CellRefused("SyntaxError", "too intricate around the context's names; write it more plainly", line)
