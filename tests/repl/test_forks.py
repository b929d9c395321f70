"""Copies of a worker, made by the kernel when the host says so, and never otherwise. The cells here are native code."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from cellblock.errors import LimitExceeded, SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl import session as sessions
from cellblock.repl.live import FrozenWorker
from cellblock.repl.session import open_session

pytestmark = pytest.mark.anyio
SHORT = ExecLimits(wall_seconds=0.3)
ANSWERS_WITHOUT_FORKING = """
import worker, socket
def lie(self):
    socket.recv_fds(self.connection, 1, 1)
    return False
worker.Worker._fork = lie
"""
SAYS_HELLO_ITSELF = """
import worker, socket, os, struct, msgspec
def lie(self):
    _, (connection,), _, _ = socket.recv_fds(self.connection, 1, 1)
    os.fork() or os._exit(0)
    data = msgspec.msgpack.encode({"t": "hello", "layers": {}})
    os.write(connection, struct.pack("<I", len(data)) + data)
    return False
worker.Worker._fork = lie
"""
SAYS_SOMETHING_ELSE = """
import worker, socket, os
def lie(self):
    _, (connection,), _, _ = socket.recv_fds(self.connection, 1, 1)
    if os.fork():
        return False
    os.write(connection, b"x" * 100)
    os.read(connection, 1)
worker.Worker._fork = lie
"""
COPY_DIES = """
import worker, socket, os
def lie(self):
    socket.recv_fds(self.connection, 1, 1)
    if os.fork():
        return False
    os._exit(0)
worker.Worker._fork = lie
"""


def children(pid: int) -> list[str]:
    return [child for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


async def test_a_fork_has_the_variables_and_goes_its_own_way(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec("x = [1]")
        async with await one.fork() as two, await two.fork() as three:
            await two.exec("x.append(2)")
            assert [(await each.exec("x")).value_preview for each in (one, two, three)] == ["[1]", "[1, 2]", "[1]"]


async def test_a_fork_outlives_the_session_that_it_came_from(naked: str) -> None:
    one = await open_session(naked)
    await one.exec("x = 1")
    two = await one.fork()
    await one.aclose()
    await two.exec("while True: pass", limits=SHORT)
    assert (await two.exec("x")).value_preview == "1"
    await two.aclose()


async def test_a_hundred_megabytes_are_forked_without_a_copy(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec("x = bytearray(100_000_000)")
        with anyio.fail_after(5):
            async with await one.fork() as two:
                assert two._standing.live is not None and two._standing.live.process.private_bytes() < 50_000_000
                assert (await two.exec("len(x)")).value_preview == "100000000"


async def test_a_fork_that_nobody_asked_for_makes_no_process(naked: str) -> None:
    async with await open_session(naked) as one:
        assert one._standing.live is not None
        pid = one._standing.live.process.pid
        result = await one.exec("import os\nmade = os.fork()", limits=SHORT)
        assert result.error is not None and result.error.limit == "wall_seconds"
        assert (await one.exec("made")).error is not None
        base = one._standing.history.base
        assert isinstance(base, FrozenWorker)
        assert children(pid) == [str(base.live.process.pid)]  # ours, made at the limit


@pytest.mark.parametrize("flags", ["17", "0x11 | 0x100", "0x01200011 | 0x10000000", "0x4111", "0x10f00"])
async def test_no_other_way_of_making_processes_or_threads_is_left(naked: str, flags: str) -> None:
    async with await open_session(naked) as one:
        source = f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n[libc.syscall(56, {flags}, 0, 0, 0, 0), ctypes.get_errno()]"
        result = await one.exec(source, limits=SHORT)
        assert result.value_preview == "[-1, 1]", result


@pytest.mark.parametrize("lie", [ANSWERS_WITHOUT_FORKING, SAYS_HELLO_ITSELF, SAYS_SOMETHING_ELSE, COPY_DIES])
async def test_a_worker_that_lies_about_its_copy_is_broken(naked: str, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.live.FORK_SECONDS", 0.5)
    async with await open_session(naked) as one, await open_session(naked) as other:
        assert (await one.exec(lie)).error is None
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(SandboxBroken):
            await one.fork()
        assert len(os.listdir("/proc/self/fd")) <= before + 2 * 4  # spares come and go
        assert (await other.exec("1 + 1")).value_preview == "2"


async def test_a_fork_storm_is_capped_and_closing_makes_room(naked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "FAMILY", 3)
    async with await open_session(naked) as one:
        two = await one.fork()
        three = await two.fork()
        with pytest.raises(LimitExceeded, match="forks=3 exceeded"):
            await one.fork()
        await three.aclose()
        async with await one.fork():
            pass
        await two.aclose()


async def test_the_cap_holds_where_forks_are_loaded_dumps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "FAMILY", 2)
    async with await open_session() as one, await one.fork() as two:
        with pytest.raises(LimitExceeded, match="forks=2 exceeded"):
            await two.fork()
