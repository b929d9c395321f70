"""A live session across the boundary: the host's end of one REPL."""

from __future__ import annotations

import builtins
import keyword
import os
import time
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from ..errors import ConfigError, LimitExceeded, SandboxBroken
from ..in_thread import in_thread
from ..limits import ExecLimits, check_type
from ..values import DEFAULT_CAPS, Value, ValueCaps, plain
from .base import SavedState
from .guests import GuestSpec
from .history import History, Ran
from .keys import tenant_key, tenant_seed
from .live import Live, SessionOptions, StateTooLarge
from .protocol import ContextFile, ExecResult, External
from .registry import find_sandbox
from .snapshot import seal, unseal
from .standing import Standing

T = TypeVar("T")
_BUILTIN_NAMES = frozenset(dir(builtins))
RESERVED = ("ctx__", "P__", "_cb_")
"""What the names of near externals and of the guest's own helpers begin with."""
GROUPS = ("vfs", "checkpoint", "fork", "strategy")
"""An external named `vfs__read` is the method `read` of an object `vfs`; so with each of these."""
MEMORY_BYTES = (8 * 2**20, 2**40)
"""The least and the most that an interpreter can be given."""
FAMILY = 64
"""A session and its forks, open at once."""


@dataclass
class Family:
    """A session and all forks of it, and of them."""

    members: int = 1

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

    def __init__(self, standing: Standing, family: Family, secret: bytes | None = None) -> None:
        self._standing, self._family, self._secret = standing, family, secret
        self._options = standing.options
        self._busy = False
        self._closed = False
        self._owner = os.getpid()

    @property
    def sandbox(self) -> str:
        """Its sandbox's name."""
        return self._options.spec.name

    @property
    def layers(self) -> Mapping[str, str]:
        """Each wall and layer around its worker: `on`, or why not."""
        return self._standing.layers

    @property
    def last(self) -> Ran | None:
        """The last cell that ran to its end, and what its calls were answered: what `open_session(…, cells=…)` does again."""
        return self._standing.last

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
        result = await self._guarded(lambda live: self._standing.run(live, code, limits))
        if self._closed:
            raise SandboxBroken("the session was closed while the cell ran")
        return result

    async def get(self, name: str) -> Value:
        """A variable's value; see `REPLProtocol.get`."""
        check_type("name", name, str)
        return await self._guarded(lambda live: live.ask({"t": "get", "name": _identifier(name[:1_000])}))

    async def set(self, name: str, value: Value) -> None:
        """Bind a variable; see `REPLProtocol.set`."""
        check_type("name", name, str)
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigError(f"{name[:100]!r} is not a variable's name")
        try:
            copy = plain(value, self._options.caps)  # a roll-back binds what crossed, whatever becomes of the original
        except ValueError as error:
            raise TypeError(str(error)) from None
        await self._guarded(lambda live: self._standing.set(live, _identifier(name), copy))

    async def dump(self) -> bytes:
        """The state between cells; see `REPLProtocol.dump`."""
        key = tenant_key(self._options.tenant, self._secret)
        saved = await self._guarded(self._standing.dump)

        def sealed() -> bytes:
            try:
                return seal(saved, self._options.spec, key)
            finally:
                saved.release()  # here: to give back a hundred megabytes takes a while, too

        return await in_thread(sealed)

    async def fork(self) -> Session:
        """An independent copy in a worker of its own; see `REPLProtocol.fork`."""
        self._check_usable()
        self._family.join()
        try:
            other = Session(await self._guarded(self._standing.fork), self._family, self._secret)
        except BaseException:
            self._family.members -= 1
            raise
        return await other.opened()

    async def opened(self) -> Self:
        """Itself, once it has a worker; closed if it gets none."""
        try:
            await self._guarded(_nothing)
        except BaseException:
            await self.aclose()
            raise
        return self

    def private_bytes(self) -> int:
        """Memory that this session's worker shares with nobody; 0 where it has none now or its maps may not be read."""
        return self._standing.live.process.private_bytes() if self._standing.live else 0

    async def aclose(self) -> None:
        """Kill the worker and free everything; a call that another task has under way fails, and frees what it still needs."""
        if not self._closed:
            self._family.members -= 1
        self._closed = True
        if not self._busy:
            self._standing.close()
        elif self._standing.live is not None:
            # Freed by the task that waits for the socket, not under its hands: the number may be another session's at once.
            self._standing.live.process.end()

    # -- one request at a time, on a worker that is there

    async def _guarded(self, work: Callable[[Live], Awaitable[T]]) -> T:
        self._check_usable()
        self._busy = True
        try:
            return await work(await self._standing.worker())
        except (TypeError, LookupError, StateTooLarge):  # the guest's "no", between two cells: nothing is broken
            raise
        except BaseException:
            # Cancelled or broken in the middle: the worker's state is unknown, the history's is not.
            self._standing.drop()
            raise
        finally:
            self._busy = False
            if self._closed:
                self._standing.close()

    def _check_usable(self) -> None:
        if self._closed:
            raise ConfigError("this session is closed; open another one")
        if self._owner != os.getpid():
            raise ConfigError("this session belongs to the process that forked this one; open another one here")
        if self._busy:
            raise ConfigError("this session is busy with another call; await that one first, or fork")


def _check_arguments(limits: object, seed: object, tenant: object, externals: Mapping[str, External] | None, context: object) -> None:
    check_type("limits", limits, ExecLimits)
    check_type("tenant", tenant, str)
    if not tenant:
        raise ConfigError("tenant='': a name is needed; all who have none would be one tenant")
    if seed is not None:
        check_type("seed", seed, int)
    if not -(2**63) <= (seed or 0) < 2**63:  # type: ignore[operator]
        raise ConfigError("seed: a number of at most 64 bits is needed")
    if not MEMORY_BYTES[0] <= limits.memory_bytes <= MEMORY_BYTES[1]:  # type: ignore[attr-defined]
        raise ConfigError(f"memory_bytes={limits.memory_bytes:,}: from {MEMORY_BYTES[0]:,} to {MEMORY_BYTES[1]:,} can be given")  # type: ignore[attr-defined]
    for name, external in (externals or {}).items():
        _check_external(name)
        if name in GROUPS and any(other.startswith(f"{name}__") for other in externals or ()):
            raise ConfigError(f"externals: {name!r} is given as a function, and as the object of {name}__…; rename one")
        if not callable(external):
            raise ConfigError(f"externals: {name} is a {type(external).__name__}; a function is needed")
    if context is not None and not isinstance(getattr(context, "fd", None), int):
        raise ConfigError(f"context={type(context).__name__}: a Context is needed, such as Context.from_text(…)")


async def _unsealed(snapshot: bytes, spec: GuestSpec, key: bytes) -> SavedState:
    check_type("snapshot", snapshot, bytes)
    # In a thread: a hundred megabytes take a quarter of a second.
    return await in_thread(lambda: SavedState.holding(unseal(snapshot, spec, key)), undo=SavedState.release)


def _check_external(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name in _BUILTIN_NAMES or name.startswith(RESERVED):
        raise ConfigError(f"{name[:100]!r} cannot be an external's name: an identifier is needed that is no word of Python's own")
    group, mark, method = name.partition("__")
    if mark and group in GROUPS and (not method.isidentifier() or method.startswith("_") or keyword.iskeyword(method)):
        raise ConfigError(f"{name[:100]!r} cannot be an external's name: behind {group}__ a method's name is needed")


async def _nothing(live: Live) -> None:
    """The work of a session that only has to be there."""


def _identifier(name: str) -> str:
    # As Python reads it in source: a ligature in a name is its letters.
    return unicodedata.normalize("NFKC", name)


async def open_session(
    sandbox: str | GuestSpec = "monty",
    *,
    externals: Mapping[str, External] | None = None,
    context: ContextFile | None = None,
    limits: ExecLimits | None = None,
    seed: int | None = None,
    clock: float | None = None,
    tenant: str = "default",
    allow_weak_isolation: bool = False,
    caps: ValueCaps = DEFAULT_CAPS,
    snapshot: bytes | None = None,
    snapshot_secret: bytes | None = None,
    cells: Sequence[Ran] = (),
) -> Session:
    """Open a REPL behind both walls.

    Args:
        sandbox: a name that `cellblock sandboxes` lists; or a `GuestSpec`, for one that is nowhere announced.
        externals: far functions by the name that cells call them; `vfs__read` is called as `vfs.read`, so with each of `GROUPS`.
        context: what `ctx` and `P` read; shared, never copied.
        limits: defaults of every exec; `memory_bytes` is fixed by them.
        seed: of the cells' randomness; None takes the tenant's own, which no other tenant can guess.
        clock: the instant at which the cells' clock stands, Unix seconds; None takes now.
        tenant: whose session it is; tenants share no process.
        allow_weak_isolation: open although a layer is missing on this machine.
        caps: how much one value that crosses may hold; see `ValueCaps.total_bytes`.
        snapshot: what `dump` gave: the session goes on from there.
        snapshot_secret: at least 32 bytes that seal snapshots, with the tenant's name; None takes a secret of this user.
        cells: what another session did from there on, to be done again with the answers that it got: no external is called.

    Raises:
        ConfigError: no such sandbox.
        SandboxUnavailable: it cannot run here; the message names what is missing.
        TamperedSnapshot, StaleSnapshot: `snapshot` was changed, is another tenant's, or belongs to another version.
    """
    limits = limits or ExecLimits()
    _check_arguments(limits, seed, tenant, externals, context)
    spec = sandbox if isinstance(sandbox, GuestSpec) else find_sandbox(sandbox)
    base = None if snapshot is None else await _unsealed(snapshot, spec, tenant_key(tenant, snapshot_secret))
    options = SessionOptions(
        spec=spec,
        externals=dict(externals or {}),
        context=context,
        limits=limits,
        seed=tenant_seed(tenant, snapshot_secret) if seed is None else seed,
        clock=time.time() if clock is None else clock,
        tenant=tenant,
        allow_weak_isolation=allow_weak_isolation,
        caps=caps.within(limits.memory_bytes),
    )
    history = History(base)
    for ran in cells:
        history.add(ran)
    return await Session(Standing(options, history), Family(), snapshot_secret).opened()


open_sandbox = open_session
"""For those who want only the REPL: the same, by the name of what they ask for."""
