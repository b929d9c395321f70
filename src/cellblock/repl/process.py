"""One worker process as the host sees it: a socket, a pidfd, clocks and memory read from the kernel, never from the worker."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from pathlib import Path

import msgspec

from ..errors import SandboxUnavailable
from .wire import FRAME_BYTES, Hello

HELLO_SECONDS = 20.0
_PAGE = os.sysconf("SC_PAGESIZE")
_CPU_CLOCK_OF_PROCESS = 2
"""Source: CPUCLOCK_SCHED in the kernel's posix-timers.h; a clock id is `~pid << 3 | 2`."""


class WorkerProcess:
    """A locked worker that has said hello and has served nobody yet.

    Attributes:
        layers: each wall and layer, `on` or why not, as measured when it was made.
        memory_bytes: the interpreter memory that it was made for.
    """

    def __init__(self, connection: socket.socket, pidfd: int, memory_bytes: int) -> None:
        self.connection, self.pidfd, self.memory_bytes = connection, pidfd, memory_bytes
        self._statm, self._owner = -1, os.getpid()
        try:
            self.pid = _pid_of(pidfd)
            self.layers = _read_hello(connection)
            if (interpreter := self.layers.pop("interpreter", "on")) != "on":
                raise SandboxUnavailable(f"the interpreter did not start ({interpreter[:500]})")
            # Read once, while all code in the worker is still ours: afterwards nobody can add a process.
            self.pids = (self.pid, *_children(self.pid))
            # Kept open: it is read after every cell.
            self._statm = os.open(f"/proc/{self.pids[-1]}/statm", os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can still serve."""
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        return not poller.poll(0)

    def cpu_seconds(self) -> float:
        """Processor time of the worker and its interpreter so far."""
        return sum(_cpu_seconds(pid) for pid in self.pids)

    def resident_bytes(self) -> int:
        """Resident memory of the interpreter (of the worker itself, where it has no child)."""
        try:
            return int(os.pread(self._statm, 256, 0).split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0

    def private_bytes(self) -> int:
        """Private memory of the worker and its interpreter; needs the right to read their maps (0 without it)."""
        return sum(_private_bytes(pid) for pid in self.pids)

    def kill(self) -> None:
        """End the worker and everything that it started. Harmless when it is gone."""
        if self.pidfd < 0:
            return
        if self._owner == os.getpid():  # in a forked copy of the host it is the original's worker
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        for fd in (self.pidfd, self._statm):
            if fd >= 0:
                os.close(fd)
        self.pidfd = self._statm = -1

    def close(self) -> None:
        """Kill it and hang up."""
        self.kill()
        self.connection.close()

    def __del__(self) -> None:
        # A task that was cancelled while a thread made its worker never got to see it.
        if getattr(self, "pidfd", -1) >= 0 and os is not None:
            self.close()


def _pid_of(pidfd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise SandboxUnavailable("the kernel does not tell a worker's process id")


def _read_hello(connection: socket.socket) -> dict[str, str]:
    connection.settimeout(HELLO_SECONDS)
    try:
        (size,) = struct.unpack("<I", _exactly(connection, 4))
        if size > FRAME_BYTES:
            raise SandboxUnavailable(f"a fresh worker announced {size:,} bytes")
        return msgspec.msgpack.decode(_exactly(connection, size), type=Hello).layers
    except (OSError, msgspec.DecodeError) as error:
        raise SandboxUnavailable(f"a fresh worker did not report in ({error})") from None


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise SandboxUnavailable("a fresh worker died while it was being locked in; CELLBLOCK_DEBUG=1 shows its log")
        data += more
    return data


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, path.read_text(encoding="ascii").split())
    return found


def _cpu_seconds(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK_OF_PROCESS)
    except OSError:
        return 0.0


def _private_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
