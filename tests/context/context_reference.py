"""What the near functions should give, in plain Python over the whole str; and the texts to try them on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import strategies as st

from cellblock.host.context import Context
from near import NearContext

# Few characters, so that patterns occur: one to four bytes, cased and not, lookalikes, combining, line ends, separators.
CHARACTERS = "aAbkKsSiI \n\r\f\t\x1c\x85éÉßµж漢\u0301\u0130\u0131\u017f\u212a\u2028😀𐐀𐐨"
mixed = st.text(alphabet=CHARACTERS, min_size=1, max_size=60)
ascii_texts = st.text(alphabet="aAbBkKsS1_-. \n\r\f\t\x1c\x1f\x00", min_size=1, max_size=60)
any_unicode = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
texts = mixed | ascii_texts | any_unicode


@st.composite
def long_texts(draw: st.DrawFn) -> str:
    """Several blocks long, with characters of any width across their edges."""
    piece = draw(mixed)
    filler = draw(st.sampled_from(["x", "é", "漢", "😀", "ab\n", "aé漢😀"]))
    lead = draw(st.integers(0, 5))
    repeats = draw(st.integers(4_080, 4_100)) // len(filler.encode()) * draw(st.integers(1, 4))
    return "y" * lead + filler * repeats + piece + filler * draw(st.integers(0, 3_000)) + draw(mixed)


@contextmanager
def mapped(source: object) -> Iterator[NearContext]:
    """A context as a worker sees it, unmapped at the end."""
    with Context.coerce(source) as context:
        near = NearContext(context.fd)
    try:
        yield near
    finally:
        near.close()


def find(text: str, pattern: str, regex: bool, max_matches: int, case_sensitive: bool) -> list[tuple[int, int, str]]:
    """`re` over the whole str."""
    if not pattern:
        return []
    compiled = re.compile(pattern if regex else re.escape(pattern), 0 if case_sensitive else re.IGNORECASE)
    return [(match.start(), match.end(), match.group()) for match in compiled.finditer(text)][:max_matches]


def chunk(text: str, size: int, overlap: int) -> list[tuple[int, int, str]]:
    """Windows, one after the other, until one reaches the end."""
    chunks, start = [], 0
    while True:
        end = min(len(text), start + size)
        chunks.append((start, end, text[start:end]))
        if end == len(text):
            return chunks
        start = end - overlap


def lines(text: str) -> list[str]:
    """All lines without their ends."""
    parts = text.split("\n")
    if not parts[-1]:
        parts.pop()
    return [part.removesuffix("\r") for part in parts]
