"""The methods of `ctx`, the context object of a cell."""

from __future__ import annotations

from typing import Any

import near_args as args
import near_parts
import near_search
from near_find import Finder, Match
from near_text import MappedText

METADATA_LENGTHS = 1_000


class ContextObject:
    """What a cell calls `ctx`. Offsets are in characters of the whole text; a pair is a start and an end that is not included."""

    __slots__ = ("_finder", "_lines", "_pages", "_text")

    def __init__(self, text: MappedText) -> None:
        self._text = text
        self._finder = Finder(text)
        self._lines, self._pages = near_parts.Lines(text), near_parts.Pages(text)

    def len_chars(self) -> int:
        """How many characters there are."""
        return self._text.num_chars

    def num_documents(self) -> int:
        """How many documents there are, at least 1."""
        return self._text.num_documents

    def get_document(self, i: int) -> str | None:
        """Document `i`, from 0; a negative one counts from the end, as in a list. None past either end."""
        number = args.integer("ctx.get_document: i", i)
        count = self._text.num_documents
        if number < 0:
            number += count
        return self._text.document(number) if 0 <= number < count else None

    def document_lengths(self) -> list[int]:
        """The documents' lengths in characters."""
        return self._text.document_chars()

    def slice(self, start: int = 0, end: int | None = None) -> str:
        """Characters `start` to `end`. Both are clamped to the text, so a negative one means its beginning; None means its end."""
        count = self._text.num_chars
        last = args.index("ctx.slice: end", end)
        return self._text.slice(max(0, args.integer("ctx.slice: start", start)), count if last is None else min(last, count))

    def find(self, pattern: str, regex: bool = False, max_matches: int = 20, case_sensitive: bool = True) -> list[Match]:
        """The first `max_matches` places where `pattern` occurs: (start, end, text), none overlapping. An empty pattern has none.

        Raises:
            ValueError: no regular expression, or the matches hold more than 32 Mi characters.
        """
        most = args.integer("ctx.find: max_matches", max_matches, least=1, most=args.MAX_ITEMS)
        sensitive = args.flag("ctx.find: case_sensitive", case_sensitive)
        return self._finder.find(args.text("ctx.find: pattern", pattern), args.flag("ctx.find: regex", regex), most, sensitive)

    def chunk(self, size: int, overlap: int = 0) -> list[Match]:
        """The text in windows of `size` characters: (start, end, text), each starting `overlap` before the last one's end.

        Raises:
            ValueError: `size` < 1, `overlap` < 0 or >= `size`, or the result would be too large.
        """
        step = args.integer("ctx.chunk: size", size, least=1)
        shared = args.integer("ctx.chunk: overlap", overlap, least=0)
        if shared >= step:
            raise ValueError(f"ctx.chunk: overlap={shared:,} must be less than size={step:,}")
        count = self._text.num_chars
        items = 1 + max(0, -((step - count) // (step - shared)))
        args.bounded("ctx.chunk", count + (items - 1) * shared, items, "use a larger size, or ctx.slice(start, end) in a loop")
        spans = ((start, min(start + step, count)) for start in range(0, items * (step - shared), step - shared))
        return [(start, end, self._text.slice(start, end)) for start, end in spans]

    def chunk_documents(self, docs_per_chunk: int = 10) -> list[tuple[int, int, list[str]]]:
        """The documents in groups of `docs_per_chunk`: (first, last, documents), `last` not included.

        Raises:
            ValueError: `docs_per_chunk` < 1, or the result would be too large.
        """
        size = args.integer("ctx.chunk_documents: docs_per_chunk", docs_per_chunk, least=1)
        text, count = self._text, self._text.num_documents
        args.bounded("ctx.chunk_documents", text.num_chars, count, "use ctx.get_document(i) in a loop")
        groups = ((first, min(first + size, count)) for first in range(0, count, size))
        return [(first, last, [text.document(i) for i in range(first, last)]) for first, last in groups]

    def page(self, n: int) -> str | None:
        """Page `n`, from 1, where pages are marked: `<!-- Page 7 -->` before each, else a form feed after each. None if there is none."""
        return self._pages.page(args.integer("ctx.page: n", n, least=1))

    def lines(self, a: int = 0, b: int | None = None) -> list[str]:
        """Lines `a` to `b` (not included), from 0, without line ends. Both are clamped as in `slice`; None means the last line.

        Raises:
            ValueError: more than 100,000 lines or 32 Mi bytes.
        """
        return self._lines.between(args.integer("ctx.lines: a", a), args.index("ctx.lines: b", b))

    def search(self, query: str, max_results: int = 10) -> list[Match]:
        """The passages that hold the query's words best: (start, end, text), the best one first."""
        most = args.integer("ctx.search: max_results", max_results, least=1, most=1_000)
        return near_search.search(self._text, args.text("ctx.search: query", query), most)

    def metadata(self) -> dict[str, Any]:
        """Kind, sizes, and for 2 to 1,000 documents their lengths."""
        count = self._text.num_documents
        about: dict[str, Any] = {
            "context_type": "string" if count == 1 else "document_list",
            "total_length": self._text.num_chars,
            "num_documents": count,
        }
        if 1 < count <= METADATA_LENGTHS:
            about["document_lengths"] = self._text.document_chars()
        return about
