"""The process that workers are forked from, and the spare workers that wait so that a session starts at once."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

from ..errors import SandboxUnavailable
from ..in_thread import begin_thread
from ..limits import ExecLimits
from .guests import GuestSpec, sandboxes_folder
from .keys import tenant_seed
from .process import WorkerProcess, received

READY_SECONDS = 60.0
SPARES = 2
REFILL_PAUSE_SECONDS = 0.02
RETRY_SECONDS = 1.0
_LOG_CHARS = 2_000


class Zygote:
    """One per sandbox and tenant: workers share its address layout, so tenants must not share it.

    Args:
        seed: that of most sessions, for which its workers make themselves ready; any other costs a millisecond at most.

    Everything here blocks for milliseconds; asynchronous callers use a thread. Safe to use from many threads.
    """

    def __init__(self, spec: GuestSpec, seed: int = 0) -> None:
        self.spec, self.seed = spec, seed
        self._lock = threading.Lock()
        self._out_of_step = False
        self._control, self._process = self._start()

    def spawn(self, memory_bytes: int) -> WorkerProcess:
        """A fresh locked worker.

        Raises:
            SandboxUnavailable: the zygote or the worker died; the message says why, as far as it is known.
        """
        try:
            mine, theirs = socket.socketpair()
        except OSError as error:
            raise SandboxUnavailable(f"no descriptors for another worker: {error.strerror}") from error
        try:
            return WorkerProcess.greeted(mine, self._fork(memory_bytes, theirs), memory_bytes, gated=self.spec.facts.forks)
        except BaseException as error:
            mine.close()
            if isinstance(error, OSError):
                raise SandboxUnavailable(f"the zygote of sandbox {self.spec.name!r} is gone: {error.strerror}") from error
            raise

    def _fork(self, memory_bytes: int, theirs: socket.socket) -> int:
        with self._lock, theirs:
            data, fds = (b"", []) if self._out_of_step else self._ask(memory_bytes, theirs.fileno())
        if not data:
            raise SandboxUnavailable(f"the zygote of sandbox {self.spec.name!r} died")
        if not fds:
            raise SandboxUnavailable("no descriptors for another worker")
        return fds[0]

    def _ask(self, memory_bytes: int, fd: int) -> tuple[bytes, list[int]]:
        try:
            socket.send_fds(self._control, [json.dumps({"spawn": memory_bytes, "seed": self.seed}).encode()], [fd])
            data, fds = received(self._control, 4096)
        except BaseException:
            # An answer that comes after we gave up would be taken for the next worker's: that zygote forks no more.
            self._out_of_step = True
            raise
        self._out_of_step = not data
        return data, fds

    @property
    def alive(self) -> bool:
        """Whether it can still fork workers."""
        return not self._out_of_step and self._process.poll() is None

    def close(self) -> None:
        """Hang up: the zygote and every worker end."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def _start(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        if sys.platform != "linux":
            raise SandboxUnavailable(f"sandbox {self.spec.name!r} needs Linux (namespaces, Landlock, seccomp); this is {sys.platform}")
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        debug = bool(os.environ.get("CELLBLOCK_DEBUG"))
        with tempfile.TemporaryDirectory(prefix="cellblock-root-") as root, tempfile.TemporaryFile() as log:
            os.chmod(root, 0o755)  # noqa: PTH101 - the workers' user must be able to stand in it
            options = {"driver": str(self.spec.driver), "root": root, "path": [p for p in sys.path if p], **self.spec.options}
            command = [
                sys.executable,
                "-s",
                "-P",
                "-B",
                str(sandboxes_folder() / "jail" / ("zygote.py" if self.spec.jailed else "unjailed.py")),
                str(theirs.fileno()),
                json.dumps(options),
            ]
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if debug else log,
                env=_environment(),
                cwd="/",
                start_new_session=True,
            )
            theirs.close()
            mine.settimeout(READY_SECONDS)
            with contextlib.suppress(OSError):
                if mine.recv(4096):
                    return mine, process
            mine.close()
            raise SandboxUnavailable(f"sandbox {self.spec.name!r} could not start: {_last_line(log, process)}")


def _environment() -> dict[str, str]:
    # Nothing of the host's environment: it holds keys. The one exception says where the interpreter is installed.
    # One hash seed everywhere: the order of a set of texts is part of what a cell prints.
    fixed = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "PYTHONHASHSEED": "0"}
    return fixed | {name: os.environ[name] for name in ("MONTY_BIN",) if name in os.environ}


def _last_line(log: object, process: subprocess.Popen[bytes]) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    process.kill()
    process.wait()
    log.seek(0)  # type: ignore[attr-defined]
    lines = log.read()[-_LOG_CHARS:].decode("utf-8", "replace").strip().splitlines()  # type: ignore[attr-defined]
    return lines[-1] if lines else f"exit status {process.returncode}"


class Spares:
    """A few locked workers per zygote, never used by anyone, refilled by a thread of its own."""

    def __init__(self, spec: GuestSpec, count: int = SPARES, seed: int = 0) -> None:
        self.spec, self.count, self.seed = spec, count, seed
        self.zygote = Zygote(spec, seed)
        self.memory_bytes = ExecLimits().memory_bytes
        self._ready: list[WorkerProcess] = []
        self._wanted = threading.Condition()
        self._replacing = threading.Lock()
        self._closed = False
        begin_thread(self._refill)

    def take(self, memory_bytes: int) -> WorkerProcess | None:
        """A spare made for that much memory, None where there is none: then `spawn` one."""
        with self._wanted:
            self._wanted.notify_all()
            while memory_bytes == self.memory_bytes and self._ready:
                worker = self._ready.pop()
                if worker.alive:
                    return worker
                worker.close()
            return None

    def spawn(self, memory_bytes: int) -> WorkerProcess:
        """A worker made to order. Replaces a dead zygote once.

        Raises:
            SandboxUnavailable: no worker can be had.
        """
        zygote = self.zygote
        try:
            if zygote.alive:
                return zygote.spawn(memory_bytes)
        except SandboxUnavailable:
            if zygote.alive:
                raise
        return self._replaced(zygote).spawn(memory_bytes)

    def wait_ready(self, seconds: float = READY_SECONDS) -> bool:
        """Whether all spares are there, waiting for them at most so long."""
        with self._wanted:
            return self._wanted.wait_for(lambda: len(self._ready) >= self.count or self._closed, seconds)

    def close(self) -> None:
        """Kill the spares and the zygote, and with it every session."""
        with self._wanted:
            self._closed = True
            for worker in self._ready:
                worker.close()
            self._ready.clear()
            self._wanted.notify_all()
        with self._replacing:
            self.zygote.close()

    def _replaced(self, dead: Zygote) -> Zygote:
        with self._replacing:  # which takes long; whoever takes a spare from the event loop does not wait for it
            if self._closed:
                raise SandboxUnavailable(f"the workers of sandbox {self.spec.name!r} were ended")
            if self.zygote is dead:
                dead.close()
                self.zygote = Zygote(self.spec, self.seed)
            return self.zygote

    def _refill(self) -> None:
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._closed or len(self._ready) < self.count)
                if self._ready and not self._closed:
                    # Whoever took the other spare is opening a session right now: do not take the processor from under it.
                    self._wanted.wait_for(lambda: self._closed or not self._ready, REFILL_PAUSE_SECONDS)
                if self._closed:
                    return
            try:
                worker = self.spawn(self.memory_bytes)
            except SandboxUnavailable:  # whoever asks for a session next gets the reason; spares are a convenience
                with self._wanted:
                    self._wanted.wait_for(lambda: self._closed, RETRY_SECONDS)
                continue
            with self._wanted:
                if self._closed:
                    worker.close()
                    return
                self._ready.append(worker)
                self._wanted.notify_all()


_POOLS: dict[tuple[tuple[str, ...], str], Spares] = {}
_POOLS_LOCK = threading.Lock()


def spares_for(spec: GuestSpec, tenant: str, seed: int | None = None) -> Spares:
    """The pool of that sandbox and tenant; started at the first call, which takes some hundred milliseconds.

    Args:
        seed: that of most of the tenant's sessions, as the first call says; None takes the tenant's own.

    Raises:
        SandboxUnavailable: the sandbox cannot start here.
    """
    with _POOLS_LOCK:
        key = (spec.start, tenant)
        if key not in _POOLS:
            _POOLS[key] = Spares(spec, seed=tenant_seed(tenant) if seed is None else seed)
        return _POOLS[key]


def running_spares(spec: GuestSpec, tenant: str) -> Spares | None:
    """The pool of that sandbox and tenant if it has started; never blocks for long."""
    return _POOLS.get((spec.start, tenant))


def close_pool(spec: GuestSpec, tenant: str = "default") -> None:
    """End the zygote of that sandbox and tenant, if it has one, and every worker of it."""
    with _POOLS_LOCK:
        pool = _POOLS.pop((spec.start, tenant), None)
    if pool is not None:
        pool.close()


def close_others(tenant: str) -> None:
    """End the zygotes of all tenants but one, and every worker of them."""
    with _POOLS_LOCK:
        pools = [_POOLS.pop(key) for key in list(_POOLS) if key[1] != tenant]
    for pool in pools:
        pool.close()


def ready_everywhere() -> bool:
    """Whether all pools have their spares, waiting for them."""
    with _POOLS_LOCK:
        pools = list(_POOLS.values())
    return all([pool.wait_ready() for pool in pools])


def close_all() -> None:
    """End every zygote, and with them every worker. Runs by itself at exit."""
    with _POOLS_LOCK:
        pools = list(_take(_POOLS))
    for pool in pools:
        pool.close()


def _take(pools: dict[tuple[tuple[str, ...], str], Spares]) -> Iterator[Spares]:
    while pools:
        yield pools.popitem()[1]


atexit.register(close_all)


def _forget_all() -> None:
    # A forked copy of this process must neither use nor end the original's workers, nor wait for its threads' locks.
    global _POOLS_LOCK
    _POOLS_LOCK = threading.Lock()
    _POOLS.clear()


os.register_at_fork(after_in_child=_forget_all)
