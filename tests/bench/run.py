"""The benchmark: each figure beside a floor measured in the same run, and DESIGN's target. Trust the ratios.

python tests/bench/run.py [--only NAME] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent))

import engine_figures
import rerun_figures
import store_figures
from figures import Figure, middle, middle_async
from sandboxes import NAMES, columns, table

os.environ.setdefault("CELLBLOCK_CACHE", str(Path(__file__).parents[2] / ".cache" / "cellblock"))  # where .ci/test prepares it

from cellblock import RLM, ExecLimits, RunLimits, ScriptedModel
from cellblock.host.context import Context
from cellblock.repl.guests import monty
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import close_all, spares_for
from cellblock.store.journal import Journal

GIGABYTE = 2**30
Benchmark = Callable[[], AsyncIterator[Figure]]
BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(function: Benchmark) -> Benchmark:
    BENCHMARKS[function.__name__] = function
    return function


def round_trip_ms() -> float:
    """A byte to another thread and back through a socketpair: no request to a worker can be faster."""
    mine, theirs = socket.socketpair()

    def echo() -> None:
        while data := theirs.recv(64):
            theirs.send(data)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    found = middle(lambda: (mine.send(b"x"), mine.recv(64)), 2_000)
    mine.close()
    thread.join()
    theirs.close()
    return found


def fork_ms() -> float:
    """Fork this process and wait for the child: no process starts faster."""

    def once() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    return middle(once, 30)


def cold_process_mib() -> float:
    """Private memory of a Python that was started for one session, and not forked from a zygote."""
    code = "import msgspec, pydantic_monty; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        process.communicate(b"\n")
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


@benchmark
async def session() -> AsyncIterator[Figure]:
    """Session start from a spare worker and from the zygote, and what an idle worker holds."""
    floor = fork_ms()
    await (await open_session()).aclose()
    pool = spares_for(monty(), "default")

    async def start() -> None:
        started = time.perf_counter()
        opened = await open_session()
        taken.append((time.perf_counter() - started) * 1e3)
        await opened.aclose()

    taken: list[float] = []
    for _ in range(40):
        pool.wait_ready()
        await anyio.sleep(0.02)  # the refill has just ended; let its last pages settle
        await start()
    yield Figure(name="session start, spare worker", value=sorted(taken)[20], unit="ms", floor=floor, target=1.0)

    workers = []
    spawned = middle(lambda: workers.append(pool.spawn(ExecLimits().memory_bytes)), 15)
    yield Figure(name="session start, warm zygote", value=spawned, unit="ms", floor=floor, target=10.0)
    idle = sorted(worker.private_bytes() for worker in workers)[len(workers) // 2] / 2**20
    for worker in workers:
        worker.close()
    yield Figure(name="idle worker, private memory", value=idle, unit="MiB", floor=cold_process_mib(), target=4.0)


@benchmark
async def cell() -> AsyncIterator[Figure]:
    """One small cell, a near call, a far call."""
    floor = round_trip_ms()

    async def llm_query(prompt: str) -> str:
        return "answer"

    context = Context.from_text("0123456789" * 1000)
    async with await open_session(externals={"llm_query": llm_query}, context=context) as opened:
        await opened.exec("x = 1")
        yield Figure(name="cell x = 1", value=await middle_async(lambda: opened.exec("x = 1"), 1_000), unit="ms", floor=floor, target=0.3)
        near = await per_call(opened, "ctx.slice(0, 10)", 2_000)
        yield Figure(name="near call ctx.slice", value=near, unit="ms", floor=floor, target=0.1)
        far = await per_call(opened, "llm_query('x')", 500)
        yield Figure(name="far call llm_query", value=far, unit="ms", floor=floor, target=0.4)
    context.close()


async def per_call(opened: Session, call: str, times: int) -> float:
    """Milliseconds of one call in a loop, the empty loop taken off. Best of five."""
    found = []
    for _ in range(5):
        empty = await timed(opened, f"for i in range({times}):\n    None")
        full = await timed(opened, f"for i in range({times}):\n    {call}")
        found.append((full - empty) / times * 1e3)
    return min(found)


async def timed(opened: Session, code: str) -> float:
    started = time.perf_counter()
    result = await opened.exec(code)
    assert result.error is None, result.error
    return time.perf_counter() - started


@benchmark
async def step() -> AsyncIterator[Figure]:
    """The engine's own time per step: a model without latency, journal on, less the cell itself."""
    steps = 200
    await RLM(ScriptedModel(["FINAL(1)"]), journal=":memory:").arun("How many?", "some text")  # once per process: zygote, prices
    with tempfile.TemporaryDirectory() as folder:
        # No two alike, or the loop would take it for one that has collapsed.
        model = ScriptedModel([*(f"```repl\nx = {number}\n```" for number in range(steps)), "```repl\nFINAL(1)\n```"])
        rlm = RLM(model, journal=Path(folder) / "journal.db", limits=RunLimits(steps=steps + 5))
        started = time.perf_counter()
        result = await rlm.arun("How many?", "some text")
        whole = (time.perf_counter() - started) * 1e3
        assert result.success, result.error
        async with await open_session() as opened:
            alone = await middle_async(lambda: opened.exec("x = 1"), 200)
        journal = Journal(Path(folder) / "floor.db")
        journal.close()
    yield Figure(name="step overhead, journal on", value=whole / (steps + 1) - alone, unit="ms", floor=alone, target=2.0)


@benchmark
async def subcalls() -> AsyncIterator[Figure]:
    """200 and 512 sub-calls of 200 ms, 64 at a time, against latency * ceil(n / 64)."""

    async def slow(prompt: str) -> str:
        await anyio.sleep(0.2)
        return "ok"

    for count in (1, 200, 512):
        root = ScriptedModel([f"```repl\nanswers = llm_query_batched([str(i) for i in range({count})])\nFINAL(len(answers))\n```"])
        rlm = RLM(root, sub_model=slow, journal=":memory:", limits=RunLimits(parallel_subcalls=64))
        started = time.perf_counter()
        result = await rlm.arun("How many?", "some text")
        taken = time.perf_counter() - started
        assert result.value == count, result.error
        if count == 1:
            continue  # once per process and not once per run: a zygote starts, the table of prices is read
        ideal = 0.2 * -(-count // 64)
        yield Figure(
            name=f"{count} sub-calls, share of the ideal", value=ideal / taken, unit="share", floor=1.0, target=0.95, higher_is_better=True
        )


@benchmark
async def children() -> AsyncIterator[Figure]:
    """40 child runs in one batch, on each sandbox, against the ideal."""
    async for figure in engine_figures.children(NAMES):
        yield figure


benchmark(engine_figures.over_budget)
benchmark(engine_figures.answers)
benchmark(engine_figures.tools)
benchmark(store_figures.journal)
benchmark(rerun_figures.resume)
benchmark(rerun_figures.replay)


@benchmark
async def context() -> AsyncIterator[Figure]:
    """A context of 1 GB: attach, memory with 8 children, find."""
    size = int(os.environ.get("CELLBLOCK_BENCH_BYTES", GIGABYTE))
    line = b"2024-05-01 10:22:31 host-17 the quick brown fox served 12345 requests while the lazy dog slept\n"
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(size // (len(line) * 10_000)):
            file.write(line * 10_000)
        file.write(b"the needle in the haystack\n")
        file.flush()
        started = time.perf_counter()
        data = Path(file.name).read_bytes()
        read_seconds = time.perf_counter() - started
        loaded = Context.from_paths([file.name])
    started = time.perf_counter()
    data.find(b"no such words")
    find_floor = len(data) / (time.perf_counter() - started) / 1e9
    del data
    plain = await start_ms(None)
    attached = await start_ms(loaded)
    yield Figure(name="attach the context", value=max(0.0, attached - plain), unit="ms", floor=read_seconds * 1e3, target=5.0)
    async for figure in eight_children(loaded):
        yield figure
    async with await open_session(context=loaded, limits=ExecLimits(wall_seconds=60)) as opened:
        await opened.exec("ctx.find('first touch of the pages')")
        rates = [size / await timed(opened, f"ctx.find('no such words {i}')") / 1e9 for i in range(3)]
        yield Figure(name="ctx.find", value=max(rates), unit="GB/s", floor=find_floor, target=2.0, higher_is_better=True)
    loaded.close()


async def start_ms(attached: Context | None) -> float:
    pool = spares_for(monty(), "default")
    taken = []
    for _ in range(10):
        pool.wait_ready()
        started = time.perf_counter()
        async with await open_session(context=attached):
            taken.append((time.perf_counter() - started) * 1e3)
    return sorted(taken)[5]


async def eight_children(loaded: Context) -> AsyncIterator[Figure]:
    opened = [await open_session(context=loaded, limits=ExecLimits(wall_seconds=60)) for _ in range(8)]
    for one in opened:
        await one.exec("ctx.find('no such words')\nlen(P)")
    used = loaded.size + sum(one.private_bytes() for one in opened)
    for one in opened:
        await one.aclose()
    yield Figure(name="memory with 8 children / the context", value=used / loaded.size, unit="share", floor=1.0, target=1.05)


@benchmark
async def sandboxes() -> AsyncIterator[Figure]:
    """The three sandboxes beside each other."""
    async for figure in columns():
        yield figure


async def run(names: list[str]) -> list[Figure]:
    figures = []
    for name in names:
        async for figure in BENCHMARKS[name]():
            print(figure.as_line(), flush=True)
            figures.append(figure)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(BENCHMARKS), help="run one group of figures")
    parser.add_argument("--json", metavar="FILE", help="write the figures as a JSON list")
    options = parser.parse_args()
    figures = anyio.run(run, [options.only] if options.only else list(BENCHMARKS))
    close_all()
    if options.json:
        Path(options.json).write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    print("\n" + table(figures))
    missed = [figure.name for figure in figures if not figure.met]
    print(f"\n{len(figures) - len(missed)} of {len(figures)} targets met" + (f"; not met: {', '.join(missed)}" if missed else ""))


if __name__ == "__main__":
    main()
