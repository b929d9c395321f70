"""How each sandbox is started, and where the untrusted-side files lie."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from ..errors import SandboxUnavailable
from .facts import Description

REQUIRED_LAYERS = (
    "namespaces",
    "root",
    "user",
    "capabilities",
    "no_new_privs",
    "landlock",
    "rlimits",
    "rlimit_memory",
    "processes",
    "seccomp_guest",
    "seccomp",
)
"""Layers without which a session opens only with `allow_weak_isolation=True`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuestSpec:
    """How to start a sandbox. What a package that adds one returns from its entry point; `from_folder` makes it."""

    name: str
    driver: Path
    """The driver module, a file that runs inside the jail; see `sandboxes/README.md`."""
    package: str
    """The distribution whose version is the interpreter's."""
    summary: str = ""
    options: dict[str, str] = field(default_factory=dict)
    """Passed to the driver as they are."""
    facts: Description = field(default_factory=lambda: Description(name="", package=""))
    jailed: bool = True
    """False, for audits of wall 1: workers without a jail, which a session takes with `allow_weak_isolation=True` alone."""
    artefact: str = ""
    """The hash of what the interpreter is built from, where it is built: part of a snapshot's version."""

    @property
    def start(self) -> tuple[str, ...]:
        """What its zygote is started with: two that differ in it share no process."""
        return (self.name, str(self.driver), *(f"{name}={value}" for name, value in self.options.items()))

    @property
    def interpreter(self) -> str:
        """The interpreter's name and version, which a snapshot is bound to."""
        python = f" on Python {sys.version_info.major}.{sys.version_info.minor}" if self.facts.python_state else ""
        return f"{self.package} {package_version(self.package)}{python}"

    @classmethod
    def from_folder(cls, folder: Path, *, options: Mapping[str, str] | None = None, artefact: str = "") -> GuestSpec:
        """The sandbox whose `sandbox.toml` and `driver.py` lie in `folder`.

        Raises:
            SandboxUnavailable: the file is missing, or not as it should be.
        """
        try:
            table = tomllib.loads((folder / "sandbox.toml").read_text(encoding="utf-8"))
            facts = msgspec.convert(table, Description)
        except (OSError, ValueError) as error:
            raise SandboxUnavailable(f"{folder.name}/sandbox.toml cannot be used: {error}") from error
        return cls(
            name=facts.name,
            driver=folder / "driver.py",
            package=facts.package,
            summary=facts.summary,
            options=dict(options or {}),
            facts=facts,
            artefact=artefact,
        )


def package_version(package: str) -> str:
    """The installed version of a distribution, `?` where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


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
    return GuestSpec.from_folder(sandboxes_folder() / "monty")


@cache
def restricted() -> GuestSpec:
    """RestrictedPython: CPython itself under a language policy, in the worker's own process."""
    return GuestSpec.from_folder(sandboxes_folder() / "restricted")
