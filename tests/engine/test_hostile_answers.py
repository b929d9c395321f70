"""Answers and arguments that types are asked about: hostile values end as a line for the model, soon."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from responsive import holds_up_for

from cellblock.engine.calls.tool_calls import validated
from cellblock.engine.tools import Tool
from cellblock.engine.typed import Checked, answer_type
from cellblock.repl.protocol import CellError
from cellblock.values import Value

COLLIDING: list[Value] = [number * (2**61 - 1) for number in range(50_000)]
"""All have one hash."""


class Left(BaseModel):
    x: Left | Right | int


class Right(BaseModel):
    x: Left | Right | str


class Fragile(BaseModel):
    size: int

    def model_post_init(self, _: Any) -> None:
        raise KeyError(self.size)


class Record(BaseModel):
    id: int
    name: str
    tags: list[str]
    place: tuple[float, float]


def chain(length: int) -> Value:
    value: Value = []
    for _ in range(length):
        value = {"x": value}
    return value


def soon(wanted: object, value: Value, *, seconds: float) -> Checked:
    found: list[Checked] = []
    kind = answer_type(wanted)
    assert holds_up_for(lambda: found.append(kind.check(value)), tries=1) < seconds
    return found[0]


@pytest.mark.parametrize(
    ("wanted", "value", "problem"),
    [
        (set[int], COLLIDING, "it is made of more than 1,000 numbers of more than 18 digits; send fewer"),
        (dict[int, str], {str(number): "" for number in COLLIDING}, "it is made of more than 1,000 numbers"),
        (dict[str, frozenset[int]], {"a": [f" {number} " for number in COLLIDING]}, "it is made of more than 1,000 numbers"),
        (Left | Right, chain(30), "it is nested more than 12 deep; flatten it"),
        (dict[str, list[int]], {"k" * 200_000: ["x"] * 100}, "it is made of too many values under long keys"),
        (dict[str, dict[str, int]], {"k" * 1_000: {str(number): "x" for number in range(50_000)}}, "it is made of too many values"),
        (list[Left | Right | Record], [{}] * 99_000, "it is made of more than 15,625 lists and dicts"),
        (list[int], ["x"] * 99_000, "99000 values in it do not fit"),
        (list[int], "[" + '"x",' * 99_000 + "1]", "99000 values in it do not fit"),
        (list[str], "[" + "1," * 900_000 + "1]", "answer: Input should be a valid list"),
        (bytes, b"\xff", "it cannot be written as JSON; bytes have to be UTF-8"),
        (Any, {"a": [b"\xff"]}, "it cannot be written as JSON; bytes have to be UTF-8"),
        (Fragile, {"size": 1}, "the check of its type failed (KeyError)"),
        ({"enum": [1]}, "[" * 900 + "]" * 900, "answer: must be 1"),
        ({"uniqueItems": True, "type": "array"}, "[" * 900 + "]" * 900, "answer: must be a list, is a str"),
    ],
)
def test_a_hostile_answer_is_told_soon_what_is_wrong_with_it(wanted: object, value: Value, problem: str) -> None:
    checked = soon(wanted, value, seconds=1.0)
    assert (checked.problem or "").startswith(problem)
    assert checked.output is None


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (list[int], COLLIDING),
        (set[int], list(range(10**17, 10**17 + 50_000))),
        (set[int], COLLIDING[:1_000]),
        (dict[str, int], {str(number): 1 for number in range(50_000)}),
        (dict[str, list[int]], {"ids": COLLIDING}),
        (dict[str, list[int]], {"k" * 100: list(range(90_000))}),
        (list[Record], [{"id": number, "name": "n", "tags": ["a"], "place": [1.0, 2.0]} for number in range(11_000)]),
        (set[str], [f"2024-01-01 {number:012} started" for number in range(40_000)]),
    ],
)
def test_many_numbers_are_an_answer_where_nothing_hashes_them_or_none_can_collide(wanted: object, value: Value) -> None:
    assert soon(wanted, value, seconds=1.0).problem is None


def test_a_tool_is_not_called_with_numbers_that_would_freeze_the_host() -> None:
    def known(ids: set[int], names: dict[int, str]) -> bool:
        return bool(ids and names)

    tool = Tool.of(known)
    assert all(work.hashes for work in tool.work.values())
    with pytest.raises(CellError, match=r"known\(\): ids is made of more than 1,000 numbers"):
        validated(tool, {"ids": COLLIDING, "names": {}})
    with pytest.raises(CellError, match=r"known\(\): names is made of more than 1,000 numbers"):
        validated(tool, {"ids": [1], "names": {str(number): "" for number in COLLIDING}})
    assert validated(tool, {"ids": [1, 1], "names": {"2": "b"}}) == ([], {"ids": {1}, "names": {2: "b"}})
