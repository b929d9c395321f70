"""`SimulatedModel`: a program that plays a language model, seeded and deterministic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from ...errors import ConfigError
from ..identity import identity_of
from ..protocol import Message, ModelResponse, Usage
from ..replies import estimate
from .faults import FAULTS
from .plans import Plan, plan_for
from .subcalls import NOTICE, answer
from .transcript import FAULT_LINE, Conversation, read

_STALE_RESTART, _STALE_END = 2, 4
_UNKNOWN_REPLIES = 3


class SimulatedModel:
    """Reads the engine's prompts, writes real cells by fixed rules, and answers sub-calls by a lexicon.

    It knows the question, the context's first characters and its cells' output: nothing else. The same messages and
    settings always give the same reply. Every reply's first line says that no language model was called. A reply with
    an injected fault is never followed by another one.

    Args:
        seed: of the faults.
        syntax_error: share of cell-writing replies, 0 to 1, whose cell does not parse.
        name_error: share whose cell uses a name that nobody defined.
        final_misuse: share that gives a variable as the answer which nobody set.
        runaway_loop: share whose cell never ends.
        latency_seconds: before every answer.

    Raises:
        ConfigError: a share is not within 0 and 1, or the latency is negative or above an hour.
    """

    SETTINGS = ("seed", *FAULTS, "latency_seconds")

    def __init__(
        self,
        seed: int = 0,
        *,
        syntax_error: float = 0.0,
        name_error: float = 0.0,
        final_misuse: float = 0.0,
        runaway_loop: float = 0.0,
        latency_seconds: float = 0.0,
    ) -> None:
        shares = (syntax_error, name_error, final_misuse, runaway_loop)
        self.seed, self.latency_seconds = seed, latency_seconds
        self.shares: dict[str, float] = dict(zip(FAULTS, shares, strict=True))
        for setting, share in self.shares.items():
            if not 0 <= share <= 1:
                raise ConfigError(f"simulated: {setting}={share!r}: a share is between 0 and 1")
        if not 0 <= latency_seconds <= 3600:
            raise ConfigError(f"simulated: latency_seconds={latency_seconds!r}: must be between 0 and 3600")
        self.name = _name({"seed": seed, **self.shares, "latency_seconds": latency_seconds})
        """`simulated`, with the settings that are not 0; `resolve` takes it back."""

    def __repr__(self) -> str:
        """The name, which holds the settings."""
        return f"SimulatedModel({self.name!r})"

    @property
    def identity(self) -> str:
        """All that shapes its replies besides the messages, for a cache's key: the seed and the shares of faults."""
        return identity_of("SimulatedModel", self.seed, sorted(self.shares.items()))

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """The reply to `messages`, cut at `max_tokens` * 4 characters; `sampling` has no effect. Never fails."""
        if self.latency_seconds:
            await anyio.sleep(self.latency_seconds)
        text = self.reply(messages)
        if max_tokens is not None:
            text = text[: 4 * max_tokens]
        usage = estimate(messages, text)
        free = Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, calls=1, cost_usd=0.0, estimated=True)
        return ModelResponse(text=text, usage=free, model="simulated")

    def reply(self, messages: Sequence[Message]) -> str:
        """The reply's text."""
        conversation = read(messages)
        if conversation is None:
            return answer(messages[-1].content if messages else "")
        thought, cell = next_cell(conversation)
        fault = None if conversation.recovering or conversation.last_step else self._fault(messages)
        if fault is not None:
            return f"{NOTICE}\n{FAULT_LINE}{fault}]\n{FAULTS[fault](thought, cell)}"
        return f"{NOTICE}\n{thought}\n\n```repl\n{cell}```"

    def _fault(self, messages: Sequence[Message]) -> str | None:
        if not any(self.shares.values()):
            return None
        # Drawn from the messages, not from a counter: replies do not depend on the order of parallel calls.
        digest = hashlib.sha256(repr(self.seed).encode())
        for message in messages:
            digest.update(hashlib.sha256(f"{message.role}\0{message.content}".encode("utf-8", "surrogatepass")).digest())
        for name, share in self.shares.items():
            drawn = hashlib.sha256(digest.digest() + name.encode()).digest()
            if int.from_bytes(drawn[:8], "big") / 2**64 < share:
                return name
        return None

    async def aclose(self) -> None:
        """Nothing to close."""


def _name(settings: Mapping[str, float]) -> str:
    changed = ",".join(f"{name}={value}" for name, value in settings.items() if value)
    return f"simulated:{changed}" if changed else "simulated"


def next_cell(at: Conversation) -> tuple[str, str]:
    """What the next reply says, and its cell."""
    plan = plan_for(at)
    stage = plan.clamped(1 if at.stale >= _STALE_RESTART else at.stage)
    if at.refused is not None and not at.recovering and stage == len(plan.stages):
        return "The answer was refused, so I do what was asked and give it again.", _asked_for(at.refused) + plan.cell(stage)
    if stage < len(plan.stages) and (at.last_step or _hopeless(at, plan)):
        return "I could not finish, and I say so.", _give_up(at)
    return plan.thought(stage), plan.cell(stage)


def _hopeless(at: Conversation, plan: Plan) -> bool:
    return at.stale >= _STALE_END or (plan.kind == "unknown" and at.replies >= _UNKNOWN_REPLIES)


def _asked_for(refusal: str) -> str:
    prompt = "Check the answer to this question of the run that asks you, in one line."
    if "rlm_query" in refusal and "llm_query," not in refusal:
        return f"print(rlm_query({prompt!r}, P[:2000])[:300])\n"
    return f"print(llm_query({prompt!r})[:300])\n"


def _give_up(at: Conversation) -> str:
    why = "the steps ran out" if at.last_step else "its cells kept failing"
    return f"FINAL({f'No answer: {why} before the context was read as far as needed. ({NOTICE[1:-1]})'!r})\n"
