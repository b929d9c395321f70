"""What only many sessions and many cells show: memory of 200 sessions at once, growth over 10,000 cells.

python tests/bench/endurance.py [--sandbox NAME] [--sessions N] [--cells N]
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import anyio

os.environ.setdefault("CELLBLOCK_CACHE", str(Path(__file__).parents[2] / ".cache" / "cellblock"))  # where .ci/test prepares it

from cellblock.repl.registry import known_sandboxes
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import close_all

GIGABYTE = 10**9


def used_bytes() -> int:
    """Memory in use on this machine, page cache left out."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return 1024 * (int(fields["MemTotal"].split()[0]) - int(fields["MemAvailable"].split()[0]))


def proportional_bytes(pids: list[int]) -> int:
    """Proportional set size of these processes and this one: each shared page counted once over all who share it."""
    total = 0
    for pid in [*pids, os.getpid()]:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


async def many_sessions(name: str, count: int) -> None:
    """`count` sessions at once, each with one cell run."""
    before = used_bytes()
    sessions: list[Session] = []
    started = time.perf_counter()
    for number in range(count):
        session = await open_session(name)
        await session.exec(f"x = {number}")
        sessions.append(session)
    seconds = time.perf_counter() - started
    pids = [pid for session in sessions if session._standing.live is not None for pid in session._standing.live.process.pids]
    proportional = proportional_bytes(pids) / GIGABYTE
    answers = [(await session.exec("x")).value_preview for session in sessions]
    assert answers == [str(number) for number in range(count)]
    system = (used_bytes() - before) / GIGABYTE
    print(
        f"{name:12} {count} sessions open at once: {proportional:.2f} GB in the processes, {system:.2f} GB of the machine, {seconds:.1f} s"
    )
    for session in sessions:
        await session.aclose()


async def many_cells(name: str, count: int) -> None:
    """`count` cells through one session."""
    async with await open_session(name) as session:
        marks: list[float] = []
        started = time.perf_counter()
        for number in range(count):
            result = await session.exec(f"x = {number}\ny = [x] * 10\nsum(y)")
            assert result.value_preview == str(number * 10), result
            if number % (count // 10) == count // 10 - 1:
                worker = session.private_bytes() / 2**20
                host = proportional_bytes([]) / 2**20
                marks.append(worker)
                print(f"{name:12} after {number + 1:6} cells: worker {worker:6.1f} MiB, host {host:6.1f} MiB")
        seconds = time.perf_counter() - started
    print(f"{name:12} {count} cells in {seconds:.1f} s; the worker grew by {marks[-1] - marks[0]:.1f} MiB after the first tenth")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", action="append", choices=known_sandboxes(), help="this one only; may be given more than once")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--cells", type=int, default=10_000)
    options = parser.parse_args()
    for name in options.sandbox or known_sandboxes():
        await many_sessions(name, options.sessions)
        await many_cells(name, options.cells)
    close_all()


if __name__ == "__main__":
    anyio.run(main)
