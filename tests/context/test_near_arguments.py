"""What a cell may pass to a near function, and what it is told when it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import near_args
from near import MEMBERS, TOP_LEVEL, NearContext, near_functions

Open = Callable[[object], NearContext]
ODD: list[Any] = [None, True, 1.0, b"x", [], {}, ("x",), 2**70, -(2**70), "", "x", "\ud800", float("nan"), range(3)]
TEXT = ["one é", "two"]


@pytest.mark.parametrize("name", sorted([*TOP_LEVEL, *(f"{kind}__{member}" for kind in MEMBERS for member in MEMBERS[kind])]))
def test_odd_arguments_are_answered_or_refused_plainly(near: Open, name: str) -> None:
    function = near_functions(near(TEXT))[name]
    for args in [(), *((odd,) for odd in ODD), *((first, second) for first in ODD for second in ODD)]:
        try:
            function(*args)
        except (TypeError, ValueError, IndexError) as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 300


def test_the_flat_names_are_those_of_the_members(near: Open) -> None:
    flat = {f"{kind}__{member}" for kind in MEMBERS for member in MEMBERS[kind]}
    assert set(near_functions(near(TEXT))) == flat | TOP_LEVEL
    assert {"len_chars", "num_documents", "get_document", "document_lengths", "slice", "find", "chunk"} < MEMBERS["ctx"]
    assert {"chunk_documents", "page", "lines", "search", "metadata"} < MEMBERS["ctx"]


def test_a_bool_is_no_int_and_an_int_is_no_bool(near: Open) -> None:
    ctx = near(TEXT).ctx
    with pytest.raises(TypeError, match=r"^ctx\.find: max_matches must be an int, not bool"):
        ctx.find("x", max_matches=True)
    with pytest.raises(TypeError, match=r"^ctx\.find: regex must be True or False, not int"):
        ctx.find("x", regex=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a**", "(?P<x>a)(?P<x>b)", "\\", "(?L)a", "(?<=a+)b", "a{99999999999}", "(" * 5_000, "x" * 20_001 + "?"]
)
def test_a_broken_regex_is_one_line_that_says_so(near: Open, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^ctx\.find: (not a|a regular)[^\n]*$"):
        near(TEXT).ctx.find(pattern, regex=True)


@pytest.mark.parametrize("most", [0, -1, 100_001, 2**70])
def test_matches_are_bounded_in_number(near: Open, most: int) -> None:
    with pytest.raises(ValueError, match=r"max_matches=.*: must be at (least 1|most 100,000)"):
        near(TEXT).ctx.find("x", max_matches=most)


def test_results_are_bounded_in_characters(near: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("near_find.MAX_CHARS", 1_000)
    monkeypatch.setattr(near_args, "MAX_CHARS", 1_000)
    ctx = near(["ab\n" * 400, "cd\n" * 300]).ctx
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: ctx.find("(?s).+", regex=True), "use fewer max_matches"),
        (lambda: ctx.find("ab\n", max_matches=400), "use fewer max_matches"),
        (lambda: ctx.find(r"AB\s", regex=True, max_matches=400, case_sensitive=False), "use fewer max_matches"),
        (lambda: ctx.chunk(100), r"use a larger size, or ctx\.slice\(start, end\) in a loop"),
        (lambda: ctx.chunk_documents(), r"use ctx\.get_document\(i\) in a loop"),
        (lambda: ctx.lines(0), "ask for fewer at a time"),
    ]
    for call, advice in calls:
        with pytest.raises(ValueError, match=advice):
            call()
    assert len(ctx.find("ab\n", max_matches=300)) == 300
    assert len(ctx.lines(0, 300)) == 300


def test_small_chunks_of_a_large_context_are_refused_before_they_are_built(near: Open) -> None:
    ctx = near("x" * 1_000_000).ctx
    with pytest.raises(ValueError, match=r"ctx\.chunk gives 1,000,000 items; at most 100,000 are returned"):
        ctx.chunk(1)
    with pytest.raises(ValueError, match=r"gives 90,900,000 characters; at most 33,554,432 are returned"):
        ctx.chunk(101_000, 100_000)
    assert len(ctx.chunk(10)) == 100_000


def test_every_line_of_a_large_context_is_refused(near: Open) -> None:
    ctx = near("\n" * 100_001).ctx
    with pytest.raises(ValueError, match=r"ctx\.lines gives 100,001 items"):
        ctx.lines()
    assert ctx.lines(100_000, 10**30) == [""]


def test_a_negative_document_counts_from_the_end(near: Open) -> None:
    ctx = near(["a", "b", "c"]).ctx
    assert (ctx.get_document(-1), ctx.get_document(-3), ctx.get_document(-4), ctx.get_document(3)) == ("c", "a", None, None)


def test_an_empty_pattern_is_found_nowhere(near: Open) -> None:
    ctx = near(TEXT).ctx
    assert ctx.find("") == ctx.find("", regex=True) == ctx.find("", case_sensitive=False) == []


def test_a_lone_surrogate_is_found_nowhere(near: Open) -> None:
    one = near(TEXT)
    assert (
        one.ctx.find("\ud800")
        == one.ctx.find("\ud800", case_sensitive=False)
        == one.ctx.find("e\ud800?", regex=True, max_matches=1)[1:]
        == []
    )
    assert (one.whole.find("\ud800"), one.whole.count("\ud800"), one.extract_after("\ud800")) == (-1, 0, None)


def test_metadata_tells_kind_and_sizes(near: Open) -> None:
    assert near("text").ctx.metadata() == {"context_type": "string", "total_length": 4, "num_documents": 1}
    several = near(["ab", "c"]).ctx.metadata()
    assert several == {"context_type": "document_list", "total_length": 10, "num_documents": 2, "document_lengths": [2, 1]}
    assert "document_lengths" not in near(["x"] * 1_001).ctx.metadata()
