"""A live session across the boundary: the host's end of one REPL."""

from __future__ import annotations

import keyword
import os
import socket
import time
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from ..errors import ConfigError, LimitExceeded, SandboxBroken, SandboxError, SandboxUnavailable
from ..limits import ExecLimits
from ..values import DEFAULT_CAPS, Value, ValueCaps
from .cell import CellRun
from .guests import REQUIRED_LAYERS, GuestSpec
from .history import History, Ran, open_frame
from .meter import Meter
from .process import WorkerProcess
from .protocol import ContextFile, ExecResult, External
from .registry import find_sandbox
from .wire import Answer, Done, Opened, Wire
from .zygote import Spares, running_spares, spares_for

T = TypeVar("T")
OPEN_SECONDS = 20.0
CHECKPOINT_AFTER_SECONDS = 0.25
"""Once the cells since the last checkpoint took longer than this, another is worth its cost."""
CHECKPOINT_AFTER_BYTES = 16 * 2**20
"""Once they were given more than this: it is all held here, to be given again."""
DUMPABLE_SHARE = 0.2
"""Of the memory limit: above it the interpreter cannot write its own checkpoint (it needs the heap four times over)."""


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What stays the same for a session's whole life, roll-backs and forks included."""

    spec: GuestSpec
    externals: Mapping[str, External]
    context: ContextFile | None
    limits: ExecLimits
    seed: int
    clock: float
    tenant: str
    allow_weak_isolation: bool
    caps: ValueCaps = field(default_factory=lambda: DEFAULT_CAPS)


@dataclass
class _Live:
    """A worker that serves this session now."""

    process: WorkerProcess
    wire: Wire

    def end(self) -> None:
        self.process.kill()
        self.wire.close()


class Session:
    """One REPL in one worker of its own. Not for two tasks at once."""

    def __init__(self, options: SessionOptions, history: History) -> None:
        self._options, self._history = options, history
        self._live: _Live | None = None
        self._next_id = 0
        self._busy = False
        self._closed = False
        self._owner = os.getpid()
        self.layers: Mapping[str, str] = {}

    @property
    def sandbox(self) -> str:
        """Its sandbox's name."""
        return self._options.spec.name

    async def __aenter__(self) -> Self:
        """Itself; leaving the block closes it."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        await self.aclose()

    # -- the contract

    async def exec(self, code: str, *, limits: ExecLimits | None = None) -> ExecResult:
        """Run one cell whole; see `REPLProtocol.exec`."""
        limits = limits or self._options.limits
        if limits.memory_bytes != self._options.limits.memory_bytes:
            raise ConfigError(f"memory_bytes is fixed when a session opens ({self._options.limits.memory_bytes:,}); open another one")
        return await self._guarded(lambda live: self._exec(live, code, limits))

    async def get(self, name: str) -> Value:
        """A variable's value; see `REPLProtocol.get`."""
        return await self._guarded(lambda live: self._ask(live, {"t": "get", "name": _identifier(name[:1_000])}))

    async def set(self, name: str, value: Value) -> None:
        """Bind a variable; see `REPLProtocol.set`."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigError(f"{name[:100]!r} is not a variable's name")
        name = _identifier(name)
        await self._guarded(lambda live: self._set(live, name, value))
        self._history.add(Ran("", name=name, value=value), 0.0)

    async def dump(self) -> bytes:
        """The state between cells; see `REPLProtocol.dump`."""
        await self._guarded(self._checkpoint)
        return self._history.read()

    async def fork(self) -> Session:
        """An independent copy in a worker of its own."""
        self._check_usable()
        other = Session(self._options, self._history.copy())
        try:
            await other._guarded(_nothing)
        except BaseException:
            await other.aclose()
            raise
        return other

    def private_bytes(self) -> int:
        """Memory that this session's worker shares with nobody; 0 where it has none now or its maps may not be read."""
        return self._live.process.private_bytes() if self._live else 0

    async def aclose(self) -> None:
        """Kill the worker and free everything; a call that another task has under way fails, and frees what it still needs."""
        self._closed = True
        if self._busy and self._live is not None:
            self._live.process.kill()
        self._free()

    # -- one request at a time, on a worker that is there

    async def _guarded(self, work: Callable[[_Live], Awaitable[T]]) -> T:
        self._check_usable()
        self._busy = True
        try:
            live = self._live or await self._start()
            return await work(live)
        except (TypeError, LookupError):  # the guest's "no", between two cells: nothing is broken
            raise
        except BaseException:
            # Cancelled or broken in the middle: the worker's state is unknown, the history's is not.
            self._drop()
            raise
        finally:
            self._busy = False
            if self._closed:
                self._free()

    def _free(self) -> None:
        # Not under the hands of a task that waits for the socket: its number may be another session's at once.
        if not self._busy:
            self._drop()
            self._history.close()

    def _check_usable(self) -> None:
        if self._closed:
            raise ConfigError("this session is closed; open another one")
        if self._owner != os.getpid():
            raise ConfigError("this session belongs to the process that forked this one; open another one here")
        if self._busy:
            raise ConfigError("this session is busy with another call; await that one first, or fork")

    def _drop(self) -> None:
        if self._live is not None:
            self._live.end()
            self._live = None

    async def _start(self) -> _Live:
        live = await self._open()
        try:
            for ran in list(self._history.ran):
                await self._again(live, ran)
        except BaseException:
            live.end()
            raise
        self._live = live
        return live

    async def _open(self) -> _Live:
        options = self._options
        process = await _take_worker(options.spec, options.tenant, options.limits.memory_bytes)
        try:
            live = _Live(process, Wire(process.connection, options.caps))
        except BaseException:
            process.close()
            raise
        try:
            _check_layers(process.layers, options)
            self.layers = process.layers
            fds = [live.wire.mail, self._history.fd, *([options.context.fd] if options.context else [])]
            socket.send_fds(process.connection, [b"!"], fds)
            with anyio.fail_after(OPEN_SECONDS):
                await live.wire.send(self._open_frame(live.wire))
                if not isinstance(await live.wire.receive(), Opened):
                    raise SandboxBroken("the worker did not open the session")
        except BaseException as error:
            live.end()
            if isinstance(error, TimeoutError):
                raise SandboxBroken(f"the worker did not open the session within {OPEN_SECONDS:g} s") from None
            if isinstance(error, OSError):
                raise SandboxBroken(f"the worker died before the session was open ({error.strerror})") from None
            raise
        return live

    def _open_frame(self, wire: Wire) -> dict[str, Any]:
        options, caps = self._options, self._options.caps
        return open_frame(
            self._history,
            far=sorted(options.externals),
            caps={"total_bytes": caps.total_bytes, "items": caps.items, "depth": caps.depth, "digits": caps.digits},
            mail_bytes=2 * wire.half,
            seed=options.seed,
            clock=options.clock,
            has_context=options.context is not None,
        )

    # -- the requests

    async def _exec(self, live: _Live, code: str, limits: ExecLimits) -> ExecResult:
        meter = Meter(live.wire, live.process, limits)
        run = CellRun(live.wire, meter, limits, self._options.externals)
        try:
            done = await self._run(live, run, code, limits)
            result = run.result(done)
        except LimitExceeded as limit:
            self._drop()
            return run.stopped(limit)
        if done.lost:
            self._drop()
            return result
        self._history.add(Ran(code, tuple(run.answers), limits), meter.wall, meter.taken)
        resident = live.process.resident_bytes()
        is_due = self._history.seconds > CHECKPOINT_AFTER_SECONDS or self._history.given > CHECKPOINT_AFTER_BYTES
        if is_due and resident < DUMPABLE_SHARE * limits.memory_bytes:
            await self._checkpoint(live)
        return replace(result, usage=run.usage(done, peak=resident))

    async def _run(self, live: _Live, run: CellRun, code: str, limits: ExecLimits) -> Done:
        self._next_id += 1
        try:
            source = live.wire.pack(code)
        except ValueError as error:
            raise ConfigError(f"the cell's source cannot cross: {error}") from None
        await run.meter.send({"t": "exec", "id": self._next_id, "code": source, "output_chars": limits.output_chars})
        return await run.run(self._next_id)

    async def _again(self, live: _Live, ran: Ran) -> None:
        if ran.name is not None:
            await self._set(live, ran.name, ran.value)
            return
        limits = ran.limits or self._options.limits
        generous = replace(limits, wall_seconds=60 + 10 * self._history.seconds, cpu_seconds=60 + 10 * self._history.seconds)
        run = CellRun(live.wire, Meter(live.wire, live.process, generous), generous, self._options.externals, recorded=list(ran.answers))
        try:
            done = await self._run(live, run, ran.code, generous)
        except LimitExceeded as error:
            raise SandboxBroken(f"the session could not be brought back: {error}") from None
        if done.lost or len(run.answers) != len(ran.answers):
            raise SandboxBroken("the session could not be brought back: a cell ran differently the second time")

    async def _set(self, live: _Live, name: str, value: Value) -> None:
        try:
            packed = live.wire.pack(value)
        except ValueError as error:
            raise TypeError(str(error)) from None
        await self._ask(live, {"t": "set", "name": name, "value": packed})

    async def _checkpoint(self, live: _Live) -> None:
        offset = self._history.spare_offset
        size = await self._ask(live, {"t": "checkpoint", "offset": offset})
        if type(size) is not int or not 0 < size <= self._history.checkpoint_bytes:
            raise SandboxBroken("the worker lied about a checkpoint's size")
        self._history.saved(offset, size)

    async def _ask(self, live: _Live, frame: dict[str, Any]) -> Value:
        self._next_id += 1
        meter = Meter(live.wire, live.process, self._options.limits)
        try:
            await meter.send({**frame, "id": self._next_id})
            answer = await meter.receive()
        except LimitExceeded as limit:
            raise SandboxBroken(f"the worker did not answer: {limit}") from None
        if not isinstance(answer, Answer) or answer.id != self._next_id:
            raise SandboxBroken("the worker answered another question")
        if answer.error is not None:
            raise _guest_error(*answer.error)
        return live.wire.value(answer.value)


async def _nothing(live: _Live) -> None:
    """The work of a session that only has to be there."""


def _identifier(name: str) -> str:
    # As Python reads it in source: a ligature in a name is its letters.
    return unicodedata.normalize("NFKC", name)


def _guest_error(kind: str, message: str) -> Exception:
    known: dict[str, type[Exception]] = {"LookupError": LookupError, "TypeError": TypeError, "ValueError": TypeError}
    return known.get(kind, SandboxError)(message[:2_000])


def _check_layers(layers: Mapping[str, str], options: SessionOptions) -> None:
    missing = [f"{name} ({layers.get(name, 'not reported')})" for name in REQUIRED_LAYERS if layers.get(name) != "on"]
    if missing and not options.allow_weak_isolation:
        raise SandboxUnavailable(
            f"sandbox {options.spec.name!r} lacks a layer here: {', '.join(missing)}; allow_weak_isolation=True runs without"
        )


async def _take_worker(spec: GuestSpec, tenant: str, memory_bytes: int) -> WorkerProcess:
    pool: Spares | None = running_spares(spec, tenant)
    if pool is None:
        pool = await anyio.to_thread.run_sync(spares_for, spec, tenant)
    worker = pool.take(memory_bytes)
    return worker if worker is not None else await anyio.to_thread.run_sync(pool.spawn, memory_bytes)


async def open_session(
    sandbox: str = "monty",
    *,
    externals: Mapping[str, External] | None = None,
    context: ContextFile | None = None,
    limits: ExecLimits | None = None,
    seed: int = 0,
    clock: float | None = None,
    tenant: str = "default",
    allow_weak_isolation: bool = False,
    caps: ValueCaps = DEFAULT_CAPS,
) -> Session:
    """Open a REPL behind both walls.

    Args:
        sandbox: a name that `cellblock sandboxes` lists.
        externals: far functions by the name that cells call them.
        context: what `ctx` and `P` read; shared, never copied.
        limits: defaults of every exec; `memory_bytes` is fixed by them.
        seed: of the cells' randomness.
        clock: the instant at which the cells' clock stands, Unix seconds; None takes now.
        tenant: whose session it is; tenants share no process.
        allow_weak_isolation: open although a layer is missing on this machine.

    Raises:
        ConfigError: no such sandbox.
        SandboxUnavailable: it cannot run here; the message names what is missing.
    """
    limits = limits or ExecLimits()
    options = SessionOptions(
        spec=find_sandbox(sandbox),
        externals=dict(externals or {}),
        context=context,
        limits=limits,
        seed=seed,
        clock=float(int(time.time())) if clock is None else clock,
        tenant=tenant,
        allow_weak_isolation=allow_weak_isolation,
        caps=caps,
    )
    session = Session(options, History(limits.memory_bytes))
    try:
        await session._guarded(_nothing)
    except BaseException:
        await session.aclose()
        raise
    return session
