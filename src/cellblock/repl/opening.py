"""A worker for a session: from the pool, with the session's context and names, and on its base."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

import anyio

from ..errors import SandboxBroken, SandboxUnavailable, StoreError
from ..in_thread import in_thread
from .base import Base, SavedState
from .guests import REQUIRED_LAYERS
from .history import History
from .live import FrozenWorker, Live, SessionOptions
from .process import WorkerProcess
from .wire import Opened, Wire, WorkerDied
from .zygote import Spares, running_spares, spares_for

OPEN_SECONDS = 20.0
LOAD_SECONDS, LOAD_BYTES_PER_SECOND = 3.0, 20 * 2**20
"""Beside the wall limit of a cell, for taking a saved state: it may hold whatever an earlier cell put into it, which runs again."""
REPEAT_SECONDS, REPEAT_FACTOR = 2.0, 5.0


async def open_live(options: SessionOptions, history: History) -> Live:
    """A worker that stands where the session stands: on its base, with everything since done again.

    Raises:
        SandboxUnavailable: none can be had, or a layer is missing.
        SandboxBroken: it died, or went differently, or did not open the session in time.
        StoreError: it does not take the saved state.
    """
    base = history.base
    if history.is_lost:
        raise SandboxBroken("the session's worker is gone, and its history was too large to be kept; open another session")
    live = await base.thaw() if isinstance(base, FrozenWorker) else await _fresh(options, base)
    try:
        # In all: what it took, several times over. A worker that sees that it is asked again gains no time by it.
        ends = time.monotonic() + REPEAT_SECONDS + REPEAT_FACTOR * history.seconds
        for ran in list(history.ran):
            await live.again(ran, max(0.01, ends - time.monotonic()))
    except BaseException:
        live.end()
        raise
    return live


async def _fresh(options: SessionOptions, base: Base | None) -> Live:
    pool = await _pool(options)
    zygote, memory_bytes = pool.zygote, options.limits.memory_bytes
    process = pool.take(memory_bytes)
    if process is None:
        process = await in_thread(pool.spawn, memory_bytes, undo=WorkerProcess.close)
    try:
        return await _opened(process, options, base)
    except SandboxBroken:
        if zygote.alive:
            raise
    # It went with its zygote, which somebody ended, such as a kernel that is out of memory. Another zygote makes another one.
    return await _opened(await in_thread(pool.spawn, memory_bytes, undo=WorkerProcess.close), options, base)


async def _opened(process: WorkerProcess, options: SessionOptions, base: Base | None) -> Live:
    try:
        live = Live(process, Wire(process.connection, options.caps), options)
    except BaseException:
        process.close()
        raise
    try:
        _check_layers(process.layers, options)
        process.wake()
        await _open(live, base if isinstance(base, SavedState) else None)
    except BaseException as error:
        live.end()
        if isinstance(error, WorkerDied) and base is not None:
            raise SandboxBroken("the worker died while it took the saved state; it may need more memory_bytes") from None
        if isinstance(error, TimeoutError):
            seconds = open_seconds(options, base if isinstance(base, SavedState) else None)
            raise SandboxBroken(f"the worker did not open the session within {seconds:.1f} s") from None
        if isinstance(error, OSError):
            raise SandboxBroken(f"the worker died before the session was open ({error.strerror})") from None
        raise
    return live


async def _open(live: Live, saved: SavedState | None) -> None:
    context = live.options.context
    fds = [live.wire.mail, *([context.fd] if context else []), *([saved.fd] if saved else [])]
    socket.send_fds(live.process.connection, [b"!"], fds)
    with anyio.fail_after(open_seconds(live.options, saved)):
        await live.wire.send(_frame(live, saved))
        opened = await live.wire.receive()
    if not isinstance(opened, Opened):
        raise SandboxBroken("the worker did not open the session")
    live.process.rest()
    if opened.error is not None:
        raise StoreError(f"the interpreter refuses this snapshot's state: {opened.error[:500]}")


def open_seconds(options: SessionOptions, saved: SavedState | None) -> float:
    """For which a worker may take to open a session: on a state of much, or under a generous limit, longer."""
    if saved is None:
        return OPEN_SECONDS
    return min(OPEN_SECONDS, LOAD_SECONDS + options.limits.wall_seconds + saved.size / LOAD_BYTES_PER_SECOND)


def _frame(live: Live, saved: SavedState | None) -> dict[str, Any]:
    options, caps = live.options, live.options.caps
    return {
        "t": "open",
        "far": sorted(options.externals),
        "caps": {"total_bytes": caps.total_bytes, "items": caps.items, "depth": caps.depth, "digits": caps.digits},
        "mail_bytes": 2 * live.wire.half,
        "seed": options.seed,
        "clock": options.clock,
        "has_context": options.context is not None,
        "state_bytes": saved.size if saved else None,
    }


def _check_layers(layers: Mapping[str, str], options: SessionOptions) -> None:
    missing = [f"{name} ({layers.get(name, 'not reported')})" for name in REQUIRED_LAYERS if layers.get(name) != "on"]
    if missing and not options.allow_weak_isolation:
        raise SandboxUnavailable(
            f"sandbox {options.spec.name!r} lacks a layer here: {', '.join(missing)}; allow_weak_isolation=True runs without"
        )


async def _pool(options: SessionOptions) -> Spares:
    running = running_spares(options.spec, options.tenant)
    if running is not None:
        return running
    return await in_thread(spares_for, options.spec, options.tenant, options.seed)
