"""The loop fed with lists: what it was told in, what it asked for out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellblock.engine.effects import Ask, Conclusion, Effect, Outcome, Ran, Refuse, Reply
from cellblock.engine.guards import Guards
from cellblock.engine.loop import repl_loop
from cellblock.engine.prompt import Brief
from cellblock.engine.turns import Task
from cellblock.repl.protocol import ExecError, ExecResult

MISSING: Any = object()
CELL = "```repl\nx = 1\n```"


def play(
    outcomes: Sequence[Outcome], *, steps: int = 20, guards: Guards | None = None, brief: dict[str, Any] | None = None, **task: Any
) -> tuple[list[Effect], Conclusion]:
    """Feed the loop a list; a `Refuse` is answered by itself."""
    guards = guards or Guards()
    about = Brief(question="q", num_chars=3, num_documents=1, steps=steps, guards=guards, **(brief or {}))
    loop = repl_loop(Task(brief=about, guards=guards, **task))
    effects, rest = [], iter(outcomes)
    effect = next(loop)
    try:
        while True:
            effects.append(effect)
            outcome = None if isinstance(effect, Refuse) else next(rest, MISSING)
            assert outcome is not MISSING, f"the loop went on: {effect}"
            effect = loop.send(outcome)
    except StopIteration as stop:
        assert next(rest, MISSING) is MISSING, "the loop ended early"
        return effects, stop.value


def reply(text: str) -> Reply:
    return Reply(text=text)


def ran(stdout: str = "", *, subcalls: int = 0, children: int = 0, deepest: int = 0, **fields: Any) -> Ran:
    return Ran(result=ExecResult(stdout=stdout, **fields), subcalls=subcalls, children=children, deepest=deepest)


def failed(**fields: Any) -> Ran:
    return ran("", error=ExecError(kind="ValueError", message="no", line=1), **fields)


def asks(effects: list[Effect]) -> list[Ask]:
    return [effect for effect in effects if isinstance(effect, Ask)]


def told(effects: list[Effect]) -> str:
    """The last user message."""
    return asks(effects)[-1].messages[-1].content


def refusals(effects: list[Effect]) -> list[str]:
    return [effect.reason for effect in effects if isinstance(effect, Refuse)]
