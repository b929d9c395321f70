"""What an audit attacks, as a description: how sessions are opened, and what there is to attack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..engine.tools import Tool
from ..limits import ExecLimits
from ..repl.guests import GuestSpec
from ..repl.protocol import External, REPLProtocol
from .norun import tool_externals

Walls = Literal["both", "interpreter", "jail"]
"""Which walls stand: both, the interpreter without a jail, or the jail around plain CPython."""


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

    @property
    def jailed(self) -> bool:
        """Whether its cells run in a jail of ours."""
        return isinstance(self.sandbox, str) or (self.sandbox is not None and self.sandbox.jailed)

    def own_externals(self) -> dict[str, External]:
        """Externals and tools, by name.

        Raises:
            ConfigError: a tool cannot be one.
        """
        return {**self.externals, **tool_externals(self.tools)}


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
