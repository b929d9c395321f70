"""A worker that serves a session now: the requests that it answers one at a time, and copies of it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio

from ..errors import ConfigError, LimitExceeded, SandboxBroken, SandboxError
from ..limits import ExecLimits
from ..values import DEFAULT_CAPS, Value, ValueCaps, plain, whole
from .base import Base, SavedState
from .cell import CellRun
from .gate import Lineage
from .guests import GuestSpec
from .history import Ran
from .meter import Meter
from .pieces import in_pieces
from .process import WorkerProcess, pid_of_copy
from .protocol import ContextFile, External
from .wire import Answer, Done, Wire

STATE_SLACK_BYTES = 64 * 2**20
"""A dump may take this much more than the memory limit: an interpreter's own image, the format's overhead."""
FORK_SECONDS = 2.0
"""For the whole of a copy; some milliseconds is usual."""
_SETTLE_SECONDS = 0.02
_LEFT_OUT = 200


class StateTooLarge(SandboxError):
    """The interpreter could not write its state."""


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
    dumps: int = 0
    """How many descriptors of memory files it was given to write to. A broken worker would keep them."""
    _cut_off: bool = False
    """A fork was cancelled half way."""

    def end(self) -> None:
        """Kill the worker and hang up."""
        self.process.kill()
        self.wire.close()

    def cell(self, limits: ExecLimits) -> CellRun:
        """What answers the next cell's calls, under `limits`."""
        interrupt = partial(self._interrupt, self.last_id + 1) if self.options.spec.facts.soft_limits else None
        return CellRun(self.wire, Meter(self.wire, self.process, limits, interrupt), limits, self.options.externals)

    def _interrupt(self, exec_id: int) -> None:
        self.wire.ask_to_interrupt(exec_id)
        self.process.interrupt()

    async def run(self, run: CellRun, code: str) -> Done:
        """Run one cell whole.

        Raises:
            LimitExceeded: it used up a limit of `run`.
            SandboxBroken: the worker lied or died.
        """
        self.process.wake()
        self.last_id += 1
        try:
            source = whole(self.wire.packing(plain(code, self.wire.caps)))
        except ValueError as error:
            raise ConfigError(f"the cell's source cannot cross: {error}") from None
        await run.meter.send({"t": "exec", "id": self.last_id, "code": source, "output_chars": run.limits.output_chars})
        done = await run.run(self.last_id)
        self.process.rest()
        return done

    async def again(self, ran: Ran, seconds: float) -> None:
        """Do once more what a session did before, in at most so many seconds, with the answers that it got then.

        Raises:
            SandboxBroken: it went differently.
        """
        if ran.name is not None:
            try:
                await self.set(ran.name, ran.value)
            except TypeError as error:
                raise SandboxBroken(f"the session could not be brought back: {ran.name} cannot cross: {error}") from None
            return
        limits = ran.limits or self.options.limits
        generous = replace(limits, wall_seconds=seconds, cpu_seconds=seconds)
        run = CellRun(self.wire, Meter(self.wire, self.process, generous), generous, self.options.externals, recorded=list(ran.answers))
        try:
            done = await self.run(run, ran.code)
        except LimitExceeded as error:
            raise SandboxBroken(f"the session could not be brought back: {error}") from None
        if done.lost or len(run.answers) != len(ran.answers):
            raise SandboxBroken("the session could not be brought back: a cell ran differently the second time")

    async def set(self, name: str, value: Value) -> None:
        """Bind a variable to a value that is plain already.

        Raises:
            TypeError: it cannot cross.
            SandboxBroken: the worker lied, died or did not answer in time.
        """
        try:
            packed = await in_pieces(self.wire.packing(value))
        except ValueError as error:
            raise TypeError(str(error)) from None
        await self.ask({"t": "set", "name": name, "value": packed})

    async def dump(self, *, keeps: bool = False) -> SavedState:
        """The state between cells, in a memory file of its own.

        Args:
            keeps: the file stays until the next such dump: the worker's memory may become it, so that it is not there twice.

        Raises:
            StateTooLarge: it is too large to be written.
            SandboxBroken: the worker lied, died or did not answer in time.
        """
        limit, share = self.options.limits.memory_bytes, self.options.spec.facts.dump_share
        if share < 1 and (used := self.process.own_bytes()) > share * limit:
            raise StateTooLarge(f"the state is too large to be written: it takes {used:,} bytes; {int(share * limit):,} may be dumped")
        room = limit + STATE_SLACK_BYTES
        saved = SavedState.empty(room)
        self.dumps += 1
        try:
            answer = await self.ask({"t": "checkpoint", "bytes": room, "keeps": keeps}, saved.fd)
            saved.finish(*_dumped(answer, room))
        except TypeError as error:
            saved.release()
            raise StateTooLarge(str(error)) from None
        except (OSError, LookupError) as error:
            saved.release()
            raise SandboxBroken("the worker did not let go of its state, or said nonsense about it") from error
        except BaseException:
            saved.release()
            raise
        return saved

    async def fork(self) -> Live:
        """A copy of the worker, made by the kernel, copy-on-write.

        Raises:
            SandboxBroken: the worker lied, died or did not answer in time.
        """
        lineage = self.process.lineage
        if lineage is None:
            raise SandboxBroken("this worker cannot be copied")
        async with lineage.turn:
            try:
                with anyio.fail_after(FORK_SECONDS):
                    if self._cut_off:
                        await self._settle(lineage)
                    self._cut_off = True
                    copy = await self._copied(lineage)
                    self._cut_off = False
            except BaseException as error:
                lineage.purge()  # a copy that we never got to know, if there is one
                if isinstance(error, (TimeoutError, OSError)):
                    raise SandboxBroken("the worker did not fork in time, or died of it") from error
                raise
        return copy

    async def _copied(self, lineage: Lineage) -> Live:
        mine, theirs = socket.socketpair()
        process: WorkerProcess | None = None
        wire: Wire | None = None
        try:
            mine.setblocking(False)
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            with theirs:
                meter = await self._request({"t": "fork"}, theirs.fileno())
            await lineage.allow_one_fork(self.process.pid)
            process = self.process.copied(mine, await pid_of_copy(mine))
            wire = Wire(mine, self.options.caps)
            socket.send_fds(mine, [b"!"], [wire.mail])
            await self._answered(meter)
        except BaseException as error:
            for opened in (process, wire, mine):
                if opened is not None:
                    opened.close()
            if isinstance(error, (TypeError, LookupError)):
                raise SandboxBroken("the worker refused to be copied") from error
            raise
        return Live(process, wire, self.options, self.last_id)

    async def _settle(self, lineage: Lineage) -> None:
        # An earlier fork was cancelled half way. Its worker still asks, or has answered: neither is for this one.
        while True:
            lineage.refuse()
            with anyio.move_on_after(_SETTLE_SECONDS):
                late = await self.wire.receive()
                if not isinstance(late, Answer) or late.id != self.last_id:
                    raise SandboxBroken("the worker answered another question")
                return

    async def ask(self, frame: dict[str, Any], *fds: int) -> Value:
        """The answer to any request but an exec, with descriptors that go with it.

        Raises:
            TypeError, LookupError, SandboxError: the guest said no.
            SandboxBroken: the worker lied, died or did not answer in time.
        """
        return await self._answered(await self._request(frame, *fds))

    async def _request(self, frame: dict[str, Any], *fds: int) -> Meter:
        self.process.wake()
        self.last_id += 1
        meter = Meter(self.wire, self.process, self.options.limits)
        try:
            await meter.send({**frame, "id": self.last_id})
        except LimitExceeded as limit:
            raise SandboxBroken(f"the worker did not take a request: {limit}") from None
        if fds:
            try:
                socket.send_fds(self.process.connection, [b"!"], list(fds))
            except OSError as error:
                raise SandboxBroken(f"the worker did not take a descriptor ({error.strerror})") from None
        return meter

    async def _answered(self, meter: Meter) -> Value:
        try:
            answer = await meter.receive()
        except LimitExceeded as limit:
            raise SandboxBroken(f"the worker did not answer: {limit}") from None
        self.process.rest()
        if not isinstance(answer, Answer) or answer.id != self.last_id:
            raise SandboxBroken("the worker answered another question")
        if answer.error is not None:
            raise _guest_error(*answer.error)
        (value,), _ = await in_pieces(self.wire.opening([answer.value]))
        return value


@dataclass
class FrozenWorker(Base):
    """A copy of a worker that serves nobody: it only waits to be copied itself."""

    live: Live

    async def thaw(self) -> Live:
        """A worker that goes on from here.

        Raises:
            SandboxBroken: it died, lied or did not answer.
        """
        return await self.live.fork()

    def _free(self) -> None:
        self.live.end()


def _dumped(answer: Value, room: int) -> tuple[int, dict[str, str]]:
    match answer:
        case [int() as size, dict() as left_out] if 0 < size <= room and len(left_out) <= _LEFT_OUT:
            return size, {name[:200]: str(why)[:200] for name, why in left_out.items()}
    raise SandboxBroken("the worker lied about its state")


def _guest_error(kind: str, message: str) -> Exception:
    known: dict[str, type[Exception]] = {"LookupError": LookupError, "TypeError": TypeError, "ValueError": TypeError}
    return known.get(kind, SandboxError)(message[:2_000])
