"""Cells that are hostile by their mere text, and values that are hostile by their mere shape, on every sandbox."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from responsive import responsive_loop

from cellblock.errors import ConfigError
from cellblock.limits import ExecLimits
from cellblock.repl.session import Session, open_session

sys.path.append(str(Path(__file__).parents[1] / "proxy"))

from hostile_sources import SOURCES

pytestmark = pytest.mark.anyio
LIMITS = ExecLimits(wall_seconds=1.0)
BOMBS = {
    "nested lists": "[" * 90 + "]" * 90,
    "nested lists, too deep": "[" * 100_000,
    "nested comprehensions": "[" * 21 + "0" + " for a in b]" * 21,
    "nested lambdas": "lambda: " * 3_000 + "0",
    "nested f-strings": "f'{f\"{1}\"}'",
    "a chain of attributes": "x = 1\nx" + ".real" * 20_000,
    "a chain of comparisons": "1" + " < 1" * 20_000,
    "ten megabytes": "x = 1\n" * 1_700_000,
    "one line of ten megabytes": "x = '" + "a" * 10_000_000 + "'",
    "a NUL": "x = 1\x00",
    "a byte order mark": "\ufeffx = 1",
    "look-alike letters": "ｅｘｅｃ('1')",
    "look-alike underscores": "().__ｃlass__",
    "an end of line of another kind": "x = 1\u2028y = 2",
    "a coding cookie": "# -*- coding: utf-7 -*-\n+AF8-",
}
DEEP_IN_HERE = "x = []\nfor i in range(100_000):\n    x = [x]\n"
VALUES = {
    "a cycle": "x = []\nx.append(x)\n",
    "a doubling list": "x = [1]\nfor i in range(60):\n    x = [x, x]\n",
    "a deep list": DEEP_IN_HERE,
    "a huge int": "x = 10 ** 100_000\n",
    "a huge text": "x = 'é' * 40_000_000\n",
    "many items": "x = [0] * 3_000_000\n",
    "a set": "x = {1, 2}\n",
    "keys that are no texts": "x = {1: 2}\n",
    "a lone surrogate": "x = 'a' + chr(0xD800)\n",
    "a lone surrogate as key": "x = {chr(0xD800): 1}\n",
    "not a number": "x = [float('nan'), float('inf'), -0.0]\n",
    "an object": "class A:\n    pass\nx = A()\n",
    "a function": "def x():\n    pass\n",
}

WELCOME: dict[str, Any] = {
    "deep lists": [[[[]]]] * 1_000,
    "a dict": {"k" * 100: "v"},
    "a long text": "é😀" * 100_000,
    "long bytes": b"\xff" * 100_000,
    "a big int": 10**4_000,
    "floats": [1.5, float("inf"), None],
}
REFUSED: dict[str, Any] = {
    "a set": {1, 2},
    "keys that are no texts": {1: 2},
    "an object": object(),
    "a lone surrogate": "\ud800",
    "a huge int": 10**5_000,
    "too many items": [0] * 200_000,
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_hostile_text_ends_in_time_and_leaves_the_session(name: str, repl: Session) -> None:
    await harmless(repl, BOMBS[name])


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"a lone surrogate"}))
async def test_a_source_that_is_slow_deep_or_odd_leaves_the_session(name: str, repl: Session) -> None:
    await harmless(repl, SOURCES[name])


async def harmless(repl: Session, source: str) -> None:
    await repl.exec("kept = 41")
    started = time.perf_counter()
    async with responsive_loop():
        result = await repl.exec(source, limits=LIMITS)
    assert time.perf_counter() - started < LIMITS.wall_seconds + 1.0
    assert result.error is None or len(result.error.message) <= 4_000
    assert (await repl.exec("kept + 1")).value_preview == "42"


async def test_a_lone_surrogate_in_the_source_is_refused_before_it_is_sent(repl: Session) -> None:
    with pytest.raises(ConfigError, match="cannot cross"):
        await repl.exec("x = '\ud800'")
    assert (await repl.exec("1 + 1")).value_preview == "2"


WAYS_OUT = [
    "take(x)",
    "take(a=x)",
    "FINAL(x)",
    "FINAL_VAR('x')",
    "SUBMIT(x)",
    "x",
    "print(x)",
    "take({'k': [x]})",
    "answer['content'], answer['ready'] = x, True",
    "answer['ready'] = x",
]


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("name", VALUES)
async def test_a_hostile_value_on_its_way_out_harms_nobody(name: str, way: str, sandbox: str) -> None:
    taken: list[Any] = []
    async with await open_session(sandbox, externals={"take": lambda *args, **named: taken.append(args)}) as repl:
        await repl.exec("kept = 41")
        async with responsive_loop():
            result = await repl.exec(VALUES[name] + way, limits=LIMITS)
        assert result.error is None or result.error.kind
        assert (await repl.exec("kept + 1")).value_preview == "42"


@pytest.mark.parametrize("name", WELCOME)
async def test_a_value_on_its_way_in_arrives_whole(name: str, sandbox: str) -> None:
    value = WELCOME[name]
    async with await open_session(sandbox, externals={"give": lambda: value}) as repl:
        await repl.set("one", value)
        assert (await repl.exec("two = give()\none == two")).value_preview == "True"
        assert await repl.get("two") == value


@pytest.mark.parametrize("name", REFUSED)
async def test_a_value_that_cannot_cross_is_refused_by_the_host(name: str, repl: Session) -> None:
    with pytest.raises(TypeError):
        await repl.set("x", REFUSED[name])
    assert (await repl.exec("1 + 1")).value_preview == "2"


async def test_an_answer_that_cannot_cross_is_an_error_of_the_cell(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"give": lambda: {1, 2}}) as repl:
        result = await repl.exec("give()")
        assert result.error is not None and "cannot cross" in result.error.message
        assert (await repl.exec("1 + 1")).value_preview == "2"
