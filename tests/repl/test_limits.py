"""Every limit holds, whatever the cell does, and the host's event loop goes on meanwhile."""

from __future__ import annotations

import time

import anyio
import pytest
from responsive import responsive_loop

from cellblock.errors import ConfigError, SandboxError
from cellblock.limits import ExecLimits
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import Session, open_session

pytestmark = pytest.mark.anyio
WALL = ExecLimits(wall_seconds=0.5)


def state_after_a_limit(repl: Session) -> str:
    return "kept" if find_sandbox(repl.sandbox).facts.soft_limits else "rolled_back"


async def test_ten_megabytes_of_source_are_refused_or_end_in_time(repl: Session) -> None:
    started = time.perf_counter()
    async with responsive_loop():
        result = await repl.exec("x = 1\n" * 1_700_000, limits=WALL)
    assert result.error is not None
    assert time.perf_counter() - started < WALL.wall_seconds + 1.0


async def test_a_passed_wall_limit_is_a_result_that_names_it(repl: Session) -> None:
    result = await repl.exec("print('before')\nwhile True: pass", limits=ExecLimits(wall_seconds=0.2))
    assert result.error is not None and result.stdout == "before\n"
    assert (result.error.limit, result.state) == ("wall_seconds", state_after_a_limit(repl))


async def test_a_passed_memory_limit_keeps_earlier_variables(repl: Session) -> None:
    await repl.exec("x = 41")
    result = await repl.exec("y = ['a' * 1000 + str(i) for i in range(10 ** 7)]")
    assert result.error is not None and result.error.limit == "memory_bytes"
    assert (await repl.exec("print(x + 1)")).stdout == "42\n"


async def test_a_memory_limit_that_is_passed_inside_a_call_is_a_limit_too(repl: Session) -> None:
    result = await repl.exec("def f():\n    l = []\n    while True:\n        l.append('a' * 100000 + str(len(l)))\nf()")
    assert result.error is not None
    assert (result.error.limit, result.state) == ("memory_bytes", state_after_a_limit(repl))


async def test_a_state_that_is_too_large_to_dump_says_so_and_stays() -> None:
    async with await open_session("monty") as repl:
        await repl.exec("x = 'a' * 100_000_000")
        with pytest.raises(SandboxError, match="too large"):
            await repl.dump()
        assert (await repl.exec("len(x)")).value_preview == "100000000"


async def test_a_passed_cpu_limit_is_named(repl: Session) -> None:
    result = await repl.exec("while True: pass", limits=ExecLimits(cpu_seconds=0.3, wall_seconds=20))
    assert result.error is not None and result.error.limit == "cpu_seconds"


async def test_output_is_clipped_to_head_and_tail_with_a_count(repl: Session) -> None:
    result = await repl.exec("print('a' * 5000 + 'b' * 5000)", limits=ExecLimits(output_chars=100))
    assert result.stdout == "a" * 50 + "b" * 49 + "\n"
    assert result.stdout_dropped == 10_001 - 100


async def test_too_many_host_calls_are_refused_and_reported(sandbox: str) -> None:
    calls = []

    async def llm_query(prompt: str) -> str:
        calls.append(prompt)
        return "ok"

    async with await open_session(sandbox, externals={"llm_query": llm_query}) as session:
        result = await session.exec("for i in range(50):\n    llm_query('x')", limits=ExecLimits(host_calls=10))
        assert result.error is not None and "host_calls=10" in result.error.message
        assert len(calls) == 10
        swallowed = "for i in range(15):\n    try:\n        llm_query('x')\n    except RuntimeError:\n        pass"
        result = await session.exec(swallowed, limits=ExecLimits(host_calls=10))
        assert result.error is not None and result.error.limit == "host_calls"
        assert len(calls) == 20


async def test_time_that_the_host_takes_is_not_the_cells(sandbox: str) -> None:
    async def slow() -> str:
        await anyio.sleep(0.6)
        return "done"

    async with await open_session(sandbox, externals={"slow": slow}) as session:
        result = await session.exec("print(slow())", limits=ExecLimits(wall_seconds=0.4))
        assert (result.stdout, result.error) == ("done\n", None)
        assert result.usage.wall_seconds < 0.4


async def test_bytes_out_are_bounded(sandbox: str) -> None:
    async def take(text: str) -> None:
        return None

    async with await open_session(sandbox, externals={"take": take}) as session:
        result = await session.exec("for i in range(100):\n    take('x' * 1_000_000)", limits=ExecLimits(bytes_out=5_000_000))
        assert result.error is not None and result.error.limit == "bytes_out"


async def test_a_call_that_is_too_large_by_itself_does_not_reach_the_host(sandbox: str) -> None:
    taken: list[object] = []
    async with await open_session(sandbox, externals={"take": taken.append}) as session:
        result = await session.exec("take(['x' * 6_000_000])", limits=ExecLimits(bytes_out=5_000_000))
        assert result.error is not None and result.error.limit == "bytes_out"
    assert taken == []


async def test_limits_cannot_be_switched_off() -> None:
    with pytest.raises(ConfigError, match="wall_seconds=inf"):
        ExecLimits(wall_seconds=float("inf"))
    with pytest.raises(ConfigError, match="cannot be switched off"):
        ExecLimits(output_chars=None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="host_calls=0"):
        ExecLimits(host_calls=0)
