"""One worker process as the host sees it: a socket, a pidfd, clocks and memory read from the kernel, never from the worker."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import threading
import time
from array import array
from pathlib import Path

import anyio
import msgspec

from ..errors import SandboxBroken, SandboxUnavailable
from .gate import Lineage
from .watch import watch
from .wire import FRAME_BYTES, Hello

HELLO_SECONDS = 20.0
INTERRUPT = signal.SIGUSR1
_PAGE = os.sysconf("SC_PAGESIZE")
_CREDENTIALS = struct.Struct("iII")
_HELLO = msgspec.msgpack.encode({"t": "hello", "layers": {}})
_COPYS_HELLO = struct.pack("<I", len(_HELLO)) + _HELLO
_CPU_CLOCK_OF_PROCESS = 2
"""Source: CPUCLOCK_SCHED in the kernel's posix-timers.h; a clock id is `~pid << 3 | 2`."""


class WorkerProcess:
    """A locked worker that has said hello and has served nobody yet, or a copy of one that serves.

    Attributes:
        layers: each wall and layer, `on` or why not, as measured when it was made.
        memory_bytes: the interpreter memory that it was made for.
        lineage: it and its copies, where it can be copied.
    """

    def __init__(self, connection: socket.socket, pidfd: int, memory_bytes: int, layers: dict[str, str]) -> None:
        """Use `greeted` or `copied`."""
        self.connection, self.pidfd, self.memory_bytes, self.layers = connection, pidfd, memory_bytes, layers
        self.lineage: Lineage | None = None
        self.pid, self.pids = -1, tuple[int, ...]()
        self._statm, self._owner, self._lock = -1, os.getpid(), threading.Lock()
        self._resting_cpu: float | None = None
        self._told_to_end = False

    @classmethod
    def greeted(cls, connection: socket.socket, pidfd: int, memory_bytes: int, *, gated: bool = False) -> WorkerProcess:
        """A fresh worker, once it is locked and has said so. Blocks.

        Raises:
            SandboxUnavailable: it did not come up; the message says why.
        """
        worker = cls(connection, pidfd, memory_bytes, {})
        try:
            connection.settimeout(HELLO_SECONDS)
            listener = _read_listener(connection) if gated else -1
            worker.pid = pid = _pid_of(pidfd)
            if listener >= 0:
                worker.lineage = Lineage(listener, pid)
            worker.layers = _read_hello(connection)
            if (interpreter := worker.layers.pop("interpreter", "on")) != "on":
                raise SandboxUnavailable(f"the interpreter did not start ({interpreter[:500]})")
            # Read once, while all code in the worker is still ours: afterwards nobody can add a process.
            worker._take(pid, (pid, *_children(pid)))
        except BaseException:
            worker.kill()
            raise
        return worker

    def copied(self, connection: socket.socket, pid: int) -> WorkerProcess:
        """The copy of this worker that said hello on `connection`, by the process id that the kernel told.

        Raises:
            SandboxBroken: that process is no copy of this one, or died.
        """
        assert self.lineage is not None
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            raise SandboxBroken("the worker's copy died at once") from error
        # The process behind the descriptor is the copy if it is the worker's child and still lives: a number may be used anew.
        # Until that is sure it is nobody that we may kill.
        if pid == self.pid or _parent(pid) != self.pid or _ended(pidfd):
            os.close(pidfd)
            raise SandboxBroken("another process answered in place of the worker's copy")
        copy = WorkerProcess(connection, pidfd, self.memory_bytes, dict(self.layers))
        try:
            copy._take(pid, (pid,))
        except OSError as error:
            copy.kill()
            raise SandboxBroken("the worker's copy died at once") from error
        copy.lineage = self.lineage
        self.lineage.add(pid)
        return copy

    def _take(self, pid: int, pids: tuple[int, ...]) -> None:
        self.pid, self.pids = pid, pids
        # Kept open: it is read after every cell.
        self._statm = os.open(f"/proc/{pids[-1]}/statm", os.O_RDONLY | os.O_CLOEXEC)
        self.rest()
        watch(self)

    @property
    def alive(self) -> bool:
        """Whether it can still serve."""
        return self.pidfd >= 0 and not self._told_to_end and not _ended(self.pidfd)

    def rest(self) -> None:
        """From now on it has nothing to do."""
        self._resting_cpu = self.cpu_seconds()

    def wake(self) -> None:
        """It is asked something: its clock is somebody's now."""
        self._resting_cpu = None

    def end_if_it_works_unasked(self, allowed_seconds: float) -> None:
        """Kill it if it used more processor time than that since it was last asked. For another thread."""
        resting = self._resting_cpu
        if resting is not None and self.cpu_seconds() - resting > allowed_seconds:
            self.end()

    def interrupt(self) -> None:
        """Wake it up to look at which exec is to be interrupted."""
        self._signal(INTERRUPT)

    def end(self) -> None:
        """Send it the signal that ends it, and nothing else: whoever uses its descriptors goes on using them."""
        self._told_to_end = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:  # the descriptor's number must not be another's by now
            if self.pidfd >= 0 and self._owner == os.getpid():  # in a forked copy of the host it is the original's worker
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self.pidfd, number)

    def cpu_seconds(self) -> float:
        """Processor time of the worker and its interpreter so far."""
        return sum(_cpu_seconds(pid) for pid in self.pids)

    def resident_bytes(self) -> int:
        """Resident memory of the interpreter (of the worker itself, where it has no child)."""
        return self._pages()[1] * _PAGE

    def own_bytes(self) -> int:
        """The part of `resident_bytes` that is no file's: neither the program's nor the context's pages."""
        _, resident, shared = self._pages()
        return (resident - shared) * _PAGE

    def _pages(self) -> tuple[int, int, int]:
        """Pages of memory in all, those that are resident, and those of the latter that are a file's."""
        try:
            size, resident, shared = map(int, os.pread(self._statm, 256, 0).split()[:3])
        except (OSError, ValueError):
            return 0, 0, 0
        return size, resident, shared

    def private_bytes(self) -> int:
        """Private memory of the worker and its interpreter; needs the right to read their maps (0 without it)."""
        return sum(_private_bytes(pid) for pid in self.pids)

    def kill(self) -> None:
        """End the worker and everything that it started, and free what belongs to it. Harmless when it is gone."""
        if self.pidfd < 0:
            return
        if self.lineage is not None and self._owner == os.getpid():
            self.lineage.remove(self.pid)
        self.end()
        with self._lock:
            for fd in (self.pidfd, self._statm):
                if fd >= 0:
                    os.close(fd)
            self.pidfd = self._statm = -1
        self._resting_cpu = None

    def close(self) -> None:
        """Kill it and hang up."""
        self.kill()
        self.connection.close()

    def __del__(self) -> None:
        # A task that was cancelled while a thread made its worker never got to see it.
        if getattr(self, "pidfd", -1) >= 0 and os is not None:
            self.close()


async def pid_of_copy(connection: socket.socket) -> int:
    """The process id of whoever says a copy's hello on this socket, as the kernel tells it. `SO_PASSCRED` has to be on.

    Raises:
        SandboxBroken: something else was said.
    """
    await anyio.wait_readable(connection)
    try:
        data, ancillary, _, _ = connection.recvmsg(len(_COPYS_HELLO), socket.CMSG_SPACE(_CREDENTIALS.size))
    except OSError as error:
        raise SandboxBroken(f"the worker's copy did not report in ({error})") from error
    found = [content for level, kind, content in ancillary if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS]
    if data != _COPYS_HELLO or len(found) != 1:
        raise SandboxBroken("the worker's copy said something else than hello")
    pid: int = _CREDENTIALS.unpack(found[0])[0]
    return pid


def received(connection: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """At most so many bytes, and the one descriptor that came along, if one did. No program that this process starts inherits it.

    Raises:
        OSError: nothing can be read.
    """
    # Not by `socket.recv_fds`: up to Python 3.13 it takes flags and does not pass them on, and whoever held a worker's pidfd or the
    # listener of its fork gate could end it, or answer for us.
    fds = array("i")
    data, ancillary, _, _ = connection.recvmsg(size, socket.CMSG_LEN(fds.itemsize), socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) // fds.itemsize * fds.itemsize])
    return data, list(fds)


def _ended(pidfd: int) -> bool:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(0))


def _pid_of(pidfd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise SandboxUnavailable("the kernel does not tell a worker's process id")


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return -1
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:")), -1)


def _read_listener(connection: socket.socket) -> int:
    try:
        _, fds = received(connection, 1)
    except OSError as error:
        raise SandboxUnavailable(f"a fresh worker did not report in ({error})") from None
    return fds[0] if fds else -1


def _read_hello(connection: socket.socket) -> dict[str, str]:
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
