"""An attempt is played step by step: which of them is done by what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from . import determinism, exports, liar, states
from .attempts import Attempt, Step
from .evidence import Evidence
from .stage import Stage


async def play(stage: Stage, attempt: Attempt) -> None:
    """All steps. A step that Cellblock refuses by an error of its own is no end of the attempt."""
    for step in attempt.steps:
        for _ in range(step.times):
            await stage.refusable(lambda step=step: VERBS[step.verb](stage, step))  # type: ignore[misc]


Performer = Callable[..., Awaitable[Evidence]]


def _told_by(perform: Performer) -> Callable[[Stage, Step], Awaitable[object]]:
    """A step that needs none of the stage's sessions."""

    async def performed(stage: Stage, step: Step) -> None:
        told = await perform(step, sandbox=stage.system.sandbox, limits=stage.limits, canaries=dict(stage.placeholders))
        stage.evidence.take(told)

    return performed


VERBS: dict[str, Callable[[Stage, Step], Awaitable[object]]] = {
    "cell": Stage.cell,
    "together": Stage.together,
    "open": lambda stage, step: stage.open(str(step.open), step),
    "close": lambda stage, step: stage.close(str(step.close)),
    **states.VERBS,
    "export": exports.exported,
    "same": _told_by(determinism.run_same),
    "run": Stage.ask,
    "worker": _told_by(liar.run_worker),
}
"""What does each step."""
