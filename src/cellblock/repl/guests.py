"""The sandboxes that come with Cellblock, and where their untrusted-side files lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..errors import SandboxUnavailable

REQUIRED_LAYERS = (
    "namespaces",
    "root",
    "user",
    "capabilities",
    "no_new_privs",
    "landlock",
    "rlimits",
    "rlimit_memory",
    "rlimit_processes",
    "seccomp_guest",
    "seccomp",
)
"""Layers without which a session opens only with `allow_weak_isolation=True`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuestSpec:
    """How to start a sandbox. What a package that adds one returns from its entry point."""

    name: str
    driver: Path
    """The driver module, a file that runs inside the jail; see `sandboxes/README.md`."""
    package: str
    """The distribution whose version is the interpreter's."""
    summary: str = ""
    options: dict[str, str] = field(default_factory=dict)
    """Passed to the driver as they are."""


@cache
def sandboxes_folder() -> Path:
    """The `sandboxes/` tree: inside the installed package, or beside `src/` in a checkout.

    Raises:
        SandboxUnavailable: the installation lacks it.
    """
    here = Path(__file__).resolve()
    for candidate in (here.parents[1] / "_sandboxes", here.parents[3] / "sandboxes"):
        if (candidate / "jail" / "zygote.py").is_file():
            return candidate
    raise SandboxUnavailable("the sandboxes/ folder is missing from this installation; reinstall cellblock")


@cache
def monty() -> GuestSpec:
    """Monty, the default: a Rust interpreter of a Python subset, in a child process of the worker."""
    return GuestSpec(
        name="monty",
        driver=sandboxes_folder() / "monty" / "driver.py",
        package="pydantic-monty",
        summary="a Rust interpreter of a Python subset; starts in a millisecond",
    )
