"""Replies as models write them, and as whoever writes their context would like them to: fences, finals, thoughts, tool calls, quotes."""

from __future__ import annotations

import json

from hypothesis import strategies as st

PIECES = (
    "```", "~~~", "```repl\n", "```python\n", "```json\n", "````", "`", "\n", "\r", "\r\n", " ", "    ", "\t", "FINAL(",
    "FINAL: ", "**FINAL:** ", "FINAL_VAR(", "FINAL_VAR: x", ")", "(", "'", '"', "'''", '"""', "\\", "<think>", "</think>",
    "<thinking>", "</thinking>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<invoke x>", "</invoke>",
    "<function_calls>", "<function=f>", "{", "}", "[", "]", ":", ",", "x = 1", "print(P)", "FINAL(x)", "é", "\ud800", "\0",
    "\ufeff", "\u2028", "\x0b", "\x85", "it's", '5" disk', "> ", "- ", "1. ",
)  # fmt: skip
_TIMES = 400


def replies() -> st.SearchStrategy[str]:
    """Replies of all kinds: pieces that a parser looks for, well-formed ones, one JSON object, short ones many times over."""
    pieces = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
    repeated = st.builds(
        lambda text, times: text * times, st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), _counts()
    )
    return st.one_of(
        pieces, ordinary_replies(), structured_replies(), repeated, st.tuples(pieces, repeated, pieces).map("".join), st.text(max_size=60)
    )


def ordinary_replies() -> st.SearchStrategy[str]:
    """Prose, cells and maybe a final answer, as a model that knows what it does writes them."""
    code = st.sampled_from(["x = 1", "print(P[:100])", "for m in ctx.find('a'):\n    print(m)", "FINAL(x)", "s = '''\n```\n'''", ""])
    cell = st.builds(
        lambda fence, code: f"{fence}\n{code}\n{fence[:3]}\n", st.sampled_from(["```repl", "```python", "~~~py", "```", "```text"]), code
    )
    final = st.builds(
        lambda head, body: f"{head}{body}" + (")" if head.endswith("(") else ""), st.sampled_from(["FINAL(", "FINAL: ", "FINAL_VAR("]), code
    )
    thought = st.builds(lambda text: f"<think>\n{text}\n</think>\n", cell | final)
    prose = st.sampled_from(["Let me look at it.\n", "I am sure: it's done.\n", "> FINAL(quoted)\n", "Use `FINAL(x)` at the end.\n"])
    return st.lists(st.one_of(prose, cell, final, thought), max_size=6).map("".join)


def structured_replies() -> st.SearchStrategy[str]:
    """One JSON object, its fields as they should be or of other types, whole or cut off."""
    field = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=3))
    names = st.sampled_from(["reasoning", "code", "is_final", "final_answer", "other"])
    whole = st.dictionaries(names, field, max_size=5).map(json.dumps)
    nested = st.integers(0, 2_000).map(lambda depth: '{"final_answer": ' + "[" * depth + "]" * depth + "}")
    framed = st.builds(
        lambda frame, text: frame.format(text), st.sampled_from(["{}", "```json\n{}\n```", " {}\n", "{}}}", "{{{}"]), whole | nested
    )
    return st.one_of(framed, st.builds(lambda text, end: text[:end], framed, st.integers(0, 80)))


def _counts() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(1, 20), st.integers(1, _TIMES))
