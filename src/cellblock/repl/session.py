"""A live session across the boundary: the host's end of one REPL."""

from __future__ import annotations

import builtins
import keyword
import os
import time
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TypeVar

import anyio.to_thread

from ..errors import ConfigError, LimitExceeded
from ..limits import ExecLimits, check_type
from ..values import DEFAULT_CAPS, Value, ValueCaps, plain
from .base import SavedState
from .guests import GuestSpec
from .history import History, Ran
from .keys import tenant_key
from .live import FrozenWorker, Live, SessionOptions, StateTooLarge
from .opening import open_live
from .protocol import ContextFile, ExecResult, External
from .registry import find_sandbox
from .snapshot import Snapshot, unseal
from .wire import WorkerDied

T = TypeVar("T")
RESERVED = ("ctx__", "P__", "_cb_")
"""What the names of near externals and of the guest's own helpers begin with."""
NEW_BASE_AFTER_SECONDS = 0.25
"""Once the cells since the last base took longer than this, another is worth its cost."""
NEW_BASE_AFTER_BYTES = 16 * 2**20
"""Once they were given more than this: it is all held here, to be given again."""
REPEATED_SECONDS = 0.01
"""A fork that is no copy runs the cells since the last base again if they took no longer than this; else it gets a new base."""
FAMILY = 64
"""A session and its forks, open at once."""


@dataclass
class Family:
    """A session and all forks of it, and of them."""

    members: int = 0

    def join(self) -> None:
        """One more.

        Raises:
            LimitExceeded: they are too many.
        """
        if self.members >= FAMILY:
            raise LimitExceeded("forks", allowed=FAMILY, used=self.members + 1)
        self.members += 1


class Session:
    """One REPL in one worker of its own. Not for two tasks at once."""

    def __init__(self, options: SessionOptions, history: History, secret: bytes | None = None, family: Family | None = None) -> None:
        self._family = family or Family()
        self._family.join()
        self._options, self._history, self._secret = options, history, secret
        self._live: Live | None = None
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
        check_type("code", code, str)
        check_type("limits", limits, ExecLimits)
        if limits.memory_bytes != self._options.limits.memory_bytes:
            raise ConfigError(f"memory_bytes is fixed when a session opens ({self._options.limits.memory_bytes:,}); open another one")
        return await self._guarded(lambda live: self._exec(live, code, limits))

    async def get(self, name: str) -> Value:
        """A variable's value; see `REPLProtocol.get`."""
        return await self._guarded(lambda live: live.ask({"t": "get", "name": _identifier(name[:1_000])}))

    async def set(self, name: str, value: Value) -> None:
        """Bind a variable; see `REPLProtocol.set`."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigError(f"{name[:100]!r} is not a variable's name")
        name = _identifier(name)
        try:
            copy = plain(value, self._options.caps)  # a roll-back binds what crossed, whatever becomes of the original
        except ValueError as error:
            raise TypeError(str(error)) from None
        await self._guarded(lambda live: live.set(name, copy))
        self._history.add(Ran("", name=name, value=copy), 0.0)

    async def dump(self) -> Snapshot:
        """The state between cells; see `REPLProtocol.dump`."""
        key = tenant_key(self._options.tenant, self._secret)
        saved = await self._guarded(Live.dump)
        try:
            return await anyio.to_thread.run_sync(Snapshot.seal, saved, self._options.spec, key)
        finally:
            saved.release()

    async def fork(self) -> Session:
        """An independent copy in a worker of its own; see `REPLProtocol.fork`."""
        copied = self._options.spec.facts.forks
        if not copied and self._history.seconds > REPEATED_SECONDS:
            await self._guarded(self._rest)
        self._check_usable()
        other = Session(self._options, self._history.copy(), self._secret, self._family)
        try:
            if copied:
                other._live = await self._guarded(Live.fork)
                other.layers = other._live.process.layers
            else:
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
        if not self._closed:
            self._family.members -= 1
        self._closed = True
        if self._busy and self._live is not None:
            self._live.process.kill()
        self._free()

    # -- one request at a time, on a worker that is there

    async def _guarded(self, work: Callable[[Live], Awaitable[T]]) -> T:
        self._check_usable()
        self._busy = True
        try:
            live = self._live or await self._start()
            return await work(live)
        except (TypeError, LookupError, StateTooLarge):  # the guest's "no", between two cells: nothing is broken
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

    async def _start(self) -> Live:
        self._live = await open_live(self._options, self._history)
        self.layers = self._live.process.layers
        return self._live

    async def _exec(self, live: Live, code: str, limits: ExecLimits) -> ExecResult:
        run = live.cell(limits)
        try:
            done = await live.run(run, code)
            result = run.result(done)
        except LimitExceeded as limit:
            result = run.stopped(limit)
            self._drop()
            return result
        except WorkerDied:
            if self._closed:  # from under it
                raise
            result = run.crashed()
            self._drop()
            return result
        if done.lost:
            self._drop()
            return result
        peak = live.process.resident_bytes()
        result = replace(result, usage=run.usage(done, peak=peak))
        if result.error is not None and result.error.limit is not None and result.error.limit != "host_calls":
            # Where exactly it was stopped is nothing that a cell run again would repeat: from here on this is the base.
            if await self._rest(live):
                return result
            self._drop()
            return replace(result, state="rolled_back", changed=())
        self._history.add(Ran(code, tuple(run.answers), limits), run.meter.wall, run.meter.taken)
        if self._history.seconds > NEW_BASE_AFTER_SECONDS or self._history.given > NEW_BASE_AFTER_BYTES:
            await self._rest(live)
        return result

    async def _rest(self, live: Live) -> bool:
        """Whether the state as it is now became the base."""
        try:
            if self._options.spec.facts.forks:
                self._history.rest_on(FrozenWorker(await live.fork()))
                return True
            saved = await live.dump()
        except StateTooLarge:
            return False
        if saved.left_out:
            saved.release()
            return False
        self._history.rest_on(saved)
        return True


def _check_arguments(limits: object, seed: object, externals: Mapping[str, External] | None, context: object) -> None:
    check_type("limits", limits, ExecLimits)
    check_type("seed", seed, int)
    if not -(2**63) <= seed < 2**63:  # type: ignore[operator]
        raise ConfigError("seed: a number of at most 64 bits is needed")
    for name in externals or ():
        _check_external(name)
    if context is not None and not isinstance(getattr(context, "fd", None), int):
        raise ConfigError(f"context={type(context).__name__}: a Context is needed, such as Context.from_text(…)")


async def _unsealed(snapshot: bytes, spec: GuestSpec, key: bytes) -> SavedState:
    check_type("snapshot", snapshot, bytes)
    # In a thread: a hundred megabytes take a quarter of a second.
    return await anyio.to_thread.run_sync(lambda: SavedState.holding(unseal(snapshot, spec, key)))


def _check_external(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name in dir(builtins) or name.startswith(RESERVED):
        raise ConfigError(f"{name[:100]!r} cannot be an external's name: an identifier is needed that is no word of Python's own")


async def _nothing(live: Live) -> None:
    """The work of a session that only has to be there."""


def _identifier(name: str) -> str:
    # As Python reads it in source: a ligature in a name is its letters.
    return unicodedata.normalize("NFKC", name)


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
    snapshot: bytes | None = None,
    snapshot_secret: bytes | None = None,
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
        caps: how much one value that crosses may hold.
        snapshot: what `dump` gave: the session goes on from there.
        snapshot_secret: at least 32 bytes that seal snapshots, with the tenant's name; None takes a secret of this user.

    Raises:
        ConfigError: no such sandbox.
        SandboxUnavailable: it cannot run here; the message names what is missing.
        TamperedSnapshot, StaleSnapshot: `snapshot` was changed, is another tenant's, or belongs to another version.
    """
    limits = limits or ExecLimits()
    _check_arguments(limits, seed, externals, context)
    spec = find_sandbox(sandbox)
    base = None if snapshot is None else await _unsealed(snapshot, spec, tenant_key(tenant, snapshot_secret))
    options = SessionOptions(
        spec=spec,
        externals=dict(externals or {}),
        context=context,
        limits=limits,
        seed=seed,
        clock=float(int(time.time())) if clock is None else clock,
        tenant=tenant,
        allow_weak_isolation=allow_weak_isolation,
        caps=caps,
    )
    session = Session(options, History(base), snapshot_secret)
    try:
        await session._guarded(_nothing)
    except BaseException:
        await session.aclose()
        raise
    return session


open_sandbox = open_session
"""For those who want only the REPL: the same, by the name of what they ask for."""
