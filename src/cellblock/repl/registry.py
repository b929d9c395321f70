"""Which sandboxes there are: the built-in ones, and those that installed packages add by an entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points

from ..errors import ConfigError, SandboxUnavailable
from ..in_thread import in_thread
from ..limits import ExecLimits
from .guests import REQUIRED_LAYERS, GuestSpec, monty, package_version, restricted
from .wasi_cache import wasi
from .zygote import spares_for

GROUP = "cellblock.sandboxes"
_BUILT_IN: dict[str, Callable[[], GuestSpec]] = {"monty": monty, "restricted": restricted, "wasi": wasi}


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxInfo:
    """One sandbox as it is on this machine."""

    name: str
    version: str
    available: bool
    """It starts, and every required layer is on."""
    layers: dict[str, str] = field(default_factory=dict)
    """Each layer: `on`, or why not. Empty where the sandbox does not start."""
    why: str = ""
    """What is missing, where it is not available."""
    summary: str = ""


def known_sandboxes() -> list[str]:
    """Names, sorted."""
    return sorted({*_BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})


def find_sandbox(name: str | GuestSpec) -> GuestSpec:
    """How to start the sandbox of that name. A `GuestSpec` is one that is nowhere announced, and is returned as it is.

    Raises:
        ConfigError: there is none.
        SandboxUnavailable: its files are missing, or the package that adds it is broken.
    """
    if isinstance(name, GuestSpec):
        return name
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    for entry in entry_points(group=GROUP, name=name):
        where = f"the package that adds sandbox {name!r} ({entry.value})"
        try:
            spec = entry.load()()
        except SandboxUnavailable:
            raise
        except Exception as error:  # foreign code: one broken package must not hide the other sandboxes
            raise SandboxUnavailable(f"{where} is broken: {type(error).__name__}: {str(error)[:200]}") from error
        if isinstance(spec, GuestSpec):
            return spec
        raise SandboxUnavailable(f"{where} does not return a GuestSpec")
    raise ConfigError(f"no sandbox named {name[:100]!r}; known: {', '.join(known_sandboxes())}")


async def describe_sandboxes() -> list[SandboxInfo]:
    """Every known sandbox, each tried for real with one worker."""
    return [await in_thread(_describe, name) for name in known_sandboxes()]


def _describe(name: str) -> SandboxInfo:
    version = "?"
    try:
        spec = find_sandbox(name)
        version = package_version(spec.package)
        pool = spares_for(spec, "default")
        worker = pool.spawn(ExecLimits().memory_bytes)
    except SandboxUnavailable as error:
        return SandboxInfo(name=name, version=version, available=False, why=str(error))
    worker.close()
    missing = [layer for layer in REQUIRED_LAYERS if worker.layers.get(layer) != "on"]
    return SandboxInfo(
        name=name,
        version=version,
        available=not missing,
        layers=worker.layers,
        why=f"missing layers: {', '.join(missing)}" if missing else "",
        summary=spec.summary,
    )
