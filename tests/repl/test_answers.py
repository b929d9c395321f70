"""`answer` and what else gives the final answer: where hostile values stand in it, where time runs out, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from responsive import responsive_loop

from cellblock.limits import ExecLimits
from cellblock.repl.session import Session, open_session

pytestmark = pytest.mark.anyio
SHORT = ExecLimits(wall_seconds=0.5)
WHOLE_PYTHON = ("restricted", "wasi")
"""Where classes may inherit and are asked for special methods."""

DERIVED = """
class Sly(dict):
    def get(self, *names):
        raise ValueError("asked")
    __getitem__ = __contains__ = __setitem__ = __bool__ = get
answer = Sly(content=1, ready=True)
"""
KEY = """
class Key:
    def __hash__(self):
        return hash("ready")
    def __eq__(self, other):
        {body}
answer = {{Key(): 1, "content": 2}}
"""
CONTENT = """
class Number(int):
    pass
class Text(str):
    def __repr__(self):
        raise ZeroDivisionError("asked")
class Sly(str):
    def __str__(self):
        raise ZeroDivisionError("asked")
class Row(list):
    pass
def finish(value):
    answer["content"], answer["ready"] = value, True
finish([Number(5), Text("t"), Row([1])])
"""


@pytest.mark.parametrize("sandbox", WHOLE_PYTHON, indirect=True)
async def test_a_class_derived_from_dict_is_an_ordinary_variable(repl: Session) -> None:
    result = await repl.exec(DERIVED)
    assert (result.error, result.has_final) == (None, False)


@pytest.mark.parametrize("sandbox", WHOLE_PYTHON, indirect=True)
async def test_a_key_that_fails_when_it_is_compared_is_an_error_of_the_cell(repl: Session) -> None:
    result = await repl.exec(KEY.format(body="raise ZeroDivisionError('compared')"))
    assert result.error is not None and result.error.kind == "ZeroDivisionError"
    assert result.error.message.startswith("answer: compared")
    assert (await repl.exec("answer = 7")).error is None


@pytest.mark.parametrize("sandbox", WHOLE_PYTHON, indirect=True)
async def test_a_key_that_never_says_what_it_is_runs_into_the_limit_of_its_cell(repl: Session) -> None:
    async with responsive_loop():
        result = await repl.exec("x = 41" + KEY.format(body="while True: pass"), limits=SHORT)
    assert result.error is not None and result.error.limit == "wall_seconds"
    assert (await repl.exec("answer = 0\nx + 1")).value_preview == "42"


@pytest.mark.parametrize("sandbox", WHOLE_PYTHON, indirect=True)
async def test_values_of_derived_classes_are_given_as_what_they_are_made_of(repl: Session) -> None:
    result = await repl.exec(CONTENT)
    assert (result.error, result.final) == (None, [5, "t", [1]])
    assert isinstance(result.final, list)
    assert [type(item) for item in result.final] == [int, str, list]
    result = await repl.exec("finish(Sly('s'))")
    assert result.error is not None and (result.error.kind, result.has_final) == ("ZeroDivisionError", False)


async def test_a_large_answer_crosses_or_is_refused_in_its_cell(repl: Session) -> None:
    result = await repl.exec("answer['content'], answer['ready'] = 'é' * 1_000_000, True")
    assert result.final == "é" * 1_000_000
    result = await repl.exec("answer['content'], answer['ready'] = [0] * 200_000, True")
    assert result.error is not None and "100,000 items" in result.error.message
    assert not result.has_final


async def test_an_answer_is_there_again_after_its_worker_was_killed(repl: Session) -> None:
    await repl.exec("def finish(x):\n    answer['content'], answer['ready'] = x, True\nanswer['content'] = 'kept'")
    assert repl._standing.live is not None
    repl._standing.live.process.close()
    assert (await repl.exec("x = 1")).state == "rolled_back"
    result = await repl.exec("print(answer)\nfinish([1])")
    assert (result.stdout, result.final) == ("{'content': 'kept', 'ready': False}\n", [1])


async def test_an_answer_of_a_cell_that_was_rolled_back_does_not_come(sandbox: str) -> None:
    async with await open_session(sandbox) as repl:
        result = await repl.exec("answer['content'], answer['ready'] = 1, True\nwhile True: pass", limits=SHORT)
        assert result.error is not None and not result.has_final
        later = await repl.exec("x = 1")
        assert later.has_final == (result.state == "kept")


async def test_what_cells_print_while_answer_is_read_is_theirs(repl: Session) -> None:
    result = await repl.exec("print('one', end='')\nanswer['ready'] = True\nprint('two')")
    assert (result.stdout, result.has_final) == ("onetwo\n", True)


EMPTY: list[Any] = ["", 0, None, [], False, 0.0, {}, b""]
GIVEN_BY = {
    "FINAL": "FINAL({})",
    "SUBMIT": "SUBMIT({})",
    "FINAL_VAR": "value = {}\nFINAL_VAR('value')",
    "answer": "answer['content'] = {}\nanswer['ready'] = True",
    "another answer": "answer = {{'content': {}, 'ready': True}}",
}


@pytest.mark.parametrize("way", GIVEN_BY)
async def test_an_empty_answer_counts_and_keeps_its_type(way: str, repl: Session) -> None:
    for value in EMPTY:
        result = await repl.exec(GIVEN_BY[way].format(repr(value)))
        assert (result.error, result.has_final, repr(result.final)) == (None, True, repr(value)), value
