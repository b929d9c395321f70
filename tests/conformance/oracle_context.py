"""`ctx` and the names around it over an ordinary str: what near functions should give, written as plainly as possible."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import context_reference as reference

Match = tuple[int, int, str]
SEPARATOR = "\n\n---\n\n"
"""What stands between two documents in the whole text."""


class Ctx:
    """What a cell calls `ctx`, over documents that are ordinary str."""

    def __init__(self, documents: list[str]) -> None:
        self._documents, self._text = documents, SEPARATOR.join(documents)

    def len_chars(self) -> int:
        return len(self._text)

    def num_documents(self) -> int:
        return len(self._documents)

    def get_document(self, i: int) -> str | None:
        return self._documents[i] if -len(self._documents) <= i < len(self._documents) else None

    def document_lengths(self) -> list[int]:
        return [len(document) for document in self._documents]

    def slice(self, start: int = 0, end: int | None = None) -> str:
        return self._text[max(0, start) : len(self._text) if end is None else max(0, end)]

    def find(self, pattern: str, regex: bool = False, max_matches: int = 20, case_sensitive: bool = True) -> list[Match]:
        if not isinstance(pattern, str):
            raise TypeError(f"ctx.find: pattern must be a str, not {type(pattern).__name__}")
        if max_matches < 1:
            raise ValueError(f"ctx.find: max_matches={max_matches}: must be at least 1")
        try:
            return reference.find(self._text, pattern, regex, max_matches, case_sensitive)
        except re.error as error:
            raise ValueError(f"ctx.find: not a regular expression: {error}") from None

    def chunk(self, size: int, overlap: int = 0) -> list[Match]:
        if size < 1 or not 0 <= overlap < size:
            raise ValueError(f"ctx.chunk: overlap={overlap} must be less than size={size}")
        return reference.chunk(self._text, size, overlap)

    def chunk_documents(self, docs_per_chunk: int = 10) -> list[tuple[int, int, list[str]]]:
        groups = range(0, len(self._documents), docs_per_chunk)
        ends = [min(first + docs_per_chunk, len(self._documents)) for first in groups]
        return [(first, last, self._documents[first:last]) for first, last in zip(groups, ends, strict=True)]

    def page(self, n: int) -> str | None:
        marked = re.split(r"<!-- Page (\d+) -->", self._text)
        if len(marked) > 1:
            return dict(zip(marked[1::2], marked[2::2], strict=True)).get(str(n))
        pages = self._text.split("\f") if "\f" in self._text else []
        return pages[n - 1] if 0 < n <= len(pages) else None

    def lines(self, a: int = 0, b: int | None = None) -> list[str]:
        return reference.lines(self._text)[max(0, a) : None if b is None else max(0, b)]

    def search(self, query: str, max_results: int = 10) -> list[Match]:
        """Good enough for texts of one passage each: windows of 1,000 characters, those with most of the words first."""
        words = set(re.findall(r"\w+", query.lower()))
        windows = reference.chunk(self._text, 1_000, 0)
        scores = [sum(word in window[2].lower() for word in words) for window in windows]
        best = sorted((at for at in range(len(windows)) if scores[at]), key=lambda at: -scores[at])
        return [windows[at] for at in best[:max_results]]

    def metadata(self) -> dict[str, Any]:
        several = len(self._documents) > 1
        about = {"total_length": self.len_chars(), "num_documents": self.num_documents()}
        kind = {"context_type": "document_list" if several else "string"}
        return kind | about | ({"document_lengths": self.document_lengths()} if several else {})


class NoContext:
    """Stands for `ctx` in a session without a context."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def refuse(*_args: Any, **_named: Any) -> None:
            raise RuntimeError("this session has no context")

        return refuse


def context_names(source: Any) -> dict[str, Any]:
    """The names that a cell finds for a context: a str, a list of them, or a dict of name to text."""
    if source is None:
        return {"ctx": NoContext()}
    documents = [source] if isinstance(source, str) else list(source.values() if isinstance(source, dict) else source)
    text = SEPARATOR.join(documents)

    def extract_after(marker: str, max_len: int = 128) -> str | None:
        if not marker:
            raise ValueError("extract_after: marker is empty; use peek(n) for the beginning")
        _, found, rest = text.partition(marker)
        return rest[:max_len] if found else None

    files = [{"name": name, "size": len(document)} for name, document in source.items()] if isinstance(source, dict) else []
    return {
        **dict.fromkeys(("P", "context", "CONTEXT"), text),
        "ctx": Ctx(documents),
        "FILES": files,
        "peek": lambda n=2000: text[:n],
        "tail": lambda n=2000: text[max(0, len(text) - n) :],
        "lenP": lambda: len(text),
        "extract_after": extract_after,
    }
