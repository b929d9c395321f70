"""Changes to a cell's text, by byte offsets: everything else stays as it was written, and every line stays where it was."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proxy_source import CellRefused, Source, parsed

LEN_OF = "_cb_len_of"
"""`len(P)` becomes `_cb_len_of(len, P)`."""
IN = "_cb_in"
"""`x in P` becomes `_cb_in(x, P)`, `x not in P` becomes `(not _cb_in(x, P))`."""
REAL = "_cb_real"
"""`P`, where the text itself is needed and may still be the facade, becomes `_cb_real(P)`."""
SHOW = "_cb_show"
"""The last expression `e` becomes `_cb_show((e))`."""

_LEN_GAP = re.compile(rb"\([ \t\f\r\n(]*")
_IN_GAP = re.compile(rb"[ \t\f\r\n)]*(not[ \t]+in|in)[ \t\f\r\n(]*")
_DECORATOR = re.compile(rb"(?:^|[\r\n])[ \t\f]*(@)")


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` become `text`. Of edits that start together, the one that reaches further comes first."""

    start: int
    end: int
    text: bytes
    reach: int

    def order(self) -> tuple[int, int]:
        """What to sort by."""
        return self.start, -self.reach


def called(source: Source, member: ast.Attribute, flat: str) -> list[Edit] | None:
    """`ctx.find` becomes `ctx__find`; None where it is written in an unusual way."""
    assert isinstance(member.value, ast.Name)
    if not source.says(member, f"{member.value.id}.{member.attr}".encode()):
        return None
    return [Edit(source.start(member), source.end(member), flat.encode(), source.end(member))]


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
    opening = f"(not {IN}(" if negated else f"{IN}("
    # In `return'x'in P` nothing but the quote keeps the words apart.
    glued = start > 0 and (chr(source.data[start - 1]).isalnum() or source.data[start - 1] == ord("_"))
    return [
        Edit(start, start, (" " * glued + opening).encode(), end),
        Edit(left_end + gap.start(1), left_end + gap.end(1), b",", 0),
        Edit(end, end, b"))" if negated else b")", 0),
    ]


def fetched(source: Source, name: ast.Name) -> list[Edit] | None:
    """`P` becomes the text itself."""
    if not source.says(name, name.id.encode()):
        return None
    return [Edit(source.start(name), source.end(name), f"{REAL}({name.id})".encode(), source.end(name))]


def shown(source: Source, statement: ast.Expr) -> list[Edit]:
    """The last expression's value is given to the display."""
    start, end = source.start(statement), source.end(statement)
    return [Edit(start, start, f"{SHOW}((".encode(), len(source.data) + 1), Edit(end, end, b"))", -1)]


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
        assert isinstance(node, ast.Name)
        return _call(REAL, node)


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(args), keywords=[])


def rejoined(source: Source, joined: ast.JoinedStr, nodes: Iterable[ast.expr]) -> list[Edit] | None:
    """The f-string written anew with `nodes` changed, on as many lines; None where that cannot be done faithfully.

    Before Python 3.12 the places of what stands inside an f-string are not known, and `{x=}` shows its own source.
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
        return None
    lines -= text.count("\n")
    if not faithful or lines < 0:
        return None
    return [Edit(start, end, f"({text}{chr(10) * lines})".encode(), end)]


def spliced(source: Source, edits: Mapping[int, Sequence[Edit]]) -> str:
    """The cell's text with `edits` made, which are given by the index of their top-level statement.

    Raises:
        CellRefused: the result is not what was meant; only a fault in this module leads there.
    """
    pieces: list[bytes] = []
    checked: list[bytes] = []
    statements = [source.tree.body[index] for index in sorted(edits)]
    place = 0
    for index, statement in zip(sorted(edits), statements, strict=True):
        start, end = _start(source, statement, place), source.end(statement)
        pieces.append(source.data[place:start])
        changed = _changed(source.data, start, end, sorted(edits[index], key=Edit.order))
        pieces.append(changed)
        checked.append(changed)
        place = end
        _check(source.data.count(b"\n", start, end) == changed.count(b"\n"), statement)
    pieces.append(source.data[place:])
    again = parsed(b"\n".join(checked).decode()).body
    _check([type(one) for one in again] == [type(one) for one in statements], statements[0])
    return b"".join(pieces).decode()


def _start(source: Source, statement: ast.stmt, place: int) -> int:
    decorators = getattr(statement, "decorator_list", None)
    if not decorators:
        return source.start(statement)
    match = _DECORATOR.search(source.data, place, source.start(decorators[0]))
    return match.start(1) if match else source.start(statement)


def _changed(data: bytes, start: int, end: int, edits: Sequence[Edit]) -> bytes:
    pieces = []
    for edit in edits:
        pieces += (data[start : edit.start], edit.text)
        start = edit.end
    return b"".join((*pieces, data[start:end]))


def _check(holds: bool, statement: ast.stmt) -> None:
    if not holds:
        raise CellRefused("SyntaxError", "this statement is too intricate around the context's names; write it more plainly", statement.lineno)
