"""`Router`: a short context goes to the model whole, a long one to an `RLM` with a profile that fits the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

from ..errors import ConfigError
from ..events import AnyEvent
from .answering import Engine
from .contexts import ContextSource, open_context
from .guards import Guards
from .portal import blocking
from .prompt import PromptSettings
from .results import RunResult
from .run import RLM
from .settings import Turn
from .typed import answer_type

BASELINE_THRESHOLD = 8_000

ProfileName: TypeAlias = Literal["DETERMINISTIC_FIRST", "SEMANTIC_BATCHES", "HYBRID", "VERIFY"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """How a long context is worked on."""

    supplement: str
    """A paragraph of the prompt."""
    require_subcall: bool = False
    verifications: int = 0

    def guards(self, guards: Guards) -> Guards:
        """The RLM's own, and what this profile adds."""
        return replace(
            guards,
            require_subcall_before_final=guards.require_subcall_before_final or self.require_subcall,
            verifications=max(guards.verifications, self.verifications),
        )

    def prompt(self, prompt: PromptSettings) -> PromptSettings:
        """The RLM's own, and this profile's paragraph."""
        return replace(prompt, supplements=(*prompt.supplements, self.supplement))


PROFILES: dict[str, Profile] = {
    "DETERMINISTIC_FIRST": Profile(
        supplement="Work by code: search, regular expressions, counting, parsing. Ask a language model only where code cannot decide, and "
        "then about the few passages in question."
    ),
    "SEMANTIC_BATCHES": Profile(
        supplement="The question is about meaning. Split the context into pieces, put many of them into one llm_query_batched call with "
        "exact instructions for the form of the answer, and aggregate the answers by code.",
        require_subcall=True,
    ),
    "HYBRID": Profile(
        supplement="Narrow the context down by code first: search, counting, parsing. Then ask language models, in batches, about what is "
        "left."
    ),
    "VERIFY": Profile(
        supplement="The answer will be checked twice by its evidence. Print the passages and figures that it rests on before you give it.",
        verifications=2,
    ),
}
"""By name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RouterResult:
    """Which way a question went, and what came of it."""

    method: Literal["baseline", "rlm"]
    output: object
    """The answer as the type that was asked for, else with its own."""
    tokens_used: int
    """Input and output of all calls."""
    profile: str
    result: RunResult


class Router:
    """Direct call below a threshold, `RLM` from there on. A direct call has no cells, so guards and verifiers ask nothing of it.

    Args:
        rlm: what answers, both ways: its model, limits and journal.
        baseline_threshold: characters of context; a shorter one goes into one prompt, whole.
        profile: for longer ones; each question may name another.

    Raises:
        ConfigError: the threshold is negative, or there is no such profile.
    """

    def __init__(self, rlm: RLM, *, baseline_threshold: int = BASELINE_THRESHOLD, profile: ProfileName = "HYBRID") -> None:
        if isinstance(baseline_threshold, bool) or not isinstance(baseline_threshold, int) or baseline_threshold < 0:
            raise ConfigError(f"baseline_threshold={baseline_threshold!r}: a number of characters is needed, 0 for never")
        if not isinstance(rlm, RLM):
            raise ConfigError(f"Router({repr(rlm)[:60]}): an RLM is needed, such as Router(RLM({repr(rlm)[:40]}))")
        self.rlm, self.baseline_threshold = rlm, baseline_threshold
        self.profile = _known(profile)

    async def arun(
        self,
        question: str,
        context: ContextSource,
        *,
        profile: ProfileName | None = None,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RouterResult:
        """Answer `question` the way that fits the context's length.

        Raises:
            CellblockError: as `RLM.arun`; ConfigError also for an unknown profile.
        """
        name = self.profile if profile is None else _known(profile)
        wanted = answer_type(output_type)
        opened = await open_context(context)
        try:
            direct = opened.num_chars < self.baseline_threshold
            engine = self.rlm.engine if direct else self._profiled(PROFILES[name])
            result = await engine.answer(question, opened, Turn(answer_type=wanted, direct=direct), on_event)
        finally:
            if opened is not context:
                opened.close()
        return RouterResult(
            method="baseline" if direct else "rlm",
            output=result.value if result.output is None else result.output,
            tokens_used=result.usage.input_tokens + result.usage.output_tokens,
            profile="" if direct else name,
            result=result,
        )

    def run(
        self,
        question: str,
        context: ContextSource,
        *,
        profile: ProfileName | None = None,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RouterResult:
        """`arun` for code without an event loop.

        Raises:
            CellblockError: as `arun`.
        """
        return blocking(partial(self.arun, question, context, profile=profile, output_type=output_type, on_event=on_event))

    def _profiled(self, profile: Profile) -> Engine:
        settings = self.rlm.engine.settings
        return self.rlm.engine.with_settings(guards=profile.guards(settings.guards), prompt=profile.prompt(settings.prompt))


def _known(profile: str) -> str:
    if profile not in PROFILES:
        raise ConfigError(f"no router profile named {str(profile)[:50]!r}; known: {', '.join(PROFILES)}")
    return profile
