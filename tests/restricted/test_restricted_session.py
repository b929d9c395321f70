# ruff: noqa: E501 - the cells are as dense as they come
"""Through the jail: limits that keep the variables, forks, dumps, memory, and a session that does not grow."""

from __future__ import annotations

import pytest

from cellblock.limits import ExecLimits
from cellblock.repl.session import open_session
from cellblock.repl.snapshot import left_out

pytestmark = pytest.mark.anyio
MIB = 2**20


async def test_a_passed_limit_keeps_the_variables() -> None:
    async with await open_session("restricted") as session:
        await session.exec("x = [1]")
        result = await session.exec("x.append(2)\nwhile True: pass", limits=ExecLimits(wall_seconds=0.2))
        assert result.error is not None and result.error.limit == "wall_seconds" and result.state == "kept"
        assert (await session.exec("x")).value_preview == "[1, 2]"


async def test_an_interrupt_that_is_swallowed_comes_again() -> None:
    async with await open_session("restricted") as session:
        await session.exec("x = 1")
        swallow = (
            "def f():\n    while True:\n        try:\n            while True: pass\n        finally:\n            continue\nx = 2\nf()"
        )
        result = await session.exec(swallow, limits=ExecLimits(wall_seconds=0.2))
        assert result.error is not None and result.error.limit == "wall_seconds"
        assert (await session.exec("x")).value_preview == ("2" if result.state == "kept" else "1")


@pytest.mark.parametrize("memory", [48 * MIB, 256 * MIB])
@pytest.mark.parametrize(
    "bomb",
    [
        "x = [0] * 10**10",
        "x = []\nwhile True: x.append('y' * 1_000_000)",
        "x = []\nwhile True: x.append([])",
        "d = {}\nwhile True: d[len(d)] = str(len(d))",
        "s = 'x'\nwhile True: s += s",
        "class A: pass\nx = []\nwhile True: x.append(A())",
    ],
)
async def test_memory_that_runs_out_is_a_limit_and_keeps_the_variables(bomb: str, memory: int) -> None:
    async with await open_session("restricted", limits=ExecLimits(memory_bytes=memory)) as session:
        await session.exec("kept = 41")
        result = await session.exec(bomb, limits=ExecLimits(memory_bytes=memory, wall_seconds=20, cpu_seconds=20))
        assert result.error is not None and result.error.limit == "memory_bytes", result.error
        assert result.state == "kept"
        await session.exec("x = d = s = None")
        assert (await session.exec("kept + 1")).value_preview == "42"
        assert (await session.exec(f"len(bytearray({memory // 2}))")).value_preview == str(memory // 2)


async def test_what_is_allowed_can_be_used() -> None:
    memory = 128 * MIB
    async with await open_session("restricted", limits=ExecLimits(memory_bytes=memory)) as session:
        assert (await session.exec(f"x = bytearray({memory - 8 * MIB})\nlen(x)")).error is None


async def test_a_fork_has_everything_and_is_apart() -> None:
    async with await open_session("restricted") as session:
        await session.exec("x = [1]\ng = (i for i in range(5))\nnext(g)\nclass A: pass\na = A()\nimport random\nrandom.seed(4)")
        async with await session.fork() as other:
            same = "(x, next(g), type(a) is A, random.random(), hash(a), id(x))"
            assert (await session.exec(same)).value_preview == (await other.exec(same)).value_preview
            await other.exec("x.append(2)")
            assert (await session.exec("x")).value_preview == "[1]"


async def test_a_dump_names_what_it_leaves_out() -> None:
    async with await open_session("restricted") as session:
        await session.exec("x = [1]\ng = (i for i in x)\ndef f(): return x")
        data = await session.dump()
        assert list(left_out(data)) == ["g"] and "generator" in left_out(data)["g"]
    async with await open_session("restricted", snapshot=data) as other:
        assert (await other.exec("f() is x, f()")).value_preview == "(True, [1])"


async def test_calls_cannot_be_made_while_a_state_is_loaded() -> None:
    async def ask(text: str) -> str:
        return text

    async with await open_session("restricted", externals={"ask": ask}) as session:
        assert (
            await session.exec("class A:\n    try:\n        x = ask('now')\n    except RuntimeError as e:\n        x = 'not yet'\na = A()")
        ).error is None
        data = await session.dump()
    async with await open_session("restricted", externals={"ask": ask}, snapshot=data) as other:
        assert (await other.exec("a.x")).value_preview == "'now'"


async def test_many_cells_do_not_make_a_session_grow() -> None:
    async with await open_session("restricted") as session:
        first = 0
        for number in range(3_000):
            result = await session.exec(f"def f(x):\n    return x + {number}\nclass A:\n    v = f({number})\ny = f(1), A()\n'{number}'")
            if number == 1_000:
                first = result.usage.peak_memory_bytes
        assert result.usage.peak_memory_bytes < first + 6 * MIB


async def test_codecs_and_lazy_modules_are_there_behind_the_jail() -> None:
    code = (
        "import datetime, collections, statistics, decimal, uuid, calendar, unicodedata, time\n"
        "r = ['é'.encode(c) for c in ('latin-1', 'cp1252', 'utf-16', 'utf-32', 'utf-8-sig', 'idna', 'mac-roman')]\n"
        "r += [b'abc'.decode('ascii'), datetime.datetime.strptime('2 Feb 2024', '%d %b %Y'), collections.Counter('aa').most_common(1),\n"
        "      statistics.median([decimal.Decimal(1)]), uuid.uuid3(uuid.NAMESPACE_DNS, 'a'), calendar.month_name[2], time.strftime('%Y'),\n"
        "      unicodedata.normalize('NFC', 'e\\u0301'), f'{1.5:n}', '{:%A}'.format(datetime.date(2024, 1, 1)), re.sub('(a)', r'<\\1>', 'a')]\n"
        "len(r)"
    )
    async with await open_session("restricted") as session:
        result = await session.exec(code)
        assert result.error is None and result.value_preview == "18"


async def test_an_unknown_encoding_is_an_ordinary_error() -> None:
    async with await open_session("restricted") as session:
        result = await session.exec("'a'.encode('no-such-thing')")
        assert result.error is not None and result.error.kind == "LookupError"
