"""Lines and pages of the mapped text, found without an index that is built beforehand."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left

import near_scan as scan
from near_args import bounded
from near_text import MappedText

_MARKER = re.compile(rb"<!-- Page ([0-9]{1,9}) -->")


class Lines:
    """Finds lines by number; counts newlines window by window, as far as it was asked."""

    __slots__ = ("_before", "_text")

    def __init__(self, text: MappedText) -> None:
        self._text = text
        # Newlines before each window of the text that was counted so far.
        self._before: array[int] = array("Q", [0])

    def between(self, first: int, last: int | None) -> list[str]:
        """Lines `first` to `last` (not included), from 0, without their line ends.

        A line ends with a newline, or a carriage return and a newline; the last one need not.
        """
        text = self._text
        start = self._start_of(first)
        end = text.num_bytes if last is None else self._start_of(last)
        if start >= end:
            return []
        chars = text.char_at(end) - text.char_at(start)
        bounded("ctx.lines", chars, 0, "ask for fewer at a time")
        bounded("ctx.lines", 0, scan.count(text, b"\n", start, end), "ask for fewer at a time")
        lines = text.decode(start, end).split("\n")
        if not lines[-1]:
            lines.pop()
        return [line.removesuffix("\r") for line in lines]

    def _start_of(self, line: int) -> int:
        """The byte at which `line` begins; the end where there are fewer."""
        if line <= 0:
            return 0
        text, before = self._text, self._before
        while before[-1] < line:
            start = (len(before) - 1) * scan.WINDOW
            if start >= text.num_bytes:
                return text.num_bytes
            before.append(before[-1] + bytes(text.data[start : start + scan.WINDOW]).count(b"\n"))
        window = bisect_left(before, line) - 1
        start = window * scan.WINDOW
        piece = bytes(text.data[start : start + scan.WINDOW])
        rest = piece.split(b"\n", line - before[window])[-1]
        return start + len(piece) - len(rest)


class Pages:
    """Finds pages by number, in a text that marks them. One pass, at the first question."""

    __slots__ = ("_pages", "_text")

    def __init__(self, text: MappedText) -> None:
        self._text = text
        self._pages: dict[int, tuple[int, int]] | None = None

    def page(self, number: int) -> str | None:
        """The text of page `number`, from 1; None if there is no such page, or no marks.

        Pages are marked by `<!-- Page 7 -->` before each, or else by a form feed after each; the last one needs none.
        """
        if self._pages is None:
            self._pages = self._marked() or self._fed()
        span = self._pages.get(number)
        return None if span is None else self._text.decode(*span)

    def _marked(self) -> dict[int, tuple[int, int]]:
        pages: dict[int, tuple[int, int]] = {}
        marks = [(int(mark[1]), mark.start(), mark.end()) for mark in _MARKER.finditer(self._text.data)]
        for at, (number, _, start) in enumerate(marks, 1):
            pages.setdefault(number, (start, marks[at][1] if at < len(marks) else self._text.num_bytes))
        return pages

    def _fed(self) -> dict[int, tuple[int, int]]:
        text = self._text
        feeds = list(scan.find_all(text, b"\f", 0, text.num_bytes))
        if feeds and feeds[-1] < text.num_bytes - 1:
            feeds.append(text.num_bytes)
        starts = [0] + [feed + 1 for feed in feeds[:-1]]
        return {number: span for number, span in enumerate(zip(starts, feeds, strict=False), 1)}
