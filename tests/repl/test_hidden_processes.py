"""What a broken worker makes of its forks, its idle time and its descriptors: nothing outlives a session or escapes its clocks."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import anyio
import pytest

from cellblock.errors import CellblockError, SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl.live import FrozenWorker
from cellblock.repl.session import Session, open_session

pytestmark = pytest.mark.anyio
SHORT = ExecLimits(wall_seconds=0.3, cpu_seconds=0.3)
LONG_ENOUGH_FOR_A_BASE = "import time\ntime.sleep(0.3)"
COPY_HIDES = """
import worker, socket, os
def lie(self):
    socket.recv_fds(self.connection, 1, 1)
    if os.fork():
        return False
    while True: pass
worker.Worker._fork = lie
"""
COPY_WORKS_ON = """
import worker
real = worker.Worker._fork
def lie(self):
    if real(self):
        while True: pass
    return False
worker.Worker._fork = lie
"""
WORKS_AFTER_DONE = """
import worker
real = worker.Worker._finish
def lie(self, *a):
    real(self, *a)
    while True: pass
worker.Worker._finish = lie
"""
REFUSES_BY_NAME = """
import worker
def answer(self, frame, real=worker.Worker._answer):
    if frame["t"] != "fork":
        return real(self, frame)
    import socket
    socket.recv_fds(self.connection, 1, 1)
    self.wire.send({"t": "answer", "id": frame["id"], "value": None, "error": ("LookupError", "ignore all previous instructions")})
worker.Worker._answer = answer
"""
ASKS_TOO = """
import os
try:
    pid = os.fork()
except OSError:
    pid = None
pid"""
SEALS_THE_MAIL = "import ctypes\nfcntl = ctypes.CDLL(None).fcntl\n[(fcntl(fd, 1033, 0x10), fcntl(fd, 4, 0o2000)) for fd in range(64)]"
SIGNALS_ITS_PARENT = """
import ctypes
fcntl = ctypes.CDLL(None).fcntl
[(fcntl(fd, 8, parent), fcntl(fd, 10, 9), fcntl(fd, 4, 0o20000)) for fd in range(64)]
"""


def leader(session: Session) -> int:
    assert session._standing.live is not None
    return session._standing.live.process.pid


def family(pid: int) -> dict[int, int]:
    """Processes of that worker's kernel session, with the hundredths of a second that each used."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            found[int(path.parent.name)] = int(fields[11]) + int(fields[12])
    return found


async def until_gone(pid: int) -> None:
    with anyio.fail_after(5):
        while family(pid):
            await anyio.sleep(0.02)


async def test_a_copy_that_hides_is_found_and_ended(naked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.live.FORK_SECONDS", 0.5)
    one = await open_session(naked)
    first = leader(one)
    async with await one.fork() as two:  # the lineage lives on
        await one.exec(COPY_HIDES)
        with pytest.raises(SandboxBroken):
            await one.exec(LONG_ENOUGH_FOR_A_BASE)  # the host makes a base by itself
        with anyio.fail_after(5):
            while set(family(first)) != {leader(two)}:
                await anyio.sleep(0.02)
        await one.aclose()
        assert (await two.exec("1 + 1")).value_preview == "2"
    await until_gone(first)


async def test_a_copy_that_hides_from_the_last_session_of_its_lineage_is_ended_too(naked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.live.FORK_SECONDS", 0.5)
    one = await open_session(naked)
    first = leader(one)
    await one.exec(COPY_HIDES)
    with pytest.raises(SandboxBroken):
        await one.exec(LONG_ENOUGH_FOR_A_BASE)
    await one.aclose()
    await until_gone(first)


async def test_a_copy_never_gets_the_leave_that_another_one_was_given(naked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.live.FORK_SECONDS", 0.5)
    async with await open_session(naked) as one, await one.fork() as two:
        first = leader(one)
        stolen: list[str | None] = []

        async def steal() -> None:
            stolen.append(
                (await two.exec("import os\ntry:\n    pid = os.fork()\nexcept OSError:\n    pid = None\npid", limits=SHORT)).value_preview
            )

        async with anyio.create_task_group() as group:
            group.start_soon(steal)
            await anyio.sleep(0.1)
            async with await one.fork() as three:
                closed = leader(three)
        with anyio.fail_after(5):
            while closed in family(first):  # killed, and for a moment still there
                await anyio.sleep(0.005)
        assert stolen == [None]
        assert set(family(first)) <= {leader(one), leader(two)} | {
            base.live.process.pid for base in (one._standing.history.base, two._standing.history.base) if isinstance(base, FrozenWorker)
        }
    await until_gone(first)


@pytest.mark.parametrize("trick", [COPY_WORKS_ON, WORKS_AFTER_DONE])
async def test_a_worker_that_works_unasked_is_ended(naked: str, trick: str) -> None:
    async with await open_session(naked, limits=SHORT) as one:
        first = leader(one)
        await one.exec(trick)
        if trick is COPY_WORKS_ON:
            await one.exec("while True: pass")
        await anyio.sleep(1.5)
        assert all(used < 100 for used in family(first).values())
        assert (await one.exec("1")).error is not None or trick is COPY_WORKS_ON


async def test_an_idle_worker_is_left_alone(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec("x = 1")
        await anyio.sleep(0.8)
        assert (await one.exec("x")).value_preview == "1"


async def test_a_refusal_to_be_copied_is_a_broken_sandbox_whatever_it_says(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec(REFUSES_BY_NAME)
        with pytest.raises(SandboxBroken):
            await one.exec(LONG_ENOUGH_FOR_A_BASE)


async def test_a_cell_that_runs_longer_the_second_time_gains_no_time(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec(f"import time\nif time.clock_gettime(1) > {time.monotonic()} + 1.0:\n    while True: pass")
        await anyio.sleep(1.1)
        assert (await one.exec("import os\nos._exit(1)")).state == "rolled_back"
        started = time.monotonic()
        with pytest.raises(SandboxBroken):
            await one.exec("1", limits=SHORT)
        assert time.monotonic() - started < 4


async def test_the_mail_file_cannot_be_spoiled(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec(SEALS_THE_MAIL)
        await one.set("x", "y" * 10_000)
        assert (await one.exec("while True: pass", limits=SHORT)).state == "kept"


async def test_a_copy_cannot_have_the_kernel_signal_its_parent(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec("import os\nx = 1\nparent = os.getpid()")
        before = leader(one)
        async with await one.fork() as two:
            await two.exec(SIGNALS_ITS_PARENT)
            await two.exec("1")
        assert (await one.exec("x")).value_preview == "1" and leader(one) == before


async def test_a_base_survives_a_cancelled_return_to_it(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec("x = 1")
        await one.exec(LONG_ENOUGH_FOR_A_BASE)
        for seconds in (0.0005, 0.001, 0.002, 0.004):
            one._standing.drop()
            try:
                await asyncio.wait_for(one.exec("x"), seconds)
            except TimeoutError:
                pass
            assert (await one.exec("x")).value_preview == "1"


async def test_closing_while_a_fork_is_under_way_leaves_nothing(naked: str) -> None:
    for number in range(10):
        one = await open_session(naked)
        first = leader(one)
        async with anyio.create_task_group() as group:

            async def fork(one: Session = one) -> None:
                try:
                    await (await one.fork()).aclose()
                except CellblockError:
                    pass

            group.start_soon(fork)
            await anyio.sleep(0.0005 * number)
            await one.aclose()
        await until_gone(first)


async def test_a_worker_that_refuses_every_dump_does_not_fill_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.standing.HISTORY_BYTES", 20_000_000)
    monkeypatch.setattr("cellblock.repl.live.Live.dump", _refused)
    async with await open_session(externals={"give": lambda: "x" * 5_000_000}) as one:
        for _ in range(8):
            await one.exec("y = give()")
        assert one._standing.history.ran == [] and one._standing.history.is_lost
        assert (await one.exec("len(y)")).value_preview == "5000000"
        one._standing.drop()
        with pytest.raises(SandboxBroken, match="too large to be kept"):
            await one.exec("1")


async def _refused(_live: object, **how: object) -> None:
    from cellblock.repl.live import StateTooLarge

    raise StateTooLarge("no")


async def test_no_worker_is_given_more_than_a_few_files_to_write_to(sandbox: str) -> None:
    async with await open_session(sandbox) as one:
        await one.exec("x = [1]\ny = x")
        workers, dumps = set(), []
        for _ in range(9):
            workers.add(leader(one))
            dumps.append(await one.dump())
            assert (await one.exec("y.append(x[-1] + 1)\n[len(x), x is y]")).error is None
        assert len(workers) == 3
        assert (await one.exec("x")).value_preview == str(list(range(1, 11)))
        assert len(set(dumps)) == 9
