"""One call of an adapter, which may be anybody's code: one that breaks its contract fails like a model, not like the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from ..errors import ModelError, ModelUnavailable
from ..models.callables import Foreign
from ..models.protocol import Message, ModelAdapter, ModelResponse, Usage, countable
from ..models.replies import estimate


async def complete(model: ModelAdapter, messages: Sequence[Message], max_tokens: int | None) -> ModelResponse:
    """The model's answer: a text that every worker and every journal can hold, and a usage that can be counted.

    Raises:
        ModelError: the call failed, or the adapter raised something else, or gave no answer.
    """
    try:
        with Foreign(model.name):
            return _answer(await model.complete(messages, max_tokens=max_tokens), messages)
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        # Nobody cancelled this task: let through, it would end the run without a word.
        raise ModelUnavailable(f"{model.name} was cancelled from within", provider=model.name) from None
    except ModelError as error:
        error.usage = _counted(error.usage) if countable(error.usage) else None
        raise


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _answer(response: object, messages: Sequence[Message]) -> ModelResponse:
    if not isinstance(response, ModelResponse) or not isinstance(response.text, str):
        raise TypeError(f"an answer is a ModelResponse with a text, not {type(response).__name__}")
    text = cleaned(str(response.text))
    usage = response.usage if countable(response.usage) else estimate(messages, text)
    return ModelResponse(text=text, usage=_counted(usage), model=cleaned(str(response.model)), raw=response.raw)


def _counted(usage: Usage) -> Usage:
    # Counted as no call, it would count as free.
    return replace(usage, calls=1) if usage.calls == 0 else usage


def cleaned(text: str) -> str:
    """The text with lone surrogates replaced by `?`: JSON can carry them, and no journal, event or worker can encode them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
