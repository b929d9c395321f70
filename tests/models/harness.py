"""A whole run without a worker: the engine's own prompts, the real near functions, and cells run by plain CPython."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from cellblock.engine.observations import observation, refusal
from cellblock.engine.parse import parse_reply
from cellblock.engine.prompt import Brief, first_message, next_message, system_message
from cellblock.host.context import Context
from cellblock.models import Message, SimulatedModel
from cellblock.repl.protocol import ExecError, ExecResult
from cellblock.values import ValueCaps, plain

CAPS = ValueCaps(items=1_000_000)


@dataclass
class Finished:
    """What a run did."""

    final: object = None
    answered: bool = False
    replies: list[str] = field(default_factory=list)
    subcalls: int = 0


class _Crossing:
    """Results arrive as they do in a cell: tuples have become lists."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._target, name)
        return lambda *args, **kwargs: plain(method(*args, **kwargs), CAPS)


@contextmanager
def mapped(documents: Sequence[str], names: Sequence[str] | None = None) -> Iterator[Any]:
    from near import NearContext

    with Context.from_documents(documents, names=names) as context:
        near = NearContext(context.fd)
        yield near, context
        near.close()


def run_plain(
    question: str, *documents: str, names: Sequence[str] | None = None, model: SimulatedModel | None = None, steps: int = 20
) -> Finished:
    model, done = model or SimulatedModel(), Finished()
    with mapped(documents, names) as (near, context):
        scope = _scope(near, model, done)
        brief = Brief(question=question, num_chars=context.num_chars, num_documents=context.num_documents, sample=context.head(500))
        messages = [system_message(brief), first_message(brief, last_step=steps == 1)]
        for step in range(1, steps + 1):
            reply = model.reply(messages)
            done.replies.append(reply)
            notes = _ran(reply, scope)
            if done.answered:
                return done
            messages += [Message("assistant", reply), next_message(notes, last_step=step == steps - 1)]
    return done


def _scope(near: Any, model: SimulatedModel, done: Finished) -> dict[str, object]:
    def final(value: object) -> None:
        done.final, done.answered = plain(value), True

    def llm_query(prompt: str) -> str:
        done.subcalls += 1
        return model.reply([Message("user", prompt)])

    return {
        "ctx": _Crossing(near.ctx),
        "P": "",
        "FILES": near.files(),
        "FINAL": final,
        "llm_query": llm_query,
        "llm_query_batched": lambda prompts: [llm_query(prompt) for prompt in prompts],
    }


def _ran(reply: str, scope: dict[str, object]) -> list[str]:
    parsed = parse_reply(reply)
    if not parsed.cells:
        return [refusal("there is no variable of that name")]
    return [observation(number, _exec(cell, scope)) for number, cell in enumerate(parsed.cells, 1)]


def _exec(cell: str, scope: dict[str, object]) -> ExecResult:
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            exec(compile(cell, "cell", "exec"), scope)
    except (SyntaxError, NameError, ValueError, TypeError, LookupError, AttributeError) as error:
        return ExecResult(stdout=printed.getvalue(), error=ExecError(kind=type(error).__name__, message=str(error)))
    return ExecResult(stdout=printed.getvalue())
