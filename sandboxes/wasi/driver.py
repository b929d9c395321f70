"""Wall 1, wasi: CPython compiled to WebAssembly, run by wasmtime in the worker's own process.

The zygote maps the compiled code and instantiates the guest; each worker is a copy of that, and shares all memory that it does
not write. No memory becomes executable after that.
"""

from __future__ import annotations

import hashlib
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from wasmtime import Engine, WasmtimeError

import advice
import worker
from interpreter import INTERRUPT
from jail import lockdown
from wasi.artefact import ArtefactError, read_head
from wasi.cache import PREPARE, Cache, CacheError
from wasi.compile import load_modules
from wasi.delta import Image, changed, revert
from wasi.engine import HOST_STACK_BYTES, MIB, STACK_BYTES, cache_key, make_engine
from wasi.imports import State
from wasi.instance import Instance
from wasi.session import WasiInterpreter
from wasi.values import FORGET, OPEN, SHOWN_CELL, pack
from worker import Worker

ADVICE = advice.of_sandbox(Path(__file__).parent)
EPOCH_SECONDS = 0.005
"""Between two tries to interrupt a cell that catches everything."""
THREAD_END_SECONDS = 5.0
RESERVATION_BYTES = 5 * 2**30
"""Of address space for linear memory, which is reserved whole."""


@dataclass
class Warm:
    """What the zygote made for all workers."""

    engine: Engine
    instance: Instance
    image: Image
    touched: list[tuple[int, int]]
    """What a warm-up writes of the guest's memory."""


_WARM: list[Warm] = []


def files(options: dict[str, Any]) -> dict[str, str]:
    """What the jail's root holds: nothing of ours, since all is mapped by then."""
    return {"/dev/null": "/dev/null"}


def warm(options: dict[str, Any]) -> None:
    """Map the compiled guest and instantiate it, once, before workers are forked."""
    worker.warm()
    made: queue.SimpleQueue[Warm | Exception] = queue.SimpleQueue()

    def make() -> None:
        try:
            made.put(_make(Path(options["artefact"]), Cache(Path(options["cache"]))))
        except (ArtefactError, CacheError, WasmtimeError) as error:
            made.put(error)

    # On a thread with room for the guest's stack, which has ended before the zygote leaves the host's namespaces.
    _big_thread(make).join()
    _wait_until_alone()
    found = made.get()
    if isinstance(found, WasmtimeError):
        raise SystemExit(f"the compiled guest cannot be loaded here; {PREPARE}")
    if isinstance(found, Exception):
        raise SystemExit(str(found))
    _WARM.append(found)


def _wait_until_alone() -> None:
    # A thread that was joined has done its work, but the kernel may not have ended it: and a process that has another
    # thread may not make a user namespace.
    deadline = time.monotonic() + THREAD_END_SECONDS
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < deadline:
        time.sleep(0.001)


def _make(artefact: Path, cache: Cache) -> Warm:
    head = read_head(artefact)
    engine = make_engine()
    modules = load_modules(engine, cache.open_files(cache_key(head.digest), len(head.plan.steps)))
    instance = Instance(engine, modules, head.plan)
    _warm_up(instance)
    instance.host.state = State()
    data = instance.memory.read(0, instance.memory.size)
    image = Image(data, hashlib.sha256(data).digest())
    _warm_up(instance)
    touched = changed(instance.memory, image)
    warm = Warm(engine, instance, image, touched)
    _restore(warm)
    return warm


def _warm_up(instance: Instance) -> None:
    instance.request(OPEN, pack([["llm_query"], {"FILES": []}, 0]))
    for code in ("x = 1", "def f(a):\n    return a\n_cb_show((f(1)))", "1 / 0"):
        instance.ask(SHOWN_CELL, code)
    instance.request(FORGET)


def _restore(warm: Warm) -> None:
    # The guest is deterministic: what it writes is the same each time.
    revert(warm.instance.memory, warm.image, warm.touched)
    warm.instance.host.state = State()


def _big_thread(target: Any) -> threading.Thread:
    before = threading.stack_size(STACK_BYTES + HOST_STACK_BYTES)
    try:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        return thread
    finally:
        threading.stack_size(before)


class Guest:
    """What the zygote makes of a fresh worker process."""

    needs_threads = False
    forks = False
    own_pids = False
    address_bytes = lockdown.SHARED_BYTES + RESERVATION_BYTES

    def __init__(self, fd: int, memory_bytes: int, base_bytes: int) -> None:
        # Made before the last filter, which refuses the questions that a new socket object asks.
        self.connection = socket.socket(fileno=fd)
        self.warm = _WARM[0]
        # The guest's own limit is its store's. Beyond that a text on its way in or out is held here twice.
        self.data_bytes = base_bytes + 2 * memory_bytes + 192 * MIB
        instance, image = self.warm.instance, self.warm.image
        instance.limit(len(image.data) + memory_bytes)
        self.worker = Worker(self.connection, WasiInterpreter(instance, image, memory_bytes), ADVICE)
        instance.interrupt_wanted = self.worker.interrupt_wanted
        self._layers: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()

    def start(self) -> None:
        """Make the thread that will run the guest; none can be made later."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {INTERRUPT})
        try:
            _big_thread(self._work)
        except RuntimeError as error:
            raise OSError(str(error)) from error

    def serve(self, layers: dict[str, str]) -> NoReturn:
        """Let the other thread answer the host; this one waits for interrupts."""
        self._layers.put(layers)
        while True:
            signal.sigwait({INTERRUPT})
            while self.worker.interrupt_wanted():
                self.warm.engine.increment_epoch()
                signal.sigtimedwait({INTERRUPT}, EPOCH_SECONDS)

    def _work(self) -> None:
        try:
            # A copied process pays for each page that it is first to read or write: before anybody waits for it.
            _warm_up(self.warm.instance)
            _restore(self.warm)
            self.worker.serve(self._layers.get())
        except BaseException:  # noqa: BLE001 - the worker's top frame: the log is the only one left to tell
            traceback.print_exc()
        finally:
            os._exit(70)
