"""What plain CPython lacks to stand for a sandbox: limits, a clock that stands still, and no way out. For a process that runs one case."""

from __future__ import annotations

import asyncio  # noqa: F401 - needs the network's modules, which are taken away afterwards
import builtins
import contextlib
import ctypes
import datetime
import gc
import io
import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from cellblock.limits import ExecLimits


class Passed(BaseException):
    """A limit was passed."""


class Clipped(io.TextIOBase):
    """Takes printed text; of more than `room` characters it keeps head and tail."""

    def __init__(self, room: int) -> None:
        self.head_room, self.tail_room = room // 2, room - room // 2
        self.head, self.tail, self.total = "", "", 0

    def write(self, text: str) -> int:
        left = self.head_room - len(self.head)
        self.head += text[:left]
        self.tail = (self.tail + text[left:])[-self.tail_room :]
        self.total += len(text)
        return len(text)


def shut_out(*, has_files: bool) -> None:
    """Take away what no sandbox has: a keyboard, processes, the network, and files where the session has none."""

    def refuse(*_args: Any, **_named: Any) -> None:
        raise PermissionError("not in a sandbox")

    builtins.input = refuse  # type: ignore[assignment]
    if not has_files:
        builtins.open = refuse  # type: ignore[assignment]
    sys.modules.update(dict.fromkeys(("subprocess", "socket", "ctypes")))  # type: ignore[arg-type]


@contextlib.contextmanager
def limited(limits: ExecLimits) -> Iterator[None]:
    def passed(number: int, _frame: Any) -> None:
        raise Passed("wall_seconds" if number == signal.SIGALRM else "cpu_seconds")

    signal.signal(signal.SIGALRM, passed)
    signal.signal(signal.SIGPROF, passed)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds, 0.05)
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextlib.contextmanager
def unlimited() -> Iterator[None]:
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    _resume_time()
    try:
        yield
    finally:
        _stop_time()
        signal.setitimer(signal.ITIMER_REAL, left, 0.05)


def bound_memory(memory_bytes: int) -> None:
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    bound = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


_SLEEP = time.sleep


def stop_the_clock(clock: float) -> None:
    stands = datetime.datetime.fromtimestamp(clock, datetime.UTC)
    plain_now = stands.replace(tzinfo=None)
    moments = {
        "now": classmethod(lambda cls, tz=None: plain_now if tz is None else stands.astimezone(tz)),
        "utcnow": classmethod(lambda cls: plain_now),
        "today": classmethod(lambda cls: plain_now),
    }
    _patch(datetime.date, {"today": classmethod(lambda cls: stands.date())})
    _patch(datetime.datetime, moments)
    for name in ("time", "monotonic", "perf_counter"):
        setattr(time, name, lambda: clock)
    _stop_time()


def _patch(kind: type, members: dict[str, Any]) -> None:
    # Not by a subclass: what cells get and print has to be the real thing. This process runs one case and ends.
    gc.get_referents(kind.__dict__)[0].update(members)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _stop_time() -> None:
    time.sleep = lambda _seconds: None


def _resume_time() -> None:
    time.sleep = _SLEEP
