"""What was asked of a run and under which settings, as it stands in the journal: enough to ask it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict, TypeVar

import msgspec

from ..errors import StoreError
from ..host.vfs import VfsLimits
from ..limits import ExecLimits, RunLimits
from ..repl.guests import GuestSpec
from ..repl.registry import find_sandbox
from .guards import Guards
from .history import History
from .prompt import PromptSettings
from .settings import Carry, Kept, Settings, Turn
from .tree import Run
from .typed import AnswerType, Anything, SchemaType

FORMAT = 2
"""Of a task. What an older version wrote can be read, and not gone on with."""
T = TypeVar("T")


class ToolRecord(TypedDict):
    """What is on record of a tool."""

    name: str
    told: str
    parameters: list[str]


class ModelsRecord(TypedDict):
    """Names of models by role, and what shapes the answers behind each name."""

    root: str
    sub: list[str]
    children: list[str]
    verifier: str
    engineer: str
    named: dict[str, str]
    identities: dict[str, str]


_MOST_SECONDS = 2.0**40
"""Of Unix time."""
_SHAPES: dict[str, Any] = {
    "answer_schema": str | None,
    "child_tools": list[ToolRecord],
    "clock": float,
    "context": str | None,
    "context_chars": int,
    "context_sha256": str,
    "direct": bool,
    "earlier": list[tuple[str, str]],
    "left_out": dict[str, str],
    "models": ModelsRecord,
    "question": str,
    "sandbox": str,
    "seed": int,
    "snapshot": str | None,
    "tenant": str,
    "tools": list[ToolRecord],
}
_NEEDED = frozenset({
    "answer_schema", "child_tools", "clock", "context", "context_chars", "context_sha256", "direct", "earlier", "exec_limits", "guards",
    "history", "left_out", "limits", "prompt", "question", "sandbox", "seed", "snapshot", "tenant", "tools", "vfs",
})  # fmt: skip


def task_of(run: Run, question: str) -> dict[str, Any]:
    """For the journal."""
    settings, turn = run.tree.settings, run.turn
    task: dict[str, Any] = {
        "format": FORMAT,
        "question": question,
        "model": run.model.name,
        "sandbox": settings.sandbox,
        "seed": settings.seed,
        "context_sha256": run.context.sha256,
        "limits": _settled(run.budget.limits),
        "exec_limits": _settled(settings.exec_limits),
        "guards": _settled(settings.guards),
        "prompt": _settled(settings.prompt),
        "history": _settled(settings.history),
        "vfs": _settled(settings.vfs),
        "answer_schema": turn.answer_type.told,
        "earlier": turn.earlier,
    }
    return task if run.parent is not None else {**task, **_of_the_root(run)}


def _settled(given: T) -> T:
    """As it will be read again: where a float is typed, 5 becomes 5.0. Else a child run of a resumed run would differ from its record."""
    return msgspec.convert(msgspec.to_builtins(given), type(given))


def _of_the_root(run: Run) -> dict[str, Any]:
    settings, turn, models = run.tree.settings, run.turn, run.tree.models
    return {
        "clock": run.clock,
        "tenant": settings.tenant,
        "allow_weak_isolation": settings.allow_weak_isolation,
        "interpreter": settings.interpreter,
        "models": models.recorded(),
        "tools": settings.tools.recorded(),
        "child_tools": settings.child_tools.recorded(),
        "direct": turn.direct,
        "context": turn.kept.context,
        "context_chars": run.context.num_chars,
        "snapshot": turn.kept.snapshot,
        "left_out": {} if turn.carry is None else dict(turn.carry.left_out),
    }


def interpreter_of(spec: GuestSpec) -> str:
    """What runs the cells, by name, version and build."""
    return f"{spec.interpreter} {spec.artefact}".strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTask:
    """What a recorded run was asked, read again.

    Raises:
        StoreError: a newer or an older version wrote it, or it is a child run's.
    """

    run_id: str
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.fields, dict):
            raise StoreError(f"run {self.run_id}: its record is not as it should be: there is no task")
        if (written := self.fields.get("format", 1)) != FORMAT:
            newer = isinstance(written, int) and written > FORMAT
            raise StoreError(
                f"run {self.run_id} was recorded by {'a newer' if newer else 'an older'} version of Cellblock; "
                f"{'use that one' if newer else 'it can be read, but not gone on with or replayed'}"
            )
        if "models" not in self.fields:
            raise StoreError(f"{self.run_id} is a child run; name the run that it belongs to: {self.run_id.partition('/')[0]}")
        if missing := sorted(_NEEDED - self.fields.keys()):
            raise StoreError(f"run {self.run_id}: its record is not as it should be: there is no {missing[0]}")
        for name, kind in _SHAPES.items():
            self._as(kind, name)
        if not 0 <= self.fields["clock"] < _MOST_SECONDS:
            raise StoreError(f"run {self.run_id}: its record is not as it should be: clock: no time that a clock shows")

    @property
    def limits(self) -> RunLimits:
        """Of the run."""
        return self._as(RunLimits, "limits")

    def settings(self, base: Settings) -> Settings:
        """`base` with all that shapes what the run does as it was recorded. Whether a layer may be missing is the caller's to say.

        Raises:
            ConfigError: its sandbox is not there.
            StoreError: the record is not as it should be.
        """
        if self.fields["tenant"] != base.tenant:
            # Its cells' states would be sealed with the other one's key.
            raise StoreError(f"run {self.run_id}: its record is not as it should be: it names another tenant than the one whose it is")
        spec = find_sandbox(self.fields["sandbox"])
        return replace(
            base,
            sandbox=spec.name,
            interpreter=interpreter_of(spec),
            python=spec.facts.prompt,
            soft_limits=spec.facts.soft_limits,
            exec_limits=self._as(ExecLimits, "exec_limits"),
            seed=self.fields["seed"],
            guards=self._as(Guards, "guards"),
            prompt=self._as(PromptSettings, "prompt"),
            history=self._as(History, "history"),
            vfs=self._as(VfsLimits, "vfs"),
        )

    def turn(self, answer_type: AnswerType | None, snapshot: bytes | None) -> Turn:
        """What the question brought along.

        Args:
            answer_type: the caller's own; None takes the recorded JSON Schema.
            snapshot: the state that its session began with.
        """
        kept = Kept(context=self.fields["context"], snapshot=self.fields["snapshot"])
        return Turn(
            answer_type=answer_type or self._answer_type(),
            earlier=tuple((question, answer) for question, answer in self.fields["earlier"]),
            carry=Carry(snapshot=snapshot, left_out=self.fields["left_out"]) if snapshot or self.fields["left_out"] else None,
            direct=self.fields["direct"],
            kept=kept,
        )

    def _answer_type(self) -> AnswerType:
        told = self.fields["answer_schema"]
        try:
            return SchemaType(msgspec.json.decode(told)) if told else Anything()
        except (ValueError, RecursionError) as error:
            raise StoreError(f"run {self.run_id}: its record is not as it should be: answer_schema: {error}") from None

    def _as(self, kind: type[T], name: str) -> T:
        try:
            return msgspec.convert(self.fields[name], kind)
        except (msgspec.ValidationError, KeyError) as error:
            raise StoreError(f"run {self.run_id}: its record is not as it should be: {name}: {error}") from None
