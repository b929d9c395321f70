"""The contract of a session, on the real thing."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import weakref
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from cellblock.errors import ConfigError, SandboxUnavailable
from cellblock.host.context import Context
from cellblock.limits import ExecLimits
from cellblock.repl.protocol import CellError
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import close_all

pytestmark = pytest.mark.anyio


async def test_variables_persist_from_cell_to_cell(repl: Session) -> None:
    await repl.exec("x = 41")
    assert (await repl.exec("x + 1")).value_preview == "42"


async def test_output_before_an_exception_is_kept_and_so_are_variables(repl: Session) -> None:
    result = await repl.exec("print('seen')\ny = 5\n1 / 0")
    assert result.stdout == "seen\n"
    assert result.error is not None
    assert (result.error.kind, result.error.line, result.state) == ("ZeroDivisionError", 3, "kept")
    assert result.changed == ("y",)
    assert (await repl.exec("y")).value_preview == "5"


async def test_a_passed_wall_limit_keeps_the_variables_of_earlier_cells(repl: Session) -> None:
    await repl.exec("x = [1]\ndef f():\n    return x")
    result = await repl.exec("x.append(2)\nwhile True: pass", limits=ExecLimits(wall_seconds=0.2))
    assert result.state == ("kept" if find_sandbox(repl.sandbox).facts.soft_limits else "rolled_back")
    assert (await repl.exec("f()")).value_preview == ("[1, 2]" if result.state == "kept" else "[1]")


async def test_a_roll_back_gives_recorded_answers_again_and_calls_nobody_twice(sandbox: str) -> None:
    calls: list[str] = []

    async def llm_query(prompt: str) -> str:
        calls.append(prompt)
        return f"answer {len(calls)}"

    async with await open_session(sandbox, externals={"llm_query": llm_query}) as session:
        await session.exec("a = llm_query('one')\nb = llm_query('two')")
        await session.exec("while True: pass", limits=ExecLimits(wall_seconds=0.2))
        assert (await session.exec("[a, b]")).value_preview == "['answer 1', 'answer 2']"
    assert calls == ["one", "two"]


async def test_a_roll_back_gives_values_as_they_were_when_they_crossed(sandbox: str) -> None:
    answer, given = [1], {"k": [1]}
    async with await open_session(sandbox, externals={"ask": lambda: answer}) as session:
        await session.exec("a = ask()")
        await session.set("g", given)
        answer.append(2)
        given["k"].append(2)
        await session.exec("while True: pass", limits=ExecLimits(wall_seconds=0.2))
        assert (await session.exec("[a, g]")).value_preview == "[[1], {'k': [1]}]"


async def test_a_killed_worker_is_replaced_with_its_state(repl: Session) -> None:
    await repl.exec("x = 7")
    assert repl._standing.live is not None
    os.kill(repl._standing.live.process.pid, signal.SIGKILL)
    result = await repl.exec("x")
    assert result.error is not None and (result.error.kind, result.state) == ("InterpreterCrashed", "rolled_back")
    assert (await repl.exec("x")).value_preview == "7"


async def test_a_worker_dies_with_all_that_it_started(repl: Session) -> None:
    assert repl._standing.live is not None
    pids = repl._standing.live.process.pids
    assert len(pids) == (2 if repl.sandbox == "monty" else 1)
    await repl.aclose()
    with anyio.fail_after(5):
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            await anyio.lowlevel.checkpoint()


async def test_an_externals_own_error_reaches_the_cell_and_a_foreign_one_is_redacted(sandbox: str) -> None:
    async def chosen() -> None:
        raise CellError("ValueError", "a message for the cell")

    async def foreign() -> None:
        raise OSError("/etc/the/path and the sk-key")

    async with await open_session(sandbox, externals={"chosen": chosen, "foreign": foreign}) as session:
        result = await session.exec("try:\n    chosen()\nexcept ValueError as e:\n    print(e)")
        assert result.stdout == "a message for the cell\n"
        result = await session.exec("foreign()")
        assert result.error is not None
        assert result.error.message == "foreign failed (OSError)"


ENDS = (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, BaseException, StopIteration)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("end", ENDS)
async def test_no_end_that_an_external_raises_is_the_hosts_end(end: type[BaseException], waits: bool) -> None:
    def at_once() -> None:
        raise end("x")

    async def after_a_while() -> None:
        await anyio.lowlevel.checkpoint()
        raise end("x")

    async with await open_session("restricted", externals={"tool": after_a_while if waits else at_once}) as session:
        result = await session.exec("tool()")
        assert result.error is not None and result.error.kind == "RuntimeError"
        assert "failed" in result.error.message
        assert (await session.exec("1 + 1")).value_preview == "2"


async def test_a_task_that_somebody_else_cancelled_does_not_cancel_who_waits_for_it() -> None:
    async def tool() -> None:
        other = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    async with await open_session("restricted", externals={"tool": tool}) as session:
        result = await session.exec("tool()")
        assert result.error is not None and "CancelledError" in result.error.message


async def test_a_cancellation_reaches_an_external_and_ends_its_cell() -> None:
    ended: list[str] = []
    began = anyio.Event()

    async def tool() -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("tool")

    async with await open_session("restricted", externals={"tool": tool}) as session, anyio.create_task_group() as group:
        group.start_soon(session.exec, "tool()")
        await began.wait()
        group.cancel_scope.cancel()
    assert ended == ["tool"]


async def test_values_cross_both_ways_as_plain_data(repl: Session) -> None:
    value = {"a": [1, -(2**70), 2.5, None, True, "é😀" * 5000, b"\x00\xff" * 5000], "b": {}}
    await repl.set("v", value)
    assert await repl.get("v") == value


async def test_a_tuple_crosses_as_a_list_and_a_set_is_a_clear_error(repl: Session) -> None:
    await repl.exec("t = (1, (2,))\ns = {1}\ndef f(): pass\nclass A: pass\na = A()")
    assert await repl.get("t") == [1, [2]]
    with pytest.raises(TypeError, match=r"set cannot cross; use sorted"):
        await repl.get("s")
    for name in ("f", "A", "a"):
        with pytest.raises(TypeError, match="cannot cross"):
            await repl.get(name)
    with pytest.raises(LookupError, match="nope"):
        await repl.get("nope")
    assert (await repl.exec("t")).value_preview == "(1, (2,))"


async def test_final_keeps_the_type_and_empty_answers_count(repl: Session) -> None:
    for source, value in (
        ("FINAL(0)", 0),
        ("FINAL('')", ""),
        ("FINAL({'a': [1.5, None]})", {"a": [1.5, None]}),
        ("x = 3\nFINAL_VAR('x')", 3),
    ):
        result = await repl.exec(source)
        assert result.has_final
        assert result.final == value and type(result.final) is type(value)


async def test_a_large_final_crosses_or_is_refused_in_the_cell(repl: Session) -> None:
    result = await repl.exec("FINAL(['a' * 100] * 9000)")
    assert result.final == ["a" * 100] * 9000
    result = await repl.exec("x = ['ab'] * 90_000\nFINAL_VAR('x')")
    assert not result.has_final
    assert result.error is not None and "one text" in result.error.message


async def test_a_call_from_native_code_says_what_to_do_instead() -> None:
    with Context.from_text("a text") as context:
        async with await open_session(context=context) as session:
            result = await session.exec("sorted([2, 1], key=lambda n: ctx.slice(0, n))")
            assert result.error is not None and "make a list in a loop first" in result.error.message
            assert (await session.exec("def size(x):\n    return str(type(x))\nlen = size\nlen(P)")).value_preview == "\"<class 'str'>\""


async def test_final_var_of_a_missing_name_is_an_error_that_names_it(repl: Session) -> None:
    result = await repl.exec("FINAL_VAR('missing')")
    assert not result.has_final
    assert result.error is not None and "missing" in result.error.message


async def test_a_fork_is_independent(repl: Session) -> None:
    await repl.exec("x = [1]")
    async with await repl.fork() as other:
        await other.exec("x.append(2)")
        assert (await other.exec("x")).value_preview == "[1, 2]"
        assert (await repl.exec("x")).value_preview == "[1]"


async def test_the_clock_stands_still_and_randomness_is_seeded(sandbox: str) -> None:
    cell = "import random, time, datetime\nprint(random.random(), time.time(), datetime.datetime.now(), datetime.date.today())"
    outputs = []
    for _ in range(2):
        async with await open_session(sandbox, seed=3, clock=1_700_000_000.0) as session:
            outputs.append((await session.exec(cell)).stdout)
    assert outputs[0] == outputs[1]
    assert "1700000000.0 2023-11-14 22:13:20 2023-11-14" in outputs[0]


async def test_a_worker_serves_one_session_only(sandbox: str) -> None:
    async with await open_session(sandbox) as first, await open_session(sandbox) as second:
        assert first._standing.live is not None and second._standing.live is not None
        assert not set(first._standing.live.process.pids) & set(second._standing.live.process.pids)


async def test_use_after_close_and_use_while_busy_are_clear_errors(sandbox: str) -> None:
    asked, answered = anyio.Event(), anyio.Event()

    async def wait() -> None:
        asked.set()
        await answered.wait()

    session = await open_session(sandbox, externals={"wait": wait})
    async with anyio.create_task_group() as group:
        group.start_soon(session.exec, "wait()")
        await asked.wait()
        with pytest.raises(ConfigError, match="busy"):
            await session.exec("x")
        answered.set()
    await session.aclose()
    await session.aclose()
    with pytest.raises(ConfigError, match="closed"):
        await session.exec("x")


async def test_cancellation_kills_the_worker_and_keeps_earlier_state(repl: Session) -> None:
    await repl.exec("x = 1")
    with anyio.move_on_after(0.1):
        await repl.exec("x = 2\nwhile True: pass")
    assert (await repl.exec("x")).value_preview == "1"


async def test_an_unknown_sandbox_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no sandbox named 'docker'; known: .*monty"):
        await open_session("docker")


async def test_a_missing_layer_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.opening.REQUIRED_LAYERS", ("namespaces", "moat"))
    with pytest.raises(SandboxUnavailable, match=r"moat \(not reported\)"):
        await open_session()
    async with await open_session(allow_weak_isolation=True) as session:
        assert session.layers["seccomp"] == "on"


async def test_a_cell_that_is_known_to_crash_an_interpreter_loses_nothing_before_it(repl: Session) -> None:
    await repl.exec("x = 1")
    result = await repl.exec("class B: pass\n[B, B()]")
    assert result.error is None or result.error.kind == "InterpreterCrashed", result
    assert (await repl.exec("x")).value_preview == "1"


async def test_closing_frees_descriptors(sandbox: str) -> None:
    async with await open_session(sandbox):
        pass
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        session = await open_session(sandbox)
        reference = weakref.ref(session)
        await session.exec("x = 1")
        await session.aclose()
        del session
    gc.collect()
    assert reference() is None
    assert len(os.listdir("/proc/self/fd")) <= before + 2 * 4  # spares come and go


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": "x"},
        {"seed": 2**70},
        {"limits": 5},
        {"limits": ExecLimits(memory_bytes=1)},
        {"limits": ExecLimits(memory_bytes=2**60)},
        {"context": "text"},
        {"externals": {"a b": print}},
        {"externals": {"len": print}},
        {"externals": {"foo": 3}},
    ],
)
async def test_a_wrong_argument_is_refused_where_it_is_given(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        await open_session(**wrong)


async def test_code_that_is_no_text_is_refused_and_the_session_goes_on(repl: Session) -> None:
    with pytest.raises(ConfigError, match="str is needed"):
        await repl.exec(5)  # type: ignore[arg-type]
    assert (await repl.exec("1 + 1")).value_preview == "2"


async def test_an_external_need_not_be_async(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"double": lambda x: 2 * x}) as session:
        assert (await session.exec("double(21)")).value_preview == "42"


async def test_an_interpreter_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/bin/true")
    with pytest.raises(SandboxUnavailable, match="interpreter did not start"):
        await open_session(tenant="somebody else")
    close_all()  # the broken zygote would go on trying to make spares
