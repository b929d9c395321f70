"""From the tables of an attempt to the settings that it runs with. What has no place in them is the attacker's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ..engine.guards import Guards
from ..engine.history import History
from ..engine.prompt import PromptSettings
from ..engine.tools import Tool
from ..host.vfs import VfsLimits
from ..limits import ExecLimits, RunLimits

T = TypeVar("T")
_TABLES: dict[str, type[Any]] = {"limits": RunLimits, "guards": Guards, "prompt": PromptSettings, "history": History, "vfs": VfsLimits}
"""Settings of an `RLM` that are tables."""
_OURS = frozenset({
    *_TABLES,
    "policy",
    "exec_limits",
    "schema",  # what the answer has to be, as a JSON Schema
    "tool_results",  # by name, what each tool answers
    "tool_raises",  # by name, the text of what each tool raises
    "documents",  # by name, in place of the context
    "thread",  # its name
    "resume",  # the id of a run that somebody asks for
    "branch",  # a reply with which another run branches off from the first step
    "commands",  # words of more commands that are run over the journal
    "forever",  # the root says its last reply again and again
    "sub_replies",
    "children_replies",
    "verifier_replies",
    "engineer_replies",
    "named_replies",
    "provider",  # answers of the attempt's own provider, see `cellblock.audit.provider`
    "remote",  # which model is asked over HTTP: `model`, `base_url`, `api_key`, `role`
})  # fmt: skip


class RunSettings:
    """The settings of a step `run`.

    Attributes:
        strange: what is not listed here: given to the run as keywords, which it has to refuse.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.strange = {name: value for name, value in given.items() if name not in _OURS}

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A setting."""
        return self._given.get(name, otherwise)

    @property
    def gives_key(self) -> bool:
        """The attempt's provider is meant to get the key."""
        return "api_key" in self.get("remote", {})

    def options(self, limits: ExecLimits, filled: Callable[[Any], str]) -> dict[str, Any]:
        """The keywords of an `RLM`.

        Args:
            limits: of a cell, where the attempt has none of its own.
            filled: puts a text of the attempt together.
        """
        options: dict[str, Any] = {name: made(kind, self.get(name)) for name, kind in _TABLES.items() if self.get(name) is not None}
        if self.get("policy") is not None:
            options["policy"] = self.get("policy")
        options["exec_limits"] = exec_limits(limits, self.get("exec_limits", {}))
        results = {name: _answering(value) for name, value in self.get("tool_results", {}).items()}
        raises = {name: _raising(filled(text)) for name, text in self.get("tool_raises", {}).items()}
        options["tools"] = [Tool.of(function, name=name) for name, function in {**results, **raises}.items()]
        return options


def _answering(value: Any) -> Callable[..., Any]:
    def tool(text: str = "") -> Any:
        """Look something up."""
        return value

    return tool


def _raising(message: str) -> Callable[..., Any]:
    def tool(text: str = "") -> Any:
        """Look something up."""
        raise RuntimeError(message)

    return tool


def exec_limits(limits: ExecLimits, given: Mapping[str, float]) -> ExecLimits:
    """Those limits, but for what is given. TOML knows no units, so a whole number may come as 1000.0."""
    mine = {field.name: getattr(limits, field.name) for field in fields(limits)}
    return made(ExecLimits, {**mine, **given})


def made(kind: type[T], given: Mapping[str, Any]) -> T:
    """A frozen dataclass of settings from a table: whole numbers where it wants them, tuples in place of lists."""
    wanted = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _fitting(value, wanted.get(name, "")) for name, value in given.items()})


def _fitting(value: Any, wanted: str) -> Any:
    if isinstance(value, float) and value.is_integer() and "int" in wanted:
        return int(value)
    return tuple(value) if isinstance(value, list) else value
