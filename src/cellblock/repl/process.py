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

from ..errors import SandboxBroken, SandboxUnavailable
from .gate import allow_one_fork
from .wire import FRAME_BYTES, Hello

HELLO_SECONDS = 20.0
FORK_SECONDS = 10.0
INTERRUPT = signal.SIGUSR1
_PAGE = os.sysconf("SC_PAGESIZE")
_CREDENTIALS = struct.Struct("iII")
_CPU_CLOCK_OF_PROCESS = 2
"""Source: CPUCLOCK_SCHED in the kernel's posix-timers.h; a clock id is `~pid << 3 | 2`."""


class WorkerProcess:
    """A locked worker that has said hello and has served nobody yet, or a copy of one that serves.

    Attributes:
        layers: each wall and layer, `on` or why not, as measured when it was made.
        memory_bytes: the interpreter memory that it was made for.
    """

    def __init__(
        self, connection: socket.socket, pidfd: int, memory_bytes: int, *, gated: bool = False, original: WorkerProcess | None = None
    ):
        self.connection, self.pidfd, self.memory_bytes = connection, pidfd, memory_bytes
        self._statm, self._owner, self._listener = -1, os.getpid(), -1
        self.layers: dict[str, str] = {}
        try:
            self.pid = _pid_of(pidfd)
            if original is not None:
                self.layers, self._listener = dict(original.layers), os.dup(original._listener)
            else:
                self._greet(gated)
            # Read once, while all code in the worker is still ours: afterwards nobody can add a process.
            self.pids = (self.pid, *_children(self.pid)) if original is None else (self.pid,)
            # Kept open: it is read after every cell.
            self._statm = os.open(f"/proc/{self.pids[-1]}/statm", os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self.kill()
            raise

    def _greet(self, gated: bool) -> None:
        self.connection.settimeout(HELLO_SECONDS)
        if gated:
            self._listener = _read_listener(self.connection)
        self.layers = _read_hello(self.connection)
        if (interpreter := self.layers.pop("interpreter", "on")) != "on":
            raise SandboxUnavailable(f"the interpreter did not start ({interpreter[:500]})")

    @property
    def alive(self) -> bool:
        """Whether it can still serve."""
        return self.pidfd >= 0 and not _ended(self.pidfd)

    def copied(self, connection: socket.socket) -> WorkerProcess:
        """The copy that it makes of itself now, having been asked to; `connection` is our end of the copy's socket. Blocks.

        Raises:
            SandboxBroken: it did not, or lied about it.
        """
        if self._listener < 0:
            raise SandboxBroken("this worker cannot be copied")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        connection.settimeout(FORK_SECONDS)
        allow_one_fork(self._listener, FORK_SECONDS)
        pid = _read_copys_hello(connection)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            raise SandboxBroken("the worker's copy died at once") from error
        # The process behind the descriptor is the copy if it is the worker's child and still lives: a number may be used anew.
        if pid == self.pid or _parent(pid) != self.pid or _ended(pidfd):
            os.close(pidfd)
            raise SandboxBroken("another process answered in place of the worker's copy")
        return WorkerProcess(connection, pidfd, self.memory_bytes, original=self)

    def interrupt(self) -> None:
        """Wake it up to look at which exec is to be interrupted."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, INTERRUPT)

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
        for fd in (self.pidfd, self._statm, self._listener):
            if fd >= 0:
                os.close(fd)
        self.pidfd = self._statm = self._listener = -1

    def close(self) -> None:
        """Kill it and hang up."""
        self.kill()
        self.connection.close()

    def __del__(self) -> None:
        # A task that was cancelled while a thread made its worker never got to see it.
        if getattr(self, "pidfd", -1) >= 0 and os is not None:
            self.close()


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
        _, fds, _, _ = socket.recv_fds(connection, 1, 1, socket.MSG_CMSG_CLOEXEC)
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


def _read_copys_hello(connection: socket.socket) -> int:
    """The process id of whoever said hello, which the kernel tells."""
    expected = msgspec.msgpack.encode({"t": "hello", "layers": {}})
    frame = struct.pack("<I", len(expected)) + expected
    try:
        data, ancillary, _, _ = connection.recvmsg(len(frame), socket.CMSG_SPACE(_CREDENTIALS.size))
    except OSError as error:
        raise SandboxBroken(f"the worker's copy did not report in ({error})") from error
    found = [content for level, kind, content in ancillary if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS]
    if data != frame or len(found) != 1:
        raise SandboxBroken("the worker's copy said something else than hello")
    pid: int = _CREDENTIALS.unpack(found[0])[0]
    return pid


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
