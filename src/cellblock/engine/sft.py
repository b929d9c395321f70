"""Training data from recorded runs: what a model was shown and what it replied, rebuilt from the journal. Pure.

The journal holds of each `ask` only the messages that were new. What was shown is made of them again by the same `Transcript` that
made it then, so that left-out turns and summaries stand where they stood; a row that does not come out as long as it was is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..errors import ConfigError, StoreError
from ..models.protocol import Message
from ..store.journal import EffectRow, RunRow
from .history import History, Transcript

Form: TypeAlias = Literal["chat", "prompt-completion", "sharegpt"]
FORMS: tuple[Form, ...] = ("chat", "prompt-completion", "sharegpt")

_LOOP = frozenset({"root_call", "sub_root_call", "final_call", "baseline_call"})
"""Roles of a run's own conversation. Those of asides (a verifier, a brief, a probe) are conversations of their own."""
_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One reply of a run's own model."""

    step: int
    model: str
    messages: tuple[Message, ...]
    """What it was shown, in full."""
    reply: str
    whole: bool
    """Whether it was shown all that was said before."""
    failed: bool
    """Whether one of its cells failed, or something in it was refused."""


def succeeded(run: RunRow) -> bool:
    """Whether the run ended with an accepted answer."""
    return run.status == "ended" and isinstance(run.result, dict) and run.result.get("success") is True


def lines(
    run: RunRow, effects: Sequence[EffectRow], form: Form, *, with_failed_steps: bool = True, metadata: bool = False
) -> list[dict[str, Any]]:
    """A recorded run as objects for training, none if its model never replied.

    Args:
        form: `chat` and `sharegpt` make one object of the whole conversation, `prompt-completion` one of each reply.
        with_failed_steps: False leaves out replies whose cell failed or that were refused; of `prompt-completion` alone.
        metadata: say in each object which run it is of.

    Raises:
        ConfigError: turns of the conversation were left out of what the model saw, so that it is not one conversation; or failed steps
            are to be left out of one.
        StoreError: what the model saw cannot be rebuilt.
    """
    told = [exchange for exchange in exchanges(run, effects) if exchange.reply.strip()]
    if form == "prompt-completion":
        kept = [exchange for exchange in told if with_failed_steps or not exchange.failed]
        return [_pair(exchange) | _about(run, exchange.step, metadata=metadata) for exchange in kept]
    if not with_failed_steps:
        raise ConfigError(f"failed steps cannot be left out of a whole conversation, as {form} has it; take prompt-completion")
    return [_conversation(run, told, form) | _about(run, None, metadata=metadata)] if told else []


def exchanges(run: RunRow, effects: Sequence[EffectRow]) -> list[Exchange]:
    """Each reply of the run's own model in order, with what it was shown.

    Raises:
        StoreError: the rows do not come to what was shown.
    """
    try:
        return list(_rebuilt(run, effects))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # ConfigError is a ValueError: settings that this version does not know come here, too.
        raise StoreError(f"run {run.run_id}: what its model saw cannot be rebuilt ({type(error).__name__}: {error})") from None


def _rebuilt(run: RunRow, effects: Sequence[EffectRow]) -> Iterator[Exchange]:
    transcript = Transcript(History(**run.task["history"]))
    said: list[Message] = []
    failed = _failed_steps(effects)
    summary: str | None = None
    for row in _answered(effects):
        role = row.payload["role"]
        if role == "compaction":
            # It stands for all turns but the last one, which the next row holds.
            summary = row.outcome["text"].strip()
        elif role in _LOOP:
            new = [Message(message["role"], message["content"]) for message in row.payload["messages"]]
            said += new
            # A direct call has no history settings: it is shown everything.
            shown = tuple(said) if role == "baseline_call" else _shown(transcript, new, summary)
            summary = None
            if len(shown) != row.payload["shown"]:
                raise ValueError(f"ask {row.key} was shown {row.payload['shown']} messages, and {len(shown)} come out")
            step = int(row.key.partition(".")[0])
            yield Exchange(
                step=step,
                model=row.payload["model"],
                messages=shown,
                reply=row.outcome["text"],
                whole=shown == tuple(said),
                failed=step in failed,
            )


def _shown(transcript: Transcript, new: Sequence[Message], summary: str | None) -> tuple[Message, ...]:
    """What the model is shown once `new` has been said and, where there is a summary, old turns were replaced by it."""
    turns = new
    if not transcript.begun:
        system, first, *turns = new
        if (system.role, first.role) != ("system", "user"):
            raise ValueError(f"a conversation that begins with {system.role} and {first.role}")
        transcript.begin(system, first)
    for reply, told in zip(turns[::2], turns[1::2], strict=True):
        if (reply.role, told.role) != ("assistant", "user"):
            raise ValueError(f"a turn of {reply.role} and {told.role}")
        transcript.said(reply.content)
        transcript.told(told)
    if summary is not None:
        transcript.sum_up(summary)
    return transcript.messages()


def _answered(effects: Iterable[EffectRow]) -> list[EffectRow]:
    """The asks that have a reply. Of one that was made again after a crash, the last."""
    asks = [row for row in effects if row.kind == "ask" and isinstance(row.outcome, dict) and isinstance(row.outcome.get("text"), str)]
    return sorted({row.key: row for row in asks}.values(), key=lambda row: row.seq)


def _failed_steps(effects: Iterable[EffectRow]) -> set[int]:
    def failed(row: EffectRow) -> bool:
        if row.kind != "exec" or not isinstance(row.outcome, dict):
            return row.kind == "refuse"
        return row.outcome.get("result", row.outcome).get("error") is not None

    return {int(row.key.partition(".")[0]) for row in effects if failed(row)}


def _pair(exchange: Exchange) -> dict[str, Any]:
    return {"prompt": [_plain(message) for message in exchange.messages], "completion": [_plain(Message("assistant", exchange.reply))]}


def _conversation(run: RunRow, told: Sequence[Exchange], form: Form) -> dict[str, Any]:
    if not all(exchange.whole for exchange in told):
        raise ConfigError(
            f"run {run.run_id}: turns were left out of what its model saw, so it is not one conversation; prompt-completion has each reply"
        )
    last = told[-1]
    messages = (*last.messages, Message("assistant", last.reply))
    if form == "sharegpt":
        return {"conversations": [{"from": _SHAREGPT[message.role], "value": message.content} for message in messages]}
    return {"messages": [_plain(message) for message in messages]}


def _plain(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _about(run: RunRow, step: int | None, *, metadata: bool) -> dict[str, Any]:
    if not metadata:
        return {}
    about = {"run_id": run.run_id, "parent": run.parent, "model": run.task.get("model"), "success": succeeded(run)}
    return {"metadata": about if step is None else {**about, "step": step}}
