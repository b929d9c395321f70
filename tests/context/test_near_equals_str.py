"""Every near function gives what plain Python gives over the whole str."""

from __future__ import annotations

import re
from collections.abc import Iterator

import context_reference as reference
import pytest
from context_reference import ascii_texts, long_texts, mapped, mixed, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st

import near_scan
import near_whole
from cellblock.host import sealed

positions = st.none() | st.integers(-70, 70)
patterns = st.text(alphabet=reference.CHARACTERS, max_size=4) | st.text(alphabet="aAkKsS .", max_size=3)
REGEXES = [
    r"\w+",
    r"\s",
    r"\S+",
    r"[^a]",
    r"(a|b)+",
    r"a*",
    r"(?i)k",
    r"^.",
    r".$",
    r"(?m)^\w",
    r"\b",
    r"(?=a)",
    r"(.)\1",
    r"[A-z]",
    r"(?s).+",
]
REGEXES += [r"\x61", r"\u0061", r"\N{KELVIN SIGN}", r"(?a)\w", r"(?u:\w)", "é", r"[\x00-\xff]", r"(?x) a  b", r"a\.b", r"\Z", r"\d|\D"]


SIZES = [(near_scan, "WINDOW", 9), (near_scan, "_UNINTERRUPTED", 7), (near_scan, "_SPLIT_WINDOW", 8)]
SIZES += [(near_whole, "_STEP_CHARS", 10), (sealed, "PIECE", 61)]


@pytest.fixture(scope="module", autouse=True, params=["windows as shipped", "tiny windows"])
def windows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whether a text fits into one window or spans many: what is found must be the same."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, size in SIZES if request.param == "tiny windows" else []:
            patch.setattr(module, name, size)
        yield


def same(mine: object, theirs: object) -> None:
    assert mine == theirs
    assert type(mine) is type(theirs)


def outcome(function: object, *args: object) -> object:
    try:
        return function(*args)  # type: ignore[operator]
    except (ValueError, IndexError) as error:
        return type(error)


@given(texts, positions, positions)
def test_slices_are_the_strs(text: str, start: int | None, end: int | None) -> None:
    with mapped(text) as near:
        same(near.whole.slice(start, end), text[start:end])
        clamped = text[max(0, start or 0) : None if end is None else max(0, end)]
        same(near.ctx.slice(start or 0, end), clamped)


@given(texts, positions, positions, st.integers(-9, 9))
def test_stepped_slices_are_the_strs(text: str, start: int | None, end: int | None, step: int) -> None:
    with mapped(text) as near:
        assert outcome(near.whole.slice, start, end, step) == outcome(lambda *parts: text[slice(*parts)], start, end, step)


@given(texts, st.integers(-70, 70))
def test_items_are_the_strs(text: str, index: int) -> None:
    with mapped(text) as near:
        assert outcome(near.whole.item, index) == outcome(text.__getitem__, index)


@given(texts, patterns, positions, positions)
def test_searching_methods_of_p_are_the_strs(text: str, sub: str, start: int | None, end: int | None) -> None:
    with mapped(text) as near:
        for name in ("find", "rfind", "index", "rindex", "count", "startswith", "endswith"):
            same(outcome(getattr(near.whole, name), sub, start, end), outcome(getattr(text, name), sub, start, end))
        same(near.whole.contains(sub), sub in text)


@given(texts, st.lists(patterns, max_size=3))
def test_several_prefixes_and_suffixes_may_be_given(text: str, affixes: list[str]) -> None:
    with mapped(text) as near:
        same(near.whole.startswith(affixes), text.startswith(tuple(affixes)))
        same(near.whole.endswith(tuple(affixes)), text.endswith(tuple(affixes)))


@given(texts, patterns, st.integers(1, 5), st.booleans())
def test_a_literal_is_found_as_re_finds_it(text: str, pattern: str, max_matches: int, case_sensitive: bool) -> None:
    with mapped(text) as near:
        found = near.ctx.find(pattern, max_matches=max_matches, case_sensitive=case_sensitive)
    same(found, reference.find(text, pattern, False, max_matches, case_sensitive))


@pytest.mark.parametrize("pattern", ["k", "S", "i", "sk", "1", "µ", "ß", "ς", "İ", "ǆ", "Å", "漢", "é漢"])
def test_every_character_that_re_takes_for_a_letter_is_found_in_any_case(pattern: str) -> None:
    cased = [char for char in map(chr, range(0x11000)) if char.isalpha() and (char.lower() != char or char.upper() != char)]
    text = "".join(char * len(pattern) + "\n" for char in cased) + pattern.swapcase()
    with mapped(text) as near:
        same(near.ctx.find(pattern, case_sensitive=False), reference.find(text, pattern, False, 20, False))


@pytest.mark.parametrize("pattern", ["kk", "KKK", "aa", "éé", "kékék"])
def test_matches_do_not_overlap_where_windows_meet(pattern: str) -> None:
    for length in range(90):
        text = "x" * (length % 3) + pattern[:2] * length + "\u212a"
        with mapped(text) as near:
            for sensitive in (True, False):
                same(near.ctx.find(pattern, False, 1_000, sensitive), reference.find(text, pattern, False, 1_000, sensitive))
            same(near.whole.count(pattern), text.count(pattern))


@given(mixed | ascii_texts, st.sampled_from(REGEXES), st.booleans())
def test_a_regex_is_found_as_re_finds_it(text: str, pattern: str, case_sensitive: bool) -> None:
    with mapped(text) as near:
        found = near.ctx.find(pattern, regex=True, max_matches=100, case_sensitive=case_sensitive)
    same(found, reference.find(text, pattern, True, 100, case_sensitive))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(ascii_texts, st.from_regex(r"[ab.\\sSwWkK\[\]^$()|?*+]{1,8}", fullmatch=True), st.booleans())
def test_any_regex_over_ascii_is_found_as_re_finds_it(text: str, pattern: str, case_sensitive: bool) -> None:
    with mapped(text) as near:
        try:
            expected = reference.find(text, pattern, True, 100, case_sensitive)
        except re.error:
            with pytest.raises(ValueError, match="not a regular expression"):
                near.ctx.find(pattern, regex=True, case_sensitive=case_sensitive)
        else:
            same(near.ctx.find(pattern, regex=True, max_matches=100, case_sensitive=case_sensitive), expected)


@given(texts, st.integers(1, 30), st.integers(0, 29))
def test_chunks_follow_each_other_with_their_overlap(text: str, size: int, overlap: int) -> None:
    with mapped(text) as near:
        if overlap >= size:
            with pytest.raises(ValueError, match="must be less than size"):
                near.ctx.chunk(size, overlap)
        else:
            same(near.ctx.chunk(size, overlap), reference.chunk(text, size, overlap))


@given(texts | st.text(alphabet="a\n\r漢", min_size=1, max_size=60), st.integers(-3, 30), st.none() | st.integers(-3, 40))
@example("a\n" * 30, 12, 14)
@example("\n\n\r\n\n漢\n\n\r\n\n\nb\n\nc", 9, None)
def test_lines_are_counted_from_0(text: str, first: int, last: int | None) -> None:
    with mapped(text) as near:
        same(near.ctx.lines(first, last), reference.lines(text)[max(0, first) : None if last is None else max(0, last)])


@given(st.lists(st.tuples(st.integers(1, 4), mixed), max_size=5), mixed)
def test_markers_begin_pages_and_win_over_form_feeds(pages: list[tuple[int, str]], lead: str) -> None:
    text = lead + "".join(f"<!-- Page {number} -->{page}" for number, page in pages)
    with mapped(text) as near:
        for number in range(1, 5) if pages else []:
            same(near.ctx.page(number), next((page for marked, page in pages if marked == number), None))


@given(texts, st.integers(1, 6))
def test_form_feeds_end_pages(text: str, number: int) -> None:
    pages = text.split("\f") if "\f" in text else []
    if pages and not pages[-1]:
        pages.pop()
    with mapped(text) as near:
        same(near.ctx.page(number), pages[number - 1] if number <= len(pages) else None)


@given(texts, st.integers(0, 70))
def test_both_ends_can_be_looked_at(text: str, n: int) -> None:
    with mapped(text) as near:
        same(near.peek(n), text[:n])
        same(near.tail(n), text[len(text) - min(n, len(text)) :])
        assert near.length() == near.whole.len() == near.ctx.len_chars() == len(text)
        same(near.whole.text(), text)


@given(texts, patterns.filter(bool), st.integers(0, 20))
def test_the_text_after_a_marker_is_what_partition_gives(text: str, marker: str, max_len: int) -> None:
    _, there, after = text.partition(marker)
    with mapped(text) as near:
        same(near.extract_after(marker, max_len), after[:max_len] if there else None)


@given(st.lists(texts | st.just(""), min_size=1, max_size=8).filter(any), st.integers(1, 4))
def test_documents_keep_their_texts_and_lengths(documents: list[str], size: int) -> None:
    with mapped(documents) as near:
        ctx = near.ctx
        assert ctx.num_documents() == len(documents)
        same([ctx.get_document(i) for i in range(-len(documents), len(documents))], documents * 2)
        same(ctx.document_lengths(), [len(document) for document in documents])
        groups = [(at, min(at + size, len(documents)), documents[at : at + size]) for at in range(0, len(documents), size)]
        same(ctx.chunk_documents(size), groups)
        same(near.whole.text(), "\n\n---\n\n".join(documents))
        assert ctx.get_document(len(documents)) is None
        assert ctx.get_document(-len(documents) - 1) is None


@settings(max_examples=60, deadline=None)
@given(long_texts(), st.data())
def test_offsets_are_right_at_the_edges_of_blocks(text: str, data: st.DataObject) -> None:
    edges = [0, len(text), *(len(text.encode()[:at].decode(errors="ignore")) for at in range(4096, len(text.encode()), 4096))]
    position = st.sampled_from(edges).flatmap(lambda edge: st.integers(edge - 3, edge + 3))
    with mapped(text) as near:
        for _ in range(5):
            start, end = data.draw(position), data.draw(position)
            same(near.whole.slice(start, end), text[start:end])
            sub = text[max(0, start) : max(0, start) + 3]
            same(near.whole.find(sub, start), text.find(sub, start))
            same(near.whole.rfind(sub, None, end), text.rfind(sub, None, end))
            same(near.whole.count(sub, start, end), text.count(sub, start, end))


@settings(max_examples=40, deadline=None)
@given(long_texts(), patterns.filter(bool), st.booleans())
def test_matches_far_apart_keep_their_offsets(text: str, pattern: str, case_sensitive: bool) -> None:
    with mapped(text) as near:
        found = near.ctx.find(pattern, max_matches=100_000, case_sensitive=case_sensitive)
    same(found, reference.find(text, pattern, False, 100_000, case_sensitive))


@settings(max_examples=20, deadline=None)
@given(long_texts(), st.integers(500, 3_000), st.integers(0, 400))
def test_chunks_of_long_texts_are_the_strs(text: str, size: int, overlap: int) -> None:
    with mapped(text) as near:
        same(near.ctx.chunk(size, overlap), reference.chunk(text, size, overlap))
