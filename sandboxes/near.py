"""The near functions: what a cell asks of its context, answered inside the worker from a mapping that all workers share.

Trusted code over hostile arguments. Every argument's type is checked; every list is bounded; offsets are in characters.
What a call raises for the cell is TypeError, ValueError or IndexError with one line; MemoryError where a text does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import near_args as args
import near_scan as scan
from near_ctx import ContextObject
from near_text import MappedText
from near_whole import WholeText

MEMBERS: dict[str, frozenset[str]] = {
    name: frozenset(member for member in vars(kind) if not member.startswith("_"))
    for name, kind in (("ctx", ContextObject), ("P", WholeText))
}
"""The methods of each object that a cell sees. Flattened, `ctx.find` is `ctx__find`; of `P`, `len`, `slice`, `item` and `contains`
stand for the operators, and `text` for the whole str."""

TOP_LEVEL: frozenset[str] = frozenset({"peek", "tail", "lenP", "extract_after"})
"""The near functions that are no methods."""


class NearContext:
    """A run's context in one worker.

    Attributes:
        ctx: the methods of `ctx`.
        whole: the methods of `P`.
    """

    def __init__(self, fd: int) -> None:
        """Map the sealed file behind `fd`, which may be closed afterwards. Works under a filter that allows pread and mmap alone.

        Raises:
            ValueError: it is not a context's file.
            OSError: it cannot be mapped.
        """
        self._text = MappedText(fd)
        self.ctx, self.whole = ContextObject(self._text), WholeText(self._text)

    def files(self) -> list[dict[str, Any]]:
        """The value of `FILES`: name and size in characters of each named document."""
        names = map(self._text.document_name, range(self._text.num_documents))
        return [{"name": name, "size": size} for name, size in zip(names, self._text.document_chars(), strict=True) if name]

    def peek(self, n: int = 2000) -> str:
        """The first `n` characters."""
        return self._text.slice(0, min(args.integer("peek: n", n, least=0), self._text.num_chars))

    def tail(self, n: int = 2000) -> str:
        """The last `n` characters."""
        count = self._text.num_chars
        return self._text.slice(max(0, count - args.integer("tail: n", n, least=0)), count)

    def length(self) -> int:
        """`lenP()`."""
        return self._text.num_chars

    def extract_after(self, marker: str, max_len: int = 128) -> str | None:
        """Up to `max_len` characters that follow the first `marker`; None where there is no marker."""
        most = args.integer("extract_after: max_len", max_len, least=0)
        if not args.text("extract_after: marker", marker):
            raise ValueError("extract_after: marker is empty; use peek(n) for the beginning")
        needle = scan.encoded(marker)
        place = -1 if needle is None else scan.find(self._text, needle, 0, self._text.num_bytes)
        if needle is None or place < 0:
            return None
        start = self._text.char_at(place) + len(marker)
        return self._text.slice(start, min(start + most, self._text.num_chars))

    def close(self) -> None:
        """Unmap; any later call is a ValueError."""
        self._text.close()


def near_functions(context: NearContext) -> dict[str, Callable[..., Any]]:
    """Every near function by its flat name."""
    objects = {"ctx": context.ctx, "P": context.whole}
    flat = {f"{name}__{member}": getattr(objects[name], member) for name, members in MEMBERS.items() for member in sorted(members)}
    top = {"peek": context.peek, "tail": context.tail, "lenP": context.length, "extract_after": context.extract_after}
    return flat | top
