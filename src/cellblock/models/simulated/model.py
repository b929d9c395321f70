"""`SimulatedModel`: a program that plays a language model, seeded and deterministic."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import anyio

from ...errors import ConfigError
from ..identity import identity_text
from ..protocol import Message, ModelResponse, Usage
from ..replies import estimate
from .asides import aside
from .faults import FAULTS, Due, Shares, fenced, put_into
from .plans import Plan, plan_for
from .readings import answer_shown
from .subcalls import NOTICE, answer
from .transcript import FAULT_LINE, Conversation, read

_STALE_RESTART, _STALE_END = 2, 4
_UNKNOWN_REPLIES = 3
_REPAIR = "That cannot be used: "
"""How a message begins that asks for a sub-call's answer again."""


class SimulatedModel:
    """Reads the engine's prompts, writes real cells by fixed rules, and answers sub-calls by a lexicon.

    It knows the question, the context's first characters and its cells' output: nothing else. As a verifier it looks for the answer's
    numbers in the outputs. The same messages and settings always give the same reply. Every reply's first line says that no language
    model was called.

    Args:
        seed: of the faults.
        relapse: share of the replies after one with a fault that have the same fault again, at the last step too: a model that is stuck.
            0 has no fault follow another, and none at the last step.
        latency_seconds: before every answer.
        shares: of each fault, see `Shares`.

    Raises:
        ConfigError: a share is unknown or not within 0 and 1, or the latency is negative or above an hour.
    """

    SETTINGS = ("seed", *FAULTS, "relapse", "latency_seconds")

    def __init__(self, seed: int = 0, *, relapse: float = 0.0, latency_seconds: float = 0.0, **shares: Unpack[Shares]) -> None:
        given: Mapping[str, Any] = shares
        self.seed, self.relapse, self.latency_seconds = seed, relapse, latency_seconds
        if unknown := given.keys() - FAULTS.keys():
            raise ConfigError(f"simulated: no setting {min(unknown)[:50]!r}; known: {', '.join(self.SETTINGS)}")
        self.shares: dict[str, float] = {name: given.get(name, 0.0) for name in FAULTS}
        for setting, share in {**self.shares, "relapse": relapse}.items():
            if not 0 <= share <= 1:
                raise ConfigError(f"simulated: {setting}={share!r}: a share is between 0 and 1")
        if not 0 <= latency_seconds <= 3600:
            raise ConfigError(f"simulated: latency_seconds={latency_seconds!r}: must be between 0 and 3600")
        self.name = _name({"seed": seed, **self.shares, "relapse": relapse, "latency_seconds": latency_seconds})
        """`simulated`, with the settings that are not 0; `resolve` takes it back."""

    def __repr__(self) -> str:
        """The name, which holds the settings."""
        return f"SimulatedModel({self.name!r})"

    @property
    def identity(self) -> str:
        """All that shapes its replies besides the messages, for a cache's key: the seed and the shares of faults."""
        return identity_text("SimulatedModel", self.seed, sorted({**self.shares, "relapse": self.relapse}.items()))

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
        said = aside(messages)
        if said is not None:
            return f"{NOTICE}\n{said}"
        at = read(messages)
        if at is None:
            return answer(_prompt(messages))
        due = _due(at)
        if at.used_up:
            shown = answer_shown(due.plan, due.stage, at.outputs)
            return f"{NOTICE}\nFINAL({_no_answer('the steps ran out') if shown is None else shown})"
        fault = self._fault(due, messages)
        if fault is not None:
            return f"{NOTICE}\n{FAULT_LINE}{fault[0]}]\n{fault[1]}"
        return f"{NOTICE}\n{fenced(due.thought, due.cell)}"

    def _fault(self, due: Due, messages: Sequence[Message]) -> tuple[str, str] | None:
        """The fault that comes now, and the bad reply."""
        at, drawn = due.at, _drawn(self.seed, messages)
        if at.fault is not None:
            again = FAULTS[at.fault](due) if at.fault in FAULTS and drawn("relapse") < self.relapse else None
            return None if again is None else (at.fault, again)
        for name, share in self.shares.items():
            if share and not at.last_step and drawn(name) < share and (bad := FAULTS[name](due)) is not None:
                return name, bad
        return None

    async def aclose(self) -> None:
        """Nothing to close."""


def _drawn(seed: int, messages: Sequence[Message]) -> Callable[[str], float]:
    """A number from 0 to 1 for each name.

    Drawn from the messages, not from a counter: replies do not depend on the order of parallel calls. The system message is left out:
    settings that only change what it says then meet the same faults, and can be compared.
    """
    digest = hashlib.sha256(repr(seed).encode())
    for message in messages[1:]:
        digest.update(hashlib.sha256(f"{message.role}\0{message.content}".encode("utf-8", "surrogatepass")).digest())
    start = digest.digest()
    return lambda name: int.from_bytes(hashlib.sha256(start + name.encode()).digest()[:8], "big") / 2**64


def _name(settings: Mapping[str, float]) -> str:
    changed = ",".join(f"{name}={value}" for name, value in settings.items() if value)
    return f"simulated:{changed}" if changed else "simulated"


def _prompt(messages: Sequence[Message]) -> str:
    """A sub-call's prompt; where an answer is to be repaired, the one that it answered."""
    if not messages:
        return ""
    repair = len(messages) > 2 and messages[-1].content.startswith(_REPAIR)
    return messages[-3 if repair else -1].content


def _due(at: Conversation) -> Due:
    """The good reply."""
    plan = plan_for(at)
    stage = plan.clamped(1 if at.stale >= _STALE_RESTART else at.stage)
    thought, cell = _next_cell(at, plan, stage)
    if at.variable is not None and stage == len(plan.stages):
        cell = f"{put_into(cell, at.variable)}FINAL({at.variable})\n"
    return Due(at=at, plan=plan, stage=stage, thought=thought, cell=cell)


def _next_cell(at: Conversation, plan: Plan, stage: int) -> tuple[str, str]:
    """What the reply says, and its cell."""
    if at.refused is not None and at.fault is None and stage == len(plan.stages):
        return "The answer was refused, so I do what was asked and give it again.", _asked_for(at.refused) + plan.cell(stage)
    if stage < len(plan.stages) and (at.last_step or _hopeless(at, plan)):
        why = "the steps ran out" if at.last_step else "its cells kept failing"
        return "I could not finish, and I say so.", f"FINAL({_no_answer(why)!r})\n"
    return plan.thought(stage), plan.cell(stage)


def _hopeless(at: Conversation, plan: Plan) -> bool:
    return at.stale >= _STALE_END or (plan.kind == "unknown" and at.replies >= _UNKNOWN_REPLIES)


def _asked_for(refusal: str) -> str:
    prompt = "Check the answer to this question of the run that asks you, in one line."
    if "rlm_query" in refusal and "llm_query," not in refusal:
        return f"print(rlm_query({prompt!r}, P[:2000])[:300])\n"
    return f"print(llm_query({prompt!r})[:300])\n"


def _no_answer(why: str) -> str:
    return f"No answer: {why} before the context was read as far as needed. ({NOTICE[1:-1]})"
