"""`ctx.search`: passages ranked by the words of a query. No index: two passes, the second over the best blocks only."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator, Sequence

from near_text import MappedText

Passage = tuple[int, int, str]
PASSAGE_CHARS = 1_000
MAX_WORDS = 12
MAX_QUERY_CHARS = 10_000
_BLOCK = 2**16
_BLOCKS_KEPT = 64
_OVERLAP = 256
_K1 = 1.2
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about an and are as at be by did do does for from had has have how in into is it its of on or that the their there "
        "these they this to was were what when where which who whom why will with you your",
    )
)


def search(text: MappedText, query: str, max_results: int) -> list[Passage]:
    """The passages of about PASSAGE_CHARS characters that fit `query` best, the best one first.

    A passage's score is BM25's without length: the sum over the query's words of rarity times saturated frequency. Words
    count within longer ones and without regard to case; common English ones are left out if others remain. In a text of more
    than 4 MiB only passages of its 64 best blocks of 64 KiB are looked at.
    """
    words = query_words(query)
    if not words:
        return []
    starts = range(0, text.num_bytes, _BLOCK)
    kept = _best_blocks(text, words, starts) if len(starts) > _BLOCKS_KEPT else starts
    passages = [passage for start in kept for passage in _passages(text, start)]
    counts = [tuple(map(passage[2].lower().count, words)) for passage in passages]
    best = _best(counts, max_results)
    return [passages[at] for at in best]


def query_words(query: str) -> list[str]:
    """The distinct words that a query searches for, in lower case; at most MAX_WORDS."""
    words = list(dict.fromkeys(re.findall(r"\w+", query[:MAX_QUERY_CHARS].lower())))
    return ([word for word in words if word not in _COMMON] or words)[:MAX_WORDS]


def _best(counts: Sequence[tuple[int, ...]], wanted: int) -> list[int]:
    """Which of `counts` score best, the best first, earlier ones first among equals; those without any word are left out."""
    total = len(counts)
    rarity = [
        math.log(1 + (total - holding + 0.5) / (holding + 0.5))
        for holding in (sum(map(bool, column)) for column in zip(*counts, strict=True))
    ]
    scores = [sum(rare * seen * (_K1 + 1) / (seen + _K1) for rare, seen in zip(rarity, row, strict=True)) for row in counts]
    return heapq.nsmallest(wanted, (at for at in range(total) if scores[at] > 0), key=lambda at: (-scores[at], at))


def _best_blocks(text: MappedText, words: Sequence[str], starts: range) -> list[int]:
    spellings = [_spellings(word) for word in words]
    counts = []
    for start in starts:
        block = bytes(text.data[start : start + _BLOCK + _OVERLAP]).lower()
        counts.append(tuple(sum(map(block.count, ways)) for ways in spellings))
    return sorted(starts[at] for at in _best(counts, _BLOCKS_KEPT))


def _spellings(word: str) -> set[bytes]:
    # Lower-casing UTF-8 bytes reaches ASCII letters alone, so other scripts are tried in the usual three spellings.
    ways = {word, word.capitalize(), word.upper()}
    return {way.encode("utf-8", "replace").lower() for way in ways}


def _passages(text: MappedText, start: int) -> Iterator[Passage]:
    first = text.boundary(start)
    block = text.decode(first, text.boundary(min(start + _BLOCK, text.num_bytes)))
    char = text.char_at(first)
    at = 0
    while at < len(block):
        end = _passage_end(block, at)
        yield char + at, char + end, block[at:end]
        at = end


def _passage_end(block: str, start: int) -> int:
    end = start + PASSAGE_CHARS
    if end >= len(block):
        return len(block)
    for mark in ("\n", ". ", " "):
        cut = block.rfind(mark, start + PASSAGE_CHARS // 2, end)
        if cut >= 0:
            return cut + len(mark)
    return end
