"""Replay: a recorded run once more, without a model and without a word written, and whether it is the same byte for byte."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ModelUnavailable
from ..models.protocol import Message, ModelResponse
from ..repl.protocol import CellError
from .effects import Conclusion
from .roles import Models
from .tool_signatures import Signature
from .tools import Tool, Toolset


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What came of a replay."""

    run_id: str
    same: bool
    """All effects on record were the same again, and so was the end."""
    difference: str | None
    """The first effect that was not, where in it, and what stands there now; None where `same`."""
    whole: bool
    """Whether the recorded run had ended. One that was cut off is replayed up to there."""
    effects: int
    """Compared or recalled, in the whole tree."""
    seconds: float
    conclusion: Conclusion | None = None
    """How it ended this time; None where it did not come to its end."""


class RecordedModel:
    """Stands for a model in a replay: its answers are on record, so that nobody asks it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Raise: a replay asks no model."""
        raise ModelUnavailable(f"{self.name}: a replay asks no model")

    async def aclose(self) -> None:
        """Nothing to close."""


def recorded_models(record: Mapping[str, Any]) -> Models:
    """Models by the names on record, none of which can be asked."""
    made: dict[str, RecordedModel] = {}

    def one(name: str) -> RecordedModel:
        return made.setdefault(name, RecordedModel(name))

    return Models(
        root=one(record["root"]),
        sub=[one(name) for name in record["sub"]],
        children=[one(name) for name in record["children"]],
        verifier=one(record["verifier"]),
        engineer=one(record["engineer"]),
        named={key: one(name) for key, name in record["named"].items()},
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedTool(Tool):
    """Stands for a tool in a replay: what it answered is on record."""

    line: str
    """For the prompt, as it stood there."""

    @property
    def told(self) -> str:
        """A line for the prompt."""
        return self.line


def recorded_tools(record: Sequence[Mapping[str, Any]]) -> Toolset:
    """Tools by what is on record of them, none of which can be called."""
    return Toolset(tuple(_recorded_tool(**one) for one in record))


def _recorded_tool(name: str, told: str, parameters: Sequence[str]) -> RecordedTool:
    kinds = {key: inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD) for key in parameters}
    signature = Signature(parameters=kinds, returns=Any)
    return RecordedTool(name=name, function=_not_called, signature=signature, description="", is_async=False, line=told)


def _not_called(*_: object, **__: object) -> None:
    raise CellError("RuntimeError", "a replay calls no tool")
