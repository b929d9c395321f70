"""Who plays in a run under attack: models that say what the attempt says, and the adapter that speaks to its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.roles import Model, Models
from ..errors import ModelUnavailable
from ..models import resolve
from ..models.protocol import Message, ModelAdapter
from ..models.scripted import Line, ScriptedModel
from .attempts import Step
from .tables import RunSettings

OVER = "FINAL(nothing more was said)"
"""Of a root whose replies are used up."""
ROLES = ("sub", "children", "verifier", "engineer")


class Cast:
    """The models of one run, and what they heard.

    Args:
        step: its `run` is what the root says. The settings' `sub_replies`, `children_replies`, `verifier_replies`, `engineer_replies` and
            `named_replies`, by name, are what the others say, the last one again and again; `forever` has the root do so.
        filled: puts a text of the attempt together.
    """

    def __init__(self, step: Step, settings: RunSettings, filled: Callable[[Any], str]) -> None:
        self._settings, self._filled = settings, filled
        replies = [self._line(text) for text in step.run or []]
        last = replies[-1] if replies and settings.get("forever") else OVER
        self.root = ScriptedModel(replies, fallback=last, name="root")
        self.others = {role: self._scripted(role, lines) for role in ROLES if (lines := settings.get(f"{role}_replies")) is not None}
        self.others.setdefault("sub", self._scripted("sub", ["sub-answer"]))
        self.named = {name: self._scripted(name, lines) for name, lines in settings.get("named_replies", {}).items()}
        self._remote: list[ModelAdapter] = []

    def models(self) -> Models:
        """All of them, by role. The role of `remote` is played by a real adapter.

        Raises:
            ConfigError: the attempt names no model that there is.
        """
        roles: dict[str, Model] = {"root": self.root, **self.others}
        remote: Mapping[str, Any] | None = self._settings.get("remote")
        if remote is not None:
            url, key = (self._filled(remote[name]) if name in remote else None for name in ("base_url", "api_key"))
            adapter = resolve(self._filled(remote["model"]), base_url=url, api_key=key)
            self._remote.append(adapter)
            roles[remote.get("role", "sub")] = adapter
        return Models(**roles, named=self.named)

    def heard(self) -> Iterator[tuple[str, Sequence[Message]]]:
        """Every conversation that a model was shown."""
        for model in (self.root, *self.others.values(), *self.named.values()):
            for call in model.calls:
                yield model.name, call.messages

    async def aclose(self) -> None:
        """Close what has connections."""
        for adapter in self._remote:
            await adapter.aclose()

    def _scripted(self, name: str, lines: Sequence[Any]) -> ScriptedModel:
        said = [self._line(line) for line in lines]
        return ScriptedModel(said, fallback=said[-1], name=name)

    def _line(self, line: Any) -> Line:
        if isinstance(line, dict):
            return ModelUnavailable(self._filled(line["raises"]))
        return self._filled(line)
