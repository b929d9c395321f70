"""Ranked search, and speed that no copy of the text could have."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from context_reference import mapped, texts
from hypothesis import given
from hypothesis import strategies as st

import near_search
from near import NearContext

Open = Callable[[object], NearContext]
FILLER = "Nothing of interest happens in this sentence, and then it ends.\n"


@given(texts, st.text(alphabet="aAkés ж漢", max_size=8), st.integers(1, 4))
def test_passages_are_places_of_the_text_that_hold_a_word(text: str, query: str, most: int) -> None:
    with mapped(text) as near:
        found = near.ctx.search(query, most)
    assert len(found) <= most
    for start, end, passage in found:
        assert text[start:end] == passage
        assert any(word in passage.lower() for word in near_search.query_words(query))


@pytest.mark.parametrize("repeats", [100, 90_000])
@pytest.mark.parametrize("word", ["zebra", "ЖИРАФ", "麒麟"])
def test_the_passage_with_the_rare_word_comes_first(near: Open, repeats: int, word: str) -> None:
    fact = f"The {word} sentence is about something."
    text = FILLER * repeats + fact + FILLER * repeats
    (start, end, passage), *_ = near(text).ctx.search(f"What is the sentence about the {word.lower()}?")
    assert fact in passage
    assert text[start:end] == passage


def test_more_of_the_words_rank_higher(near: Open) -> None:
    text = "\n".join(["alpha " + FILLER * 20, "beta " + FILLER * 20, "alpha and beta " + FILLER * 20])
    assert "alpha and beta" in near(text).ctx.search("alpha beta")[0][2]


def test_a_query_without_words_finds_nothing(near: Open) -> None:
    assert near(FILLER).ctx.search(" ?! ") == []
    assert near(FILLER).ctx.search("absent") == []


def test_common_words_count_only_when_alone() -> None:
    assert near_search.query_words("What is the Zebra?") == ["zebra"]
    assert near_search.query_words("who is who") == ["who", "is"]
    assert len(near_search.query_words(" ".join(f"w{number}" for number in range(99)))) == near_search.MAX_WORDS


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_large_context_is_searched_and_sliced_in_no_time(near: Open, letter: str) -> None:
    text = (f"The quick brown fox meets {letter} and leaves again.\n" * (2**26 // 45))[: 2**26]
    one = near(text)
    start = time.perf_counter()
    assert one.ctx.find("not there") == []
    assert one.whole.find("aab") == -1
    for at in range(0, len(text), len(text) // 100):
        assert one.ctx.slice(at, at + 9) == text[at : at + 9]
    # About 0.05 s; a copy per call would take ten times as long as this allows.
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize("needle", ["a" * 200 + "b", "b" + "a" * 200, "a" * 100 + "b" + "a" * 100, "a" * 5_000 + "b", "ab" * 300 + "c"])
def test_no_pattern_makes_a_search_quadratic(near: Open, needle: str) -> None:
    one = near("a" * 2**23)
    start = time.perf_counter()
    assert one.whole.find(needle) == one.whole.rfind(needle) == -1
    assert one.whole.count(needle) == 0
    assert one.ctx.find(needle.upper(), case_sensitive=False) == []
    # About 0.15 s; compared place by place, 2**23 times 200 characters take more than 100 s in Python, 2 s in C.
    assert time.perf_counter() - start < 1.5
