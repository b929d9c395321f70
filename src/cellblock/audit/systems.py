"""What is attacked: the sandboxes, each with both walls or one alone, the controls, and whatever else somebody points at."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..engine.tools import Tool
from ..errors import ConfigError
from ..host.context import Context
from ..limits import ExecLimits
from ..repl.guests import GuestSpec, sandboxes_folder
from ..repl.protocol import External, REPLProtocol
from ..repl.registry import find_sandbox, known_sandboxes
from ..repl.session import open_session
from .norun import tool_externals

Walls = Literal["both", "interpreter", "jail"]
"""Which walls stand: both, the interpreter without a jail, or the jail around plain CPython."""
OFFERED = frozenset({"externals", "ctx", "vfs", "snapshots", "forks", "tenants", "runs", "worker", "determinism"})
CONTROLS = ("exec", "restrictedpython")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What a session is opened with."""

    externals: Mapping[str, External]
    context: str
    limits: ExecLimits
    tenant: str = "default"
    seed: int = 0
    clock: float | None = None
    snapshot: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """Something that runs cells, as an audit sees it.

    An audit finds yours as `module:attribute` (`--system`), in every throw-away process anew.
    """

    name: str
    open: Callable[[Opening], Awaitable[REPLProtocol]]
    """Opens one session, of any REPL that has the methods of `REPLProtocol`. What it raises of Cellblock's own errors is a refusal."""
    offers: frozenset[str] = frozenset({"externals"})
    """Of `attempts.WANTS`: attempts that want more are not applicable."""
    sandbox: str | GuestSpec | None = None
    """Of an `RLM`, for attempts that want runs or files."""
    externals: Mapping[str, External] = field(default_factory=dict)
    """Your own: attempts on any external (`@EXT@`) are made on each of them, in place of one that answers what it is given."""
    tools: Sequence[Callable[..., Any] | Tool] = ()
    """Your tools, as an `RLM` takes them: the same."""
    is_control: bool = False
    """It is no sandbox: the audit has failed if nothing escapes."""

    def own_externals(self) -> dict[str, External]:
        """Externals and tools, by name.

        Raises:
            ConfigError: a tool cannot be one.
        """
        return {**self.externals, **tool_externals(self.tools)}


def find_system(name: str, walls: Walls = "both") -> System:
    """A sandbox, a control, or somebody's own.

    Args:
        name: of a sandbox or a control, or `module:attribute` of a `System`.
        walls: of a sandbox.

    Raises:
        ConfigError: there is no such system.
        SandboxUnavailable: its files are missing.
    """
    if ":" in name:
        return _imported(name)
    if name in CONTROLS:
        from .controls import CONTROL_SYSTEMS

        return CONTROL_SYSTEMS[name]
    if name not in known_sandboxes():
        known = ", ".join([*known_sandboxes(), *CONTROLS])
        raise ConfigError(f"nothing named {name[:100]!r} can be attacked; known: {known}, or module:attribute of a System of your own")
    return of_sandbox(name, walls)


def of_sandbox(name: str, walls: Walls = "both") -> System:
    """A sandbox of ours with the walls that are asked for."""
    if walls == "both":
        return System(name=name, open=_opener(name), offers=OFFERED, sandbox=name)
    if walls == "jail":
        naked = GuestSpec.from_folder(sandboxes_folder() / "naked")
        return System(name="the jail alone", open=_opener(naked), offers=OFFERED - {"runs", "vfs", "worker"}, sandbox=naked)
    bare = replace(find_sandbox(name), name=f"{name} without a jail", jailed=False)
    return System(name=bare.name, open=_opener(bare), offers=OFFERED - {"runs", "vfs", "worker", "forks"}, sandbox=bare)


def _opener(sandbox: str | GuestSpec) -> Callable[[Opening], Awaitable[REPLProtocol]]:
    weak = isinstance(sandbox, GuestSpec) and not sandbox.jailed

    async def opened(opening: Opening) -> REPLProtocol:
        return await open_session(
            sandbox,
            externals=opening.externals,
            context=Context.from_text(opening.context),
            limits=opening.limits,
            tenant=opening.tenant,
            seed=opening.seed,
            clock=opening.clock,
            snapshot=opening.snapshot,
            allow_weak_isolation=weak,
        )

    return opened


def _imported(reference: str) -> System:
    module, _, attribute = reference.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{reference}: {error}; it has to be module:attribute of a cellblock.audit.System") from error
    if not isinstance(found, System):
        raise ConfigError(f"{reference} is a {type(found).__name__}, not a cellblock.audit.System")
    return found


def limits_of(wall_seconds: float = 0.5, memory_bytes: int = 64 * 2**20) -> ExecLimits:
    """The limits under which attempts are made: small, so that an audit ends."""
    return ExecLimits(
        wall_seconds=wall_seconds,
        cpu_seconds=wall_seconds,
        memory_bytes=memory_bytes,
        host_calls=200,
        bytes_in=16 * 2**20,
        bytes_out=16 * 2**20,
    )
