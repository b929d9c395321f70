"""Attacks on a sandbox with live canaries: what was tried, and what each wall stopped.

`cellblock audit` and `pytest --cellblock-audit` do it. For your own REPL, externals or tools, describe them:

    from cellblock.audit import System, of_sandbox
    mine = dataclasses.replace(of_sandbox("monty"), name="mine", externals={"lookup": lookup}, tools=[search])

and name that: `cellblock audit --system my_module:mine`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attempts import CLASSES, Attempt, load_corpus
    from .bench import Canary, Escaped
    from .canaries import planted
    from .judging import Outcome
    from .report import Report
    from .runner import Audit, Result
    from .system import Opening, System
    from .systems import of_sandbox

__all__ = [
    "CLASSES",
    "Attempt",
    "Audit",
    "Canary",
    "Escaped",
    "Opening",
    "Outcome",
    "Report",
    "Result",
    "System",
    "load_corpus",
    "of_sandbox",
    "planted",
]

# Loaded at first use: every pytest of an environment that has Cellblock loads the plugin beside this.
_HOMES = {
    "attempts": ("CLASSES", "Attempt", "load_corpus"),
    "bench": ("Canary", "Escaped"),
    "canaries": ("planted",),
    "judging": ("Outcome",),
    "report": ("Report",),
    "runner": ("Audit", "Result"),
    "system": ("Opening", "System"),
    "systems": ("of_sandbox",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name where it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
