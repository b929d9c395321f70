"""What a sandbox says of itself in its `sandbox.toml`."""

from __future__ import annotations

import msgspec


class PromptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The `[prompt]` table: what the model is told of this sandbox's Python."""

    python: str = ""
    """Short lines: what there is and what is not."""
    files: str = ""
    """What reaches a run's virtual files besides `vfs`; to be said where there are any."""
    modules: tuple[str, ...] = ()
    """What can be imported."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A `sandbox.toml`. Tables that only the guest's side or the conformance suite read are left alone here."""

    name: str
    package: str
    """The distribution whose version is the interpreter's."""
    summary: str = ""
    soft_limits: bool = False
    """A passed wall or processor limit raises inside the cell and keeps the variables; else the worker is killed and rolled back."""
    forks: bool = False
    """Workers are copied by the kernel, copy-on-write; else a copy is a fresh worker that loads a dump."""
    python_state: bool = False
    """A dump belongs to the minor version of Python that wrote it."""
    dump_share: float = 1.0
    """Of `memory_bytes`: with more than this in use no dump is tried."""
    repeat_seconds: float = 0.25
    """A fork that is no copy runs the cells since the last base again if they took no longer than this; else it dumps and loads."""
    prompt: PromptFacts = PromptFacts()
