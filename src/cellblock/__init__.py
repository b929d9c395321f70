"""A sandbox-first Recursive Language Model engine: every cell is hostile, every effect is in a journal.

For example:

    from pathlib import Path
    from cellblock import RLM

    result = RLM("openai:gpt-5").run("Which invoice is overdue?", Path("invoices"))
    print(result.answer)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.guards import Guards
    from .engine.history import History
    from .engine.prompt import PromptSettings
    from .engine.results import RunResult
    from .engine.roles import Models
    from .engine.router import Router
    from .engine.run import RLM
    from .engine.tools import Tool
    from .errors import (
        BudgetExceeded,
        CellblockError,
        ConfigError,
        LimitExceeded,
        ModelError,
        SandboxBroken,
        SandboxError,
        SandboxUnavailable,
        StoreError,
    )
    from .events import Trace
    from .host.context import Context
    from .limits import ExecLimits, RunLimits
    from .models import ScriptedModel
    from .repl.protocol import ExecResult
    from .repl.session import open_sandbox
    from .store.journal import Journal

# In plain order, which a reader can check at a glance.
__all__ = [  # noqa: RUF022
    "BudgetExceeded",
    "CellblockError",
    "ConfigError",
    "Context",
    "ExecLimits",
    "ExecResult",
    "Guards",
    "History",
    "Journal",
    "LimitExceeded",
    "ModelError",
    "Models",
    "PromptSettings",
    "RLM",
    "Router",
    "RunLimits",
    "RunResult",
    "SandboxBroken",
    "SandboxError",
    "SandboxUnavailable",
    "ScriptedModel",
    "StoreError",
    "Tool",
    "Trace",
    "open_sandbox",
]

# Loaded at first use: the engine pulls in the event loop, and a script that only catches an error need not pay for that.
# Beside the names of `__all__` a few more that are at home deeper down can be had here.
_HOMES = {
    "engine.conversation": ("Conversation",),
    "engine.guards": ("Guards",),
    "engine.history": ("History",),
    "engine.policies": ("Policy",),
    "engine.prompt": ("PromptSettings",),
    "engine.results": ("RunResult",),
    "engine.roles": ("Models",),
    "engine.router": ("Router", "RouterResult"),
    "engine.run": ("RLM",),
    "engine.snapshots": ("SnapshotPolicy",),
    "engine.threads": ("Thread",),
    "engine.tools": ("Tool", "ToolLimits"),
    "errors": (
        "BudgetExceeded",
        "CellblockError",
        "ConfigError",
        "LimitExceeded",
        "ModelError",
        "SandboxBroken",
        "SandboxError",
        "SandboxUnavailable",
        "StoreError",
    ),
    "events": ("Trace",),
    "host.context": ("Context",),
    "host.vfs": ("VfsLimits",),
    "limits": ("ExecLimits", "RunLimits"),
    "models": ("ScriptedModel",),
    "models.prices": ("Price",),
    "models.protocol": ("Message", "ModelAdapter", "ModelResponse", "Usage"),
    "repl.protocol": ("CellError", "ExecResult", "REPLProtocol"),
    "repl.session": ("open_sandbox", "open_session"),
    "repl.snapshot": ("left_out",),
    "store.journal": ("Journal",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name where it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
