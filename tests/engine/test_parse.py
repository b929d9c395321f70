from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine.parse import MAX_CELLS, MAX_REPLY_CHARS, parse_reply
from cellblock.testing import replies


@pytest.mark.parametrize("language", ["repl", "python", "py", "", "Python", " repl ", "{python}", "python title=x"])
def test_a_fence_of_a_cell_language_is_a_cell(language: str) -> None:
    assert parse_reply(f"Let me look.\n```{language}\nx = 1\n```\n").cells == ("x = 1\n",)


@pytest.mark.parametrize("language", ["json", "text", "bash", "pycon", "pythonic", "output"])
def test_a_fence_of_another_language_is_no_cell(language: str) -> None:
    assert parse_reply(f"```{language}\nx = 1\n```\n").cells == ()


def test_all_cells_of_a_reply_are_found_in_order() -> None:
    reply = "```repl\na = 1\n```\nthen\n~~~py\nb = 2\n~~~\n```json\n{}\n```\n   ```\nc = 3\n   ```"
    assert parse_reply(reply).cells == ("a = 1\n", "b = 2\n", "c = 3\n")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("````repl\nx = '''\n```\n'''\n````", "x = '''\n```\n'''\n"),
        ("~~~repl\n```\n~~~~", "```\n"),
        ("```repl\nx = 1\n~~~\n", "x = 1\n~~~\n"),
        ("```repl\nx = 1", "x = 1"),
        ("```repl\r\nx = 1\r\ny = 2\r\n```\r\n", "x = 1\ny = 2\n"),
        ("  ```repl\n  if x:\n      y()\n  ```", "if x:\n    y()\n"),
        ("```repl\n```python\n```\n", "```python\n"),
        ("```repl\nx = 1\n    ```\n```", "x = 1\n    ```\n"),
        ("```repl\nx = 1\n``` \t\nrest", "x = 1\n"),
    ],
)
def test_fences_open_and_close_as_in_commonmark(reply: str, code: str) -> None:
    assert parse_reply(reply).cells == (code,)


@pytest.mark.parametrize("reply", ["    ```repl\nx\n", "use ```repl x``` here", "```repl `x`\ntext", "``repl\nx\n``", "```repl\n \n```"])
def test_what_is_no_fence_or_is_empty_is_no_cell(reply: str) -> None:
    assert parse_reply(reply).cells == ()


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("FINAL(42)", "42"),
        ("FINAL(0)", "0"),
        ('FINAL("")', ""),
        ("FINAL: Paris", "Paris"),
        ("FINAL (Paris)", "Paris"),
        ("FINAL(f(x) and (y))", "f(x) and (y)"),
        ("FINAL(a\nb) trailing words", "a\nb"),
        ("I am sure.\nFINAL(It's the dog)", "It's the dog"),
        ('FINAL("a ) b")', "a ) b"),
        (r'FINAL("say \"hi\"\nnow \d")', 'say "hi"\nnow \\d'),
        ("FINAL('''x\ny''')", "x\ny"),
        ('FINAL("a" + "b")', '"a" + "b"'),
        ('FINAL(5" disk (old)', None),
        ('FINAL(the 5" disk)', 'the 5" disk'),
        ("FINAL: first\n- second", "first\n- second"),
        ('FINAL(\n```json\n{"a": 1}\n```\n)', '```json\n{"a": 1}\n```'),
    ],
)
def test_a_text_final_gives_its_body(text: str, body: str | None) -> None:
    final = parse_reply(text).final
    assert (None if final is None else final.body) == body


@pytest.mark.parametrize("text", ["FINAL_VAR(answer)", "FINAL_VAR: answer", 'FINAL_VAR("answer")', "FINAL_VAR: answer\nThat is all."])
def test_a_text_final_var_names_a_variable(text: str) -> None:
    final = parse_reply(text).final
    assert final is not None
    assert (final.body, final.is_variable) == ("answer", True)


@pytest.mark.parametrize(
    "text",
    [
        "I would say FINAL(42)",
        "`FINAL(42)`",
        "FINALLY(42)",
        "FINAL_ANSWER(42)",
        "final(42)",
        "    FINAL(42)",
        "FINAL",
        "FINAL(42",
        "```text\nFINAL(42)\n```",
        "<think>\nFINAL(42)\n</think>\nWell.",
        "<tool_call>\nFINAL(42)\n</tool_call>",
    ],
)
def test_a_final_elsewhere_is_not_an_answer(text: str) -> None:
    assert parse_reply(text).final is None


@pytest.mark.parametrize("code", ["FINAL(42)\n", "x = '''\nFINAL(42)\n'''\n", "# FINAL: 42\n"])
def test_a_final_inside_a_cell_stays_in_the_cell(code: str) -> None:
    parsed = parse_reply(f"```repl\n{code}```")
    assert (parsed.cells, parsed.final) == ((code,), None)


def test_an_unclosed_final_is_reported() -> None:
    assert parse_reply("FINAL(the (answer").unbalanced_final


def test_nothing_given_is_told_from_an_empty_text() -> None:
    assert parse_reply("FINAL()").final.empty  # type: ignore[union-attr]
    assert not parse_reply('FINAL("")').final.empty  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "reply",
    [
        "<think>\n```repl\nbad()\n```\nFINAL(no)\n</think>\n```repl\ngood()\n```",
        "hm\n```repl\nbad()\n```\n</think>\n```repl\ngood()\n```",
        "<think>FINAL(no)</think>```repl\ngood()\n```",
        "<tool_call>\n```python\nbad()\n```\n</tool_call>\n```repl\ngood()\n```",
        '<function_calls>\n<invoke name="x">\n</invoke>\n</function_calls>\n```repl\ngood()\n```',
        "<tool_call>\n```repl\ngood()\n```",
    ],
)
def test_thoughts_and_imagined_tool_calls_are_left_out(reply: str) -> None:
    assert parse_reply(reply).cells == ("good()\n",)


def test_think_tags_inside_a_cell_are_text_of_the_cell() -> None:
    code = "x = '<think>'\ny = '''\n<think>\n</think>\n'''\n"
    assert parse_reply(f"```repl\n{code}```").cells == (code,)


def test_more_cells_than_may_run_are_counted() -> None:
    parsed = parse_reply("```repl\nx\n```\n" * (MAX_CELLS + 3))
    assert (len(parsed.cells), parsed.dropped_cells) == (MAX_CELLS, 3)


@given(replies())
def test_any_reply_is_taken_apart_without_an_error(reply: str) -> None:
    parsed = parse_reply(reply)
    assert all(code.strip() for code in parsed.cells)


@given(st.text(st.characters(exclude_characters="`\r\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_a_fenced_text_comes_back_as_it_was(code: str) -> None:
    assert parse_reply(f"```repl\n{code}\n```").cells == (code + "\n",)


@pytest.mark.parametrize(
    "piece",
    [
        "`",
        "```",
        "```\n",
        "~~~\n",
        "FINAL(\n",
        "FINAL('\n",
        "(",
        '"',
        "\\",
        "<think>\n",
        "<tool_call>\n",
        "<invoke ",
        " ",
        "\t",
        "\r",
        "</think>\n",
        "</think>",
        "<think></think>",
        "<invoke></invoke>",
        "<invoke>",
        "\n",
        "FINAL(",
    ],
)
def test_ten_megabytes_of_anything_take_seconds_at_most(piece: str) -> None:
    reply = "FINAL(" + piece * (10_000_000 // len(piece))
    started = time.process_time()
    parsed = parse_reply(reply)
    assert parsed.clipped
    assert len(parsed.text) <= MAX_REPLY_CHARS
    assert time.process_time() - started < 5  # one pass takes 1 to 2 s; two nested ones would take minutes


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("**FINAL(42)**", "42"),
        ("*FINAL(a * b)*", "a * b"),
        ("**FINAL:** Paris", "Paris"),
        ("**FINAL: Paris**", "Paris"),
        ("**FINAL**: Paris", "Paris"),
        ("**FINAL:** **Paris**", "**Paris**"),
        ("**FINAL_VAR(rows)**", "rows"),
        ("**FINAL_VAR: rows**\nThat is all.", "rows"),
        ("FINAL: **Paris**", "**Paris**"),
        ("FINAL(**kwargs)", "**kwargs"),
    ],
)
def test_a_final_in_bold_is_one(text: str, body: str) -> None:
    final = parse_reply(text).final
    assert final is not None
    assert final.body == body


@pytest.mark.parametrize("text", ["FINAL** (x)", "**FINAL* (x)", "I say **FINAL(x)**", "`FINAL(x)`"])
def test_other_marks_around_it_are_none(text: str) -> None:
    assert parse_reply(text).final is None
