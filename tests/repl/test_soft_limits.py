"""A passed limit that the cell feels: it ends by an exception that it cannot catch, and what it did is kept."""

from __future__ import annotations

import anyio
import pytest

from cellblock.errors import SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl.meter import GRACE_SECONDS
from cellblock.repl.session import open_session

pytestmark = pytest.mark.anyio
SHORT = ExecLimits(wall_seconds=0.2)
FLOODS_WHAT_IS_KEPT = """
import gc, worker
for one in gc.get_objects():
    if type(one) is worker.Worker:
        end = 2 * one.wire.half + 8
        one.wire.mail[end:] = b"\\xff" * (len(one.wire.mail) - end)
"""
CATCHES_EVERYTHING = "kept = 1\nimport signal\nsignal.signal(10, signal.SIG_IGN)\nwhile True: pass"


async def test_what_the_cell_did_before_the_limit_is_kept(naked: str) -> None:
    async with await open_session(naked) as repl:
        result = await repl.exec("x = 1\nprint('seen')\nwhile True: x += 1", limits=SHORT)
        assert result.error is not None
        assert (result.stdout, result.error.kind, result.error.limit, result.state) == ("seen\n", "LimitExceeded", "wall_seconds", "kept")
        assert result.changed == ("x",)
        assert (await repl.exec("x > 1")).value_preview == "True"


async def test_processor_time_is_a_soft_limit_too(naked: str) -> None:
    async with await open_session(naked) as repl:
        result = await repl.exec("x = 1\nwhile True: pass", limits=ExecLimits(cpu_seconds=0.2))
        assert result.error is not None and (result.error.limit, result.state) == ("cpu_seconds", "kept")


async def test_a_roll_back_after_a_soft_limit_ends_where_the_cell_was_stopped(naked: str) -> None:
    async with await open_session(naked) as repl:
        await repl.exec("n = 0\nwhile True: n += 1", limits=SHORT)
        stopped_at = (await repl.exec("n")).value_preview
        await repl.exec("m = 5")
        killed = await repl.exec(CATCHES_EVERYTHING, limits=SHORT)
        assert killed.state == "rolled_back"
        assert (await repl.exec("[n, m]")).value_preview == f"[{stopped_at}, 5]"


async def test_a_cell_that_does_not_end_by_itself_is_killed_after_the_grace(naked: str) -> None:
    async with await open_session(naked) as repl:
        await repl.exec("kept = 0")
        result = await repl.exec(CATCHES_EVERYTHING, limits=SHORT)
        assert result.error is not None and (result.error.limit, result.state) == ("wall_seconds", "rolled_back")
        assert result.usage.wall_seconds < 0.2 + GRACE_SECONDS + 0.5
        assert (await repl.exec("kept")).value_preview == "0"


async def test_a_worker_cannot_claim_an_interrupt_that_never_was(naked: str) -> None:
    async with await open_session(naked) as repl:
        result = await repl.exec("from interpreter import Interrupted\nraise Interrupted")
        assert result.error is not None and result.error.limit is None
        assert (await repl.exec("1")).value_preview == "1"


async def test_a_call_in_the_grace_reaches_nobody(naked: str) -> None:
    calls: list[str] = []
    async with await open_session(naked, externals={"tell": calls.append}) as repl:
        result = await repl.exec("try:\n    while True: pass\nfinally:\n    tell('late')", limits=SHORT)
        assert result.error is not None and result.error.kind in ("RuntimeError", "LimitExceeded")
    assert calls == []


async def test_waiting_for_the_host_is_not_on_the_cells_clock(naked: str) -> None:
    async with await open_session(naked, externals={"wait": lambda: anyio.sleep(0.5)}) as repl:
        result = await repl.exec("wait()\n'done'", limits=SHORT)
        assert result.value_preview == "'done'"


async def test_a_late_signal_does_not_hit_the_next_cell(naked: str) -> None:
    async with await open_session(naked) as repl:
        assert repl._standing.live is not None
        for number in range(50):
            repl._standing.live._interrupt(repl._standing.live.last_id)
            assert (await repl.exec(f"x = {number}\nx")).value_preview == str(number)


@pytest.mark.parametrize("sandbox", ["restricted", "wasi"])
async def test_a_late_signal_that_arrives_in_the_next_cell_is_not_meant_for_it(sandbox: str) -> None:
    started = anyio.Event()
    async with await open_session(sandbox, externals={"begin": started.set}) as repl:
        await repl.exec("x = 0")
        live = repl._standing.live
        assert live is not None
        earlier = live.last_id

        async def late() -> None:
            await started.wait()
            for _ in range(20):
                live._interrupt(earlier)
                await anyio.sleep(0.005)

        async with anyio.create_task_group() as group:
            group.start_soon(late)
            result = await repl.exec("begin()\nfor i in range(1_000_000):\n    x += 1\nx")
        assert (result.error, result.value_preview) == (None, "1000000")


async def test_a_crash_of_the_interpreter_is_the_cells_result(naked: str) -> None:
    async with await open_session(naked) as repl:
        await repl.exec("x = 1")
        result = await repl.exec("print('before')\nx = 2\nimport ctypes\nctypes.string_at(0)")
        assert result.error is not None and (result.error.kind, result.state) == ("InterpreterCrashed", "rolled_back")
        assert (await repl.exec("x")).value_preview == "1"


async def test_a_lie_stays_a_broken_sandbox(naked: str) -> None:
    async with await open_session(naked) as repl:
        await repl.exec("x = 1")
        with pytest.raises(SandboxBroken):
            await repl.exec(
                "import gc, os, worker\n[os.write(o.wire.fd, b'\\xff' * 8) for o in gc.get_objects() if type(o) is worker.Worker]"
            )
        assert (await repl.exec("x")).value_preview == "1"


async def test_what_a_killed_cell_had_printed_is_not_lost(naked: str) -> None:
    async with await open_session(naked, externals={"tell": lambda: None}) as repl:
        result = await repl.exec("print('one')\ntell()\nprint('two')\nprint('é' * 3)\n" + CATCHES_EVERYTHING, limits=SHORT)
        assert (result.state, result.stdout) == ("rolled_back", "one\ntwo\nééé\n")


async def test_a_worker_that_lies_about_what_it_printed_gets_no_further_than_the_limit(naked: str) -> None:
    async with await open_session(naked) as repl:
        result = await repl.exec(FLOODS_WHAT_IS_KEPT + CATCHES_EVERYTHING, limits=ExecLimits(wall_seconds=0.2, output_chars=1_000))
        assert (result.state, result.stdout) == ("rolled_back", "\ufffd" * 1_000)
