"""Hostile source text becomes a syntax tree and a table of lines, or a refusal of one line.

Nothing here is compiled: CPython's compiler crashes on some short sources, its parser does not.
"""

from __future__ import annotations

import ast
import re

# The parser imports it for identifiers and escapes that are not ASCII, when files can no longer be opened.
import unicodedata
import warnings
from bisect import bisect_right
from functools import cached_property

MAX_BYTES = 128 * 1024
"""Of one cell's source, as UTF-8. CPython's parser takes about a second for this much in its worst form, f-strings before 3.12."""
MAX_MARKS = 64
"""Combining marks in a row; normalising an identifier takes time quadratic in their number."""
MESSAGE_CHARS = 300

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_MARKS = re.compile(rf"[^\x00-\x7f]{{{MAX_MARKS + 1},}}")
_HAS_LETTER = re.compile(r"[A-Za-z_]")
_TEXT_LINE_END = re.compile(r"\r\n?|\n")
_LINE_END = re.compile(rb"\r\n?|\n")


class CellRefused(Exception):
    """The cell is not run at all, and its author is told why.

    Attributes:
        kind: name of the built-in exception that the author sees: SyntaxError, AttributeError or NameError.
        message: one line of at most 300 characters, without the line's number.
        line: 1-based line in the cell, None where unknown.
    """

    def __init__(self, kind: str, message: str, line: int | None = None) -> None:
        self.kind, self.message, self.line = kind, _one_line(message), line
        super().__init__(kind, self.message, line)

    def __str__(self) -> str:
        """The message, its line first."""
        return self.message if self.line is None else f"line {self.line}: {self.message}"


def _one_line(message: str) -> str:
    clipped = message if len(message) <= MESSAGE_CHARS else message[: MESSAGE_CHARS - 3] + "..."
    return clipped if clipped.isprintable() else "".join(char if char.isprintable() else " " for char in clipped)


class Source:
    """One cell's text, its bytes and its tree.

    Attributes:
        text: without a leading byte order mark.
        data: the text in UTF-8; the tree's columns count its bytes.
        tree: what CPython's parser made of it.

    Raises:
        CellRefused: a SyntaxError; also for text that is too long, nested too deeply, or no text.
    """

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.data = _encoded(self.text)
        if not self.text.isascii():
            _check_marks(self.text)
        self.tree = parsed(self.text)

    def folded(self) -> str:
        """The text as identifiers are compared; the same as `text` wherever no look-alike of an ASCII letter occurs in it."""
        if self.text.isascii():
            return self.text
        strange = set("".join(_NOT_ASCII.findall(self.text)))
        alike = any(map(_HAS_LETTER.search, (unicodedata.normalize("NFKC", char) for char in strange)))
        return unicodedata.normalize("NFKC", self.text) if alike else self.text

    def lines_of(self, pattern: re.Pattern[str]) -> list[int]:
        """Sorted numbers of the lines on which a match of `pattern` begins."""
        places = [match.start() for match in pattern.finditer(self.text)]
        if not places:
            return []
        starts = self.starts if self.text.isascii() else [0, *(match.end() for match in _TEXT_LINE_END.finditer(self.text))]
        return list(dict.fromkeys(bisect_right(starts, place) for place in places))

    @cached_property
    def starts(self) -> list[int]:
        """Byte offset of each line's first byte."""
        return [0, *[match.end() for match in _LINE_END.finditer(self.data)]]

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Byte offset of the node's first byte."""
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Byte offset after the node's last byte."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def says(self, node: ast.expr, text: bytes) -> bool:
        """Whether the node is written exactly so, without blanks, comments, parentheses or look-alike letters."""
        start = self.start(node)
        return node.end_lineno == node.lineno and self.data[start : start + len(text)] == text and self.end(node) == start + len(text)


def _encoded(text: str) -> bytes:
    if len(text) > MAX_BYTES:
        raise CellRefused("SyntaxError", f"the cell has {len(text):,} characters; at most {MAX_BYTES:,} bytes are read")
    if "\0" in text:
        raise CellRefused("SyntaxError", "the cell holds a NUL character", _line_of(text, text.index("\0")))
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise CellRefused("SyntaxError", "a lone surrogate is not text", _line_of(text, error.start)) from None
    if len(data) > MAX_BYTES:
        raise CellRefused("SyntaxError", f"the cell has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    return data


def _check_marks(text: str) -> None:
    for match in _MARKS.finditer(text):
        row = 0
        for char in match.group():
            row = row + 1 if unicodedata.combining(char) else 0
            if row > MAX_MARKS:
                raise CellRefused("SyntaxError", f"more than {MAX_MARKS} combining marks in a row", _line_of(text, match.start()))


def _line_of(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def parsed(text: str) -> ast.Module:
    """The tree of `text`.

    Raises:
        CellRefused: a SyntaxError.
    """
    try:
        with warnings.catch_warnings():
            # An unknown escape such as "\d" is the author's business; a warning would be printed by the worker.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise CellRefused("SyntaxError", error.msg or "the cell cannot be read", error.lineno) from None
    except (RecursionError, MemoryError):
        # The parser says MemoryError where its own stack is full.
        raise CellRefused("SyntaxError", "the cell is nested too deeply to be read") from None
    except ValueError as error:
        raise CellRefused("SyntaxError", str(error)) from None
