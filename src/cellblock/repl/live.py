"""A worker that serves a session now: opening it, and the requests that it answers one at a time."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

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
from .protocol import ContextFile, External
from .wire import Answer, Done, Opened, Wire
from .zygote import Spares, running_spares, spares_for

OPEN_SECONDS = 20.0


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
class Live:
    """A worker of this session alone. Its methods leave it unusable when they raise anything but TypeError and LookupError."""

    process: WorkerProcess
    wire: Wire
    options: SessionOptions
    last_id: int = 0

    def end(self) -> None:
        """Kill the worker and hang up."""
        self.process.kill()
        self.wire.close()

    async def run(self, run: CellRun, code: str) -> Done:
        """Run one cell whole.

        Raises:
            LimitExceeded: it used up a limit of `run`.
            SandboxBroken: the worker lied or died.
        """
        self.last_id += 1
        try:
            source = self.wire.pack(code)
        except ValueError as error:
            raise ConfigError(f"the cell's source cannot cross: {error}") from None
        await run.meter.send({"t": "exec", "id": self.last_id, "code": source, "output_chars": run.limits.output_chars})
        return await run.run(self.last_id)

    async def again(self, ran: Ran, seconds: float) -> None:
        """Do once more what a session did before, which took `seconds` in all, with the answers that it got then.

        Raises:
            SandboxBroken: it went differently.
        """
        if ran.name is not None:
            await self.set(ran.name, ran.value)
            return
        limits = ran.limits or self.options.limits
        generous = replace(limits, wall_seconds=60 + 10 * seconds, cpu_seconds=60 + 10 * seconds)
        run = CellRun(self.wire, Meter(self.wire, self.process, generous), generous, self.options.externals, recorded=list(ran.answers))
        try:
            done = await self.run(run, ran.code)
        except LimitExceeded as error:
            raise SandboxBroken(f"the session could not be brought back: {error}") from None
        if done.lost or len(run.answers) != len(ran.answers):
            raise SandboxBroken("the session could not be brought back: a cell ran differently the second time")

    async def set(self, name: str, value: Value) -> None:
        """Bind a variable to a value that is plain already."""
        await self.ask({"t": "set", "name": name, "value": self.wire.pack(value)})

    async def checkpoint(self, history: History) -> None:
        """Save the state into the history's memory file."""
        offset = history.spare_offset
        size = await self.ask({"t": "checkpoint", "offset": offset})
        if type(size) is not int or not 0 < size <= history.checkpoint_bytes:
            raise SandboxBroken("the worker lied about a checkpoint's size")
        history.saved(offset, size)

    async def ask(self, frame: dict[str, Any]) -> Value:
        """The answer to any request but an exec.

        Raises:
            TypeError, LookupError, SandboxError: the guest said no.
            SandboxBroken: the worker lied, died or did not answer in time.
        """
        self.last_id += 1
        meter = Meter(self.wire, self.process, self.options.limits)
        try:
            await meter.send({**frame, "id": self.last_id})
            answer = await meter.receive()
        except LimitExceeded as limit:
            raise SandboxBroken(f"the worker did not answer: {limit}") from None
        if not isinstance(answer, Answer) or answer.id != self.last_id:
            raise SandboxBroken("the worker answered another question")
        if answer.error is not None:
            raise _guest_error(*answer.error)
        return self.wire.value(answer.value)


async def open_live(options: SessionOptions, history: History) -> Live:
    """A worker with the session's context, names and last checkpoint; what ran since has to be done again.

    Raises:
        SandboxUnavailable: none can be had, or a layer is missing.
        SandboxBroken: it died or did not open the session in time.
    """
    process = await _take_worker(options.spec, options.tenant, options.limits.memory_bytes)
    try:
        live = Live(process, Wire(process.connection, options.caps), options)
    except BaseException:
        process.close()
        raise
    try:
        _check_layers(process.layers, options)
        await _open(live, history)
    except BaseException as error:
        live.end()
        if isinstance(error, TimeoutError):
            raise SandboxBroken(f"the worker did not open the session within {OPEN_SECONDS:g} s") from None
        if isinstance(error, OSError):
            raise SandboxBroken(f"the worker died before the session was open ({error.strerror})") from None
        raise
    return live


async def _open(live: Live, history: History) -> None:
    context = live.options.context
    socket.send_fds(live.process.connection, [b"!"], [live.wire.mail, history.fd, *([context.fd] if context else [])])
    with anyio.fail_after(OPEN_SECONDS):
        await live.wire.send(_frame(live, history))
        if not isinstance(await live.wire.receive(), Opened):
            raise SandboxBroken("the worker did not open the session")


def _frame(live: Live, history: History) -> dict[str, Any]:
    options, caps = live.options, live.options.caps
    return open_frame(
        history,
        far=sorted(options.externals),
        caps={"total_bytes": caps.total_bytes, "items": caps.items, "depth": caps.depth, "digits": caps.digits},
        mail_bytes=2 * live.wire.half,
        seed=options.seed,
        clock=options.clock,
        has_context=options.context is not None,
    )


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
