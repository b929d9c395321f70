"""The engine's tools and files in a session that belongs to no run: nothing is recorded, and no budget is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from ..engine.calls.files import Files
from ..engine.calls.tool_calls import ToolCall
from ..engine.record import Entry
from ..engine.tools import Tool, Toolset
from ..host.vfs import Vfs
from ..repl.protocol import External

if TYPE_CHECKING:
    from ..engine.branches import Branches
    from ..engine.tree import Run


class NoRun:
    """What they need of a run."""

    def __init__(self, files: Vfs | None = None) -> None:
        self.files = files
        self.record = self.budget = self
        self.over = None
        self.tool_use: dict[Any, Any] = {}
        self.cell, self.step, self.calls, self.acts = "0.0", 0, 0, 0

    def begin(self, kind: str, key: str, _payload: object) -> Entry:
        """An effect that begins."""
        return Entry(seq=0, kind=kind, key=key)

    def finish(self, _entry: Entry, _outcome: object) -> None:
        """How it ended."""

    def note(self, *_effect: Any) -> None:
        """An effect at once."""

    def event(self, *_kind: Any, **_fields: Any) -> None:
        """An event; nobody hears it."""

    def remaining_seconds(self) -> float:
        """Of the run's time."""
        return math.inf


def tool_externals(tools: Iterable[Callable[..., Any] | Tool]) -> dict[str, External]:
    """Tools as cells call them, by name: their arguments are validated, their limits hold.

    Raises:
        ConfigError: one of them cannot be a tool.
    """
    run = cast("Run", NoRun())
    return {tool.name: ToolCall(run, tool) for tool in Toolset.of(tools).tools}


def file_externals(files: Vfs) -> dict[str, External]:
    """`vfs.read` and so on."""
    return Files(cast("Run", NoRun(files)), cast("Branches", None)).externals()
