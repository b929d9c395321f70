"""The process that drives a run, made to die at a place that is told: `python -m faults.host`, one job a line on standard input.

This process imports everything and then only forks: each job is done by a fresh process of its own, as after a crash. Whatever such a
process leaves behind becomes a child of this one (a subreaper), which waits for it and tells of what did not end.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio._backends._asyncio
import genai_prices.data  # noqa: F401 - seconds, which each fork would pay
import jiter  # noqa: F401
import msgspec
import openai.resources.chat  # noqa: F401

from cellblock import RLM, ExecLimits, RunLimits
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.errors import CellblockError
from cellblock.events import ModelAsked, SessionOpened
from cellblock.models import Endpoint, OpenAIChat
from cellblock.models.prices import Price, load_prices
from cellblock.store.sqlite import SQLiteDatabase

from . import story

PR_SET_CHILD_SUBREAPER = 36
SECRET = b"the secret of a test, at least 32 bytes long"
GONE_SECONDS = 10.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a process has to do."""

    do: str
    """`run` or `resume`."""
    folder: str
    """With the journal, and what the tool notes."""
    url: str
    sandbox: str = "monty"
    every: int | None = None
    """For `SnapshotPolicy`."""
    run_id: str = ""
    kill_at: int = 0
    """The write to the journal at which it kills itself; 0: none."""
    after: bool = False
    """After that write is done; else before."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, as far as it lived to tell."""

    error: str | None = None
    answer: str = ""
    value: Any = None
    ending: str = ""
    usage: Any = None
    steps: int = 0
    subcalls: int = 0
    writes: int = 0
    repeated: list[str] = []
    """Calls that were told to be made again."""
    opened: list[dict[str, Any]] = []
    seconds: float = 0.0


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the process ended."""

    report: Report | None
    signal: int
    """That killed it; 0 for none."""
    left: list[str]
    """Processes that outlived it."""


def rlm(job: Job) -> RLM:
    model = OpenAIChat("m", Endpoint(provider="house", base_url=job.url))
    return RLM(
        model,
        sandbox=job.sandbox,
        journal=Path(job.folder) / "journal.db",
        secret=SECRET,
        tools=[_noting(Path(job.folder) / "tool.txt")],
        prices={"m": Price(input_per_million=1.0, output_per_million=3.0)},
        limits=RunLimits(depth=1, parallel_subcalls=4),
        exec_limits=ExecLimits(wall_seconds=20, cpu_seconds=20),
        snapshots=SnapshotPolicy(every=job.every),
    )


def _noting(path: Path) -> Callable[[str, int], str]:
    def weigh(what: str, count: int) -> str:
        with path.open("a") as file:
            file.write(f"{what} {count}\n")
        return story.weigh(what, count)

    weigh.__doc__ = story.weigh.__doc__
    return weigh


class Writes:
    """Counts what is written to the database, and kills this process at one of them."""

    def __init__(self, kill_at: int, after: bool) -> None:
        self.count, self._kill_at, self._after = 0, kill_at, after

    def watch(self) -> None:
        for name in ("execute", "executemany", "rows"):
            setattr(SQLiteDatabase, name, self._watched(getattr(SQLiteDatabase, name)))

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def watched(database: SQLiteDatabase, sql: str, *args: Any) -> Any:
            if not is_write(sql):
                return method(database, sql, *args)
            self.count += 1
            dies = self.count == self._kill_at
            if dies and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = method(database, sql, *args)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return watched


def is_write(sql: str) -> bool:
    """Whether a statement writes. Not the heartbeat, which goes by the clock, nor the tables, which every open file has."""
    words = sql.split(None, 2)
    return words[0] in ("INSERT", "UPDATE", "DELETE", "COMMIT") and not sql.startswith("UPDATE leases SET beats")


async def performed(job: Job, writes: Writes) -> Report:
    repeated: list[str] = []
    opened: list[dict[str, Any]] = []

    def seen(event: Any) -> None:
        if isinstance(event, ModelAsked) and event.repeated:
            repeated.append(event.call_id)
        if isinstance(event, SessionOpened):
            opened.append({"run_id": event.run_id, "cells_again": event.cells_again, "skipped": list(event.skipped)})

    started = time.perf_counter()
    try:
        if job.do == "run":
            result = await rlm(job).arun(story.QUESTION, story.CONTEXT, on_event=seen)
        else:
            result = await rlm(job).aresume(job.run_id, on_event=seen)
    except CellblockError as error:
        kind = next(each for each in type(error).__mro__ if each.__module__ == "cellblock.errors")
        return Report(error=f"{kind.__name__}: {error}", writes=writes.count, repeated=repeated, opened=opened)
    return Report(
        answer=result.answer,
        value=result.value,
        ending=result.ending,
        usage=msgspec.to_builtins(result.usage),
        steps=result.steps,
        subcalls=result.subcalls,
        writes=writes.count,
        repeated=repeated,
        opened=opened,
        seconds=time.perf_counter() - started,
        error=result.error,
    )


def main() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    load_prices()
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin.buffer:
        ended = _forked(msgspec.json.decode(line, type=Job))
        sys.stdout.buffer.write(msgspec.json.encode(ended) + b"\n")
        sys.stdout.buffer.flush()


def _forked(job: Job) -> Ended:
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(job, reads, writes)
    os.close(writes)
    sys.stdout.buffer.write(b'{"pid":%d}\n' % pid)
    sys.stdout.buffer.flush()
    _, status = os.waitpid(pid, 0)
    with open(reads, "rb") as pipe:
        # Not to its end: what outlives the process might hold it open.
        os.set_blocking(reads, False)
        told = pipe.read()
    report = msgspec.json.decode(told, type=Report) if told else None
    return Ended(report=report, signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, left=_outlived())


def _child(job: Job, reads: int, told: int) -> None:
    try:
        os.close(reads)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(2, 1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        writes = Writes(job.kill_at, job.after)
        writes.watch()
        report = anyio.run(performed, job, writes)
        with open(told, "wb") as pipe:
            pipe.write(msgspec.json.encode(report))
    except KeyboardInterrupt:
        os._exit(130)
    except BaseException:  # noqa: BLE001 - a fork must not go on with its parent's work
        traceback.print_exc()
        os._exit(70)
    # By the front door: what a process does at its end belongs to what is tested.
    raise SystemExit(0)


def _outlived() -> list[str]:
    """What did not end within a time, and is ended now."""
    deadline = time.monotonic() + GONE_SECONDS
    while _reap():
        if time.monotonic() > deadline:
            left = _children()
            for pid, _ in left:
                os.kill(pid, signal.SIGKILL)
            return [name for _, name in left]
        time.sleep(0.002)
    return []


def _reap() -> bool:
    """Whether there are children left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[tuple[int, str]]:
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [(int(pid), Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")) for pid in pids]


if __name__ == "__main__":
    main()
