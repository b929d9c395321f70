"""What is attacked: the sandboxes, each with both walls or one alone, the controls, and whatever else somebody points at."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..errors import ConfigError
from ..host.context import Context
from ..repl.guests import GuestSpec, sandboxes_folder
from ..repl.protocol import REPLProtocol
from ..repl.registry import find_sandbox, known_sandboxes
from ..repl.session import open_session
from .controls import CONTROL_SYSTEMS
from .system import Opening, System, Walls

OFFERED = frozenset({"externals", "ctx", "vfs", "snapshots", "forks", "tenants", "runs", "worker", "determinism"})
CONTROLS = tuple(CONTROL_SYSTEMS)


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
    if name in CONTROL_SYSTEMS:
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
