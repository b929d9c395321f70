"""The wasi sandbox behind both walls, as the host sees it. What holds for every sandbox is in tests/repl."""

import resource
from pathlib import Path

import pytest

from cellblock import ExecLimits
from cellblock.errors import SandboxUnavailable
from cellblock.repl import wasi_cache
from cellblock.repl.guests import REQUIRED_LAYERS, GuestSpec, sandboxes_folder
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import open_session
from cellblock.repl.snapshot import left_out
from cellblock.repl.zygote import Zygote, spares_for

pytestmark = pytest.mark.anyio
GENERATOR = "def g():\n    yield 1\n    yield 2\nit = g()\nnext(it)"
SHORT = ExecLimits(wall_seconds=0.3)


@pytest.fixture
async def wasi():
    async with await open_session("wasi", clock=1_700_000_000.0) as session:
        yield session


async def test_every_layer_is_on(wasi):
    worker = spares_for(find_sandbox("wasi"), "default").spawn(ExecLimits().memory_bytes)
    try:
        assert {layer: worker.layers.get(layer) for layer in REQUIRED_LAYERS} == dict.fromkeys(REQUIRED_LAYERS, "on")
        assert worker.layers["memory_deny_write_execute"] == "on"
    finally:
        worker.close()


async def test_a_passed_wall_limit_keeps_what_the_cell_had_done(wasi):
    result = await wasi.exec("x = 1\nit = iter(range(9))\nnext(it)\nwhile True: x += 1", limits=SHORT)
    assert (result.error.limit, result.state) == ("wall_seconds", "kept")
    assert (await wasi.exec("print(x > 1, next(it))")).stdout == "True 1\n"


@pytest.mark.parametrize("cell", ["sum(range(10**12))", "x = 2\nimport os\nos.abort()", "import json\njson.loads('{\"a\":' * 300_000)"])
async def test_what_cannot_be_interrupted_is_rolled_back(wasi, cell):
    await wasi.exec(f"x = 1\n{GENERATOR}")
    result = await wasi.exec(cell, limits=SHORT)
    assert result.error is not None and result.state == "rolled_back"
    assert (await wasi.exec("print(x, next(it))")).stdout == "1 2\n"


async def test_a_snapshot_holds_generators_and_goes_on_elsewhere(wasi):
    await wasi.exec(f"{GENERATOR}\ndef counter():\n    n = [0]\n    return lambda: n.append(0) or len(n)\nstep = counter()")
    snapshot = await wasi.dump()
    assert left_out(snapshot) == {}
    async with await open_session("wasi", snapshot=snapshot) as other:
        assert (await other.exec("print(next(it), step())")).stdout == "2 2\n"
    assert (await wasi.exec("print(next(it), step())")).stdout == "2 2\n"


async def test_memory_above_the_limit_is_refused_whatever_the_limit_is():
    for mebibytes in (8, 64):
        limits = ExecLimits(memory_bytes=mebibytes * 2**20)
        async with await open_session("wasi", limits=limits) as session:
            assert (await session.exec(f"b = bytes({mebibytes} * 2**19)")).error is None
            assert (await session.exec(f"c = bytes({mebibytes} * 2**20)")).error.limit == "memory_bytes"
            assert (await session.exec("print(len(b))")).stdout == f"{mebibytes * 2**19}\n"


async def test_no_memory_becomes_executable_and_no_thread_can_be_made(wasi):
    # Seen from the guest: all it ever does goes through seven functions; see tests/jail for native code behind the same filters.
    result = await wasi.exec("import threading\nthreading.Thread(target=print).start()")
    assert result.error.kind == "RuntimeError" and "no threads" in result.error.message


async def test_an_idle_session_has_little_memory_of_its_own(wasi):
    for number in range(20):
        await wasi.exec(f"x{number} = 1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sessions = [await open_session("wasi") for _ in range(10)]
    try:
        for session in sessions:
            assert (await session.exec("x = 1")).error is None
        private = [private_kib(session._standing.live.process.pid) for session in sessions]
        assert sorted(private)[5] < 8 * 1024
    finally:
        for session in sessions:
            await session.aclose()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def private_kib(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


def test_without_a_compiled_guest_the_error_says_what_to_run(tmp_path):
    options = wasi_cache.driver_options() | {"cache": str(tmp_path / "none")}
    spec = GuestSpec.from_folder(sandboxes_folder() / "wasi", options=options)
    with pytest.raises(SandboxUnavailable, match=r"^sandbox 'wasi' could not start: no compiled guest; run: cellblock prepare wasi$"):
        Zygote(spec)


BLOCKS = "blocks = [bytearray([n]) * 2**20 for n in range(64)]\n"
RESTS = "\nwhile True: pass"
"""Ends a cell at a limit: from then on the session rests on its state as it is now."""


async def test_a_state_that_a_session_rests_on_is_not_in_memory_twice(wasi):
    await wasi.exec(BLOCKS)
    before = wasi._standing.live.process.own_bytes()
    assert (await wasi.exec(RESTS, limits=SHORT)).state == "kept"
    assert wasi._standing.live.process.own_bytes() < before - 50 * 2**20
    assert (await wasi.exec("print(all(b == bytes([n]) * 2**20 for n, b in enumerate(blocks)))")).stdout == "True\n"


async def test_a_worker_keeps_no_file_of_an_older_state(wasi):
    await wasi.exec(BLOCKS + RESTS, limits=SHORT)
    for number in range(2):
        # A part is zeros now, and another is changed: what the next state does not hold was the last one's.
        cell = f"for b in blocks[{20 * number}:{20 * number + 10}]:\n    b[:] = bytes(len(b))\nfor b in blocks[60:]:\n    b[0] = {number}"
        assert (await wasi.exec(cell + RESTS, limits=SHORT)).state == "kept"
        assert len(_state_files(wasi._standing.live.process.pid)) == 1
    shown = await wasi.exec("print([any(b) for b in blocks], {b[0] for b in blocks[60:]}, {b[1] for b in blocks[60:]})")
    zeros = [number // 20 < 2 and number % 20 < 10 for number in range(64)]
    assert shown.stdout == f"{[not zero for zero in zeros]} {{1}} {set(range(60, 64))}\n"


def _state_files(pid):
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except PermissionError:
        pytest.skip("an ordinary user may not look at a worker's memory")
    return {line.split()[4] for line in lines if "cellblock-state" in line}


async def test_what_cells_do_after_a_dump_is_not_in_it(wasi):
    check = "print(all(b == bytes([n]) * 2**20 for n, b in enumerate(blocks)), blocks[3][0])"
    await wasi.exec("blocks = [bytearray([n]) * 2**20 for n in range(32)]")
    first = await wasi.dump()
    await wasi.exec("for b in blocks:\n    b[0] = b[-1] = 99")
    second = await wasi.dump()
    await wasi.exec("for b in blocks:\n    b[5] = 7")
    for snapshot, shown in ((first, "True 3"), (second, "False 99")):
        async with await open_session("wasi", snapshot=snapshot) as other:
            assert (await other.exec(check)).stdout == f"{shown}\n"
    assert (await wasi.exec("print({(b[0], b[5]) for b in blocks})")).stdout == "{(99, 7)}\n"
