"""The sandboxes beside each other: start, cell, calls, loop speed, dump, load and fork by size of state, memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from figures import Figure, middle_async

from cellblock import ExecLimits
from cellblock.host.context import Context
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import spares_for

NAMES = ("monty", "restricted", "wasi")
ROOMY = ExecLimits(memory_bytes=2**30, wall_seconds=120, cpu_seconds=120)
MEGABYTE = 10**6
WARM_START_MS = {"monty": 10.0, "restricted": 5.0, "wasi": 10.0}
IDLE_MIB = {"monty": 4.0, "restricted": 4.0, "wasi": 8.0}
LOOP = "total = 0\nfor i in range(300_000):\n    total += i * i % 7\n"
STATE = "state = [str(i) * 150 for i in range({count})]"
"""About a thousand characters each, as documents or lines are."""
NO_TARGET = float("inf")


async def columns(names: tuple[str, ...] = NAMES) -> AsyncIterator[Figure]:
    """Every figure of every sandbox, named `sandbox: what`."""
    for name in names:
        for group in (_start, _cells, _loop, _states):
            async for figure in group(name):
                yield figure


def _figure(name: str, what: str, value: float, unit: str, floor: float, target: float = NO_TARGET) -> Figure:
    return Figure(name=f"{name}: {what}", value=value, unit=unit, floor=floor, target=target)


async def _start(name: str) -> AsyncIterator[Figure]:
    async with await open_session(name):
        pass
    pool = spares_for(find_sandbox(name), "default")
    spare = []
    for _ in range(30):
        pool.wait_ready()
        await anyio.sleep(0.03)  # the refill has just ended; let its last pages settle
        started = time.perf_counter()
        session = await open_session(name)
        spare.append((time.perf_counter() - started) * 1e3)
        await session.aclose()
    warm, idle = [], []
    pool.wait_ready()
    for _ in range(12):
        started = time.perf_counter()
        worker = pool.spawn(ExecLimits().memory_bytes)
        warm.append((time.perf_counter() - started) * 1e3)
        idle.append(worker.private_bytes() / 2**20)
        worker.close()
    floor = sorted(warm)[0]
    yield _figure(name, "start, spare", sorted(spare)[15], "ms", floor, 1.0)
    yield _figure(name, "start, warm zygote", sorted(warm)[6], "ms", floor, WARM_START_MS[name])
    yield _figure(name, "idle worker, private", sorted(idle)[6], "MiB", IDLE_MIB[name], IDLE_MIB[name])


async def _cells(name: str) -> AsyncIterator[Figure]:
    async def llm_query(prompt: str) -> str:
        return "answer"

    with Context.from_text("0123456789" * 1000) as context:
        async with await open_session(name, externals={"llm_query": llm_query}, context=context) as session:
            await session.exec("x = 1")
            cell = await middle_async(lambda: session.exec("x = 1"), 1_000)
            yield _figure(name, "cell x = 1", cell, "ms", cell, 0.3)
            for what, call, times, target in (("near call", "ctx.slice(0, 10)", 1_000, 0.1), ("far call", "llm_query('x')", 400, 0.4)):
                found = [await _per_call(session, call, times) for _ in range(5)]
                yield _figure(name, what, min(found), "ms", cell, target)


async def _per_call(session: Session, call: str, times: int) -> float:
    empty = await _timed(session, f"for i in range({times}):\n    None")
    return (await _timed(session, f"for i in range({times}):\n    {call}") - empty) / times


async def _timed(session: Session, code: str) -> float:
    started = time.perf_counter()
    result = await session.exec(
        code, limits=ExecLimits(memory_bytes=session._options.limits.memory_bytes, wall_seconds=120, cpu_seconds=120)
    )
    assert result.error is None, result.error
    return (time.perf_counter() - started) * 1e3


async def _loop(name: str) -> AsyncIterator[Figure]:
    plain = []
    code = compile(LOOP, "loop", "exec")
    async with await open_session(name) as session:
        inside = []
        for _ in range(5):
            started = time.perf_counter()
            exec(code, {})
            plain.append((time.perf_counter() - started) * 1e3)
            inside.append(await _timed(session, LOOP))
    yield _figure(name, "a loop / plain CPython's", min(inside) / min(plain), "times", 1.0)


async def _states(name: str) -> AsyncIterator[Figure]:
    for megabytes in (1, 10, 100):
        async with await open_session(name, limits=ROOMY) as session:
            await _timed(session, STATE.format(count=megabytes * MEGABYTE // 900))
            fork, forks = await _best(session.fork), []
            forks.append(fork)
            yield _figure(name, f"fork, {megabytes} MB", fork, "ms", fork, 50.0)
            started = time.perf_counter()
            data = await session.dump()
            dumped = (time.perf_counter() - started) * 1e3
        yield _figure(name, f"dump, {megabytes} MB", dumped, "ms", fork)
        loaded = await _best(lambda data=data: open_session(name, limits=ROOMY, snapshot=data))  # type: ignore[misc]
        yield _figure(name, f"load, {megabytes} MB", loaded, "ms", fork)


async def _best(make: Callable[[], Awaitable[Session]], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        made = await make()
        taken.append((time.perf_counter() - started) * 1e3)
        await made.aclose()
    return min(taken)


def table(figures: list[Figure]) -> str:
    """Three columns: a line per figure, a column per sandbox."""
    cells: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        sandbox, separator, what = figure.name.partition(": ")
        if separator and sandbox in NAMES:
            cells.setdefault(what, {})[sandbox] = figure
    lines = [f"{'':30}" + "".join(f"{name:>16}" for name in NAMES)]
    for what, row in cells.items():
        shown = (f"{row[name].value:.3f}{'' if row[name].met else ' *'}" if name in row else "-" for name in NAMES)
        unit = next(iter(row.values())).unit
        lines.append(f"{f'{what}, {unit}':30}" + "".join(f"{text:>16}" for text in shown))
    return "\n".join([*lines, "* target not met"])
