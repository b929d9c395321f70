"""What a cell can use of the context: each name and each alias of it gives what it promises, in a whole run on every sandbox."""

from __future__ import annotations

import pytest

from cellblock import ExecLimits

from .stage import cell, error_of, play, value_of

pytestmark = pytest.mark.anyio

DOCUMENTS = {"a.txt": "alpha one", "b.txt": "béta 😀 two", "c.txt": "gamma three"}
LONG = "0123456789" * 4_000_000
SMALL = ExecLimits(memory_bytes=8 * 2**20)


@pytest.mark.parametrize("name", ["P", "context", "CONTEXT"])
async def test_p_and_its_aliases_are_the_whole_text(sandbox: str, name: str) -> None:
    code = "FINAL([len(P), P[1:4], P[-3:], P.find('d'), P.find('zz'), 'cd' in P, P[:], P.upper(), P + '!'])".replace("P", name)
    assert await value_of(sandbox, code.replace(f".u{name}", ".up"), context="abcdé") == [
        5, "bcd", "cdé", 3, -1, True, "abcdé", "ABCDÉ", "abcdé!",
    ]  # fmt: skip


async def test_p_answers_without_a_copy_of_the_text(sandbox: str) -> None:
    code = "FINAL([len(P), P[39_999_995:], P.find('x'), P.count('89'), 'yz' in P, peek(3), tail(3), ctx.slice(10, 13)])"
    value = await value_of(sandbox, code, context=LONG, exec_limits=SMALL)
    assert value == [40_000_000, "56789", -1, 4_000_000, False, "012", "789", "012"]


@pytest.mark.parametrize("code", ["x = str(P)", "x = P.upper()"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_full_copy_of_p_is_under_the_cells_memory_limit(sandbox: str, code: str, times: int) -> None:
    played = await play(sandbox, cell("y = 5"), cell(code), cell("FINAL([y, len(P)])"), context=LONG * times, exec_limits=SMALL)
    assert played.result.value == [5, len(LONG) * times]
    assert "memory" in (played.ended[1].error or "")


async def test_ctx_counts_characters_and_documents(sandbox: str) -> None:
    code = "FINAL([ctx.len_chars(), len(P), ctx.num_documents(), ctx.document_lengths()])"
    chars, length, count, lengths = await value_of(sandbox, code, context=DOCUMENTS)
    assert (chars, count, lengths) == (length, 3, [9, 10, 11])
    assert await value_of(sandbox, "FINAL([ctx.num_documents(), ctx.get_document(0)])", context="one") == [1, "one"]


async def test_ctx_get_document_is_none_past_the_end(sandbox: str) -> None:
    code = "FINAL([ctx.get_document(1), ctx.get_document(2), ctx.get_document(3), ctx.get_document(10**9)])"
    assert await value_of(sandbox, code, context=DOCUMENTS) == ["béta 😀 two", "gamma three", None, None]


async def test_ctx_slice_clamps(sandbox: str) -> None:
    code = "FINAL([ctx.slice(1, 3), ctx.slice(-5, 2), ctx.slice(3, 10**9), ctx.slice(4, 2), ctx.slice(start=5, end=6), ctx.slice(99, 100)])"
    assert await value_of(sandbox, code, context="añ😀def") == ["ñ😀", "añ", "def", "", "f", ""]


async def test_ctx_find_gives_start_end_and_text(sandbox: str) -> None:
    code = "FINAL([ctx.find('é'), ctx.find('E', False, 20, False), [P[s:e] for s, e, t in ctx.find('b.', regex=True)], ctx.find('zz')])"
    assert await value_of(sandbox, code, context="é bé 😀b1") == [[[0, 1, "é"], [3, 4, "é"]], [], ["bé", "b1"], []]


async def test_ctx_find_overlaps_nothing_and_finds_no_empty_pattern(sandbox: str) -> None:
    code = "FINAL([ctx.find('aa'), ctx.find('', regex=False), ctx.find('', regex=True)])"
    assert await value_of(sandbox, code, context="aaaaab") == [[[0, 2, "aa"], [2, 4, "aa"]], [], []]


async def test_ctx_find_stops_at_max_matches_and_takes_a_dot_literally(sandbox: str) -> None:
    code = "FINAL([len(ctx.find('a')), len(ctx.find('a', max_matches=3)), len(ctx.find('.')), len(ctx.find('A', case_sensitive=False))])"
    assert await value_of(sandbox, code, context="a" * 30) == [20, 3, 0, 20]


async def test_ctx_chunk_steps_by_size_less_overlap(sandbox: str) -> None:
    code = "FINAL([ctx.chunk(4), ctx.chunk(4, overlap=1), ctx.chunk(100, 99), ctx.chunk(2, 1)])"
    assert await value_of(sandbox, code, context="abcdéf") == [
        [[0, 4, "abcd"], [4, 6, "éf"]],
        [[0, 4, "abcd"], [3, 6, "déf"]],
        [[0, 6, "abcdéf"]],
        [[0, 2, "ab"], [1, 3, "bc"], [2, 4, "cd"], [3, 5, "dé"], [4, 6, "éf"]],
    ]


@pytest.mark.parametrize("arguments", ["3, 3", "3, overlap=4", "0"])
async def test_ctx_chunk_with_an_overlap_of_its_size_is_a_value_error(sandbox: str, arguments: str) -> None:
    assert (await error_of(sandbox, f"ctx.chunk({arguments})")).startswith("ValueError: ctx.chunk:")


async def test_ctx_chunk_documents_gives_first_last_and_texts(sandbox: str) -> None:
    code = "FINAL([ctx.chunk_documents(2), len(ctx.chunk_documents())])"
    assert await value_of(sandbox, code, context=["a", "b", "c"]) == [[[0, 2, ["a", "b"]], [2, 3, ["c"]]], 1]
    assert await value_of(sandbox, "FINAL([c[:2] for c in ctx.chunk_documents()])", context=["x"] * 21) == [[0, 10], [10, 20], [20, 21]]


async def test_ctx_page_lines_search_and_metadata(sandbox: str) -> None:
    text = "first\nsecond\fThe treaty of Utrecht\nthird\f"
    code = "FINAL([ctx.page(1), ctx.page(3), ctx.lines(0, 1), ctx.search('Which treaty?')[0], ctx.metadata()])"
    page, beyond, lines, (start, end, passage), metadata = await value_of(sandbox, code, context=text)
    assert (page, beyond, lines) == ("first\nsecond", None, ["first"])
    assert "treaty" in passage and text[start:end] == passage
    assert metadata == {"context_type": "string", "total_length": len(text), "num_documents": 1}


async def test_files_names_sizes_and_no_more(sandbox: str) -> None:
    sizes = [{"name": name, "size": len(text)} for name, text in DOCUMENTS.items()]
    assert await value_of(sandbox, "FINAL(FILES)", context=DOCUMENTS) == sizes
    assert await value_of(sandbox, "FINAL(FILES)", context="no file") == []


async def test_peek_tail_and_len_p(sandbox: str) -> None:
    code = "FINAL([peek(2), tail(2), lenP(), len(peek()), len(tail()), peek(0), tail(0), peek(10**9) == P[:]])"
    assert await value_of(sandbox, code, context="é" + "x" * 3_000 + "😀") == ["éx", "x😀", 3_002, 2_000, 2_000, "", "", True]


async def test_extract_after_asks_no_model(sandbox: str) -> None:
    code = "FINAL([extract_after('Name: '), extract_after('Name: ', 3), extract_after('Born: ', max_len=4), extract_after('no')])"
    played = await play(sandbox, cell(code), context="Name: Ada Lovelace" + "!" * 200)
    assert played.result.value == ["Ada Lovelace" + "!" * 116, "Ada", None, None]
    assert played.asked == []
