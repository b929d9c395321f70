"""A plain Python function as a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import anyio

from ..errors import CellblockError, ModelRefused, ModelUnavailable
from .protocol import Message, ModelResponse
from .redact import one_line
from .replies import estimate

_WANTS_MESSAGES = frozenset({"messages", "conversation", "chat"})


class CallableModel:
    """A model that is a function, sync or async: it takes the messages or one text, and returns the answer's text.

    A function whose first parameter is called `messages` (or `conversation`, `chat`) gets a list of `Message`. Any
    other gets one text: the content alone if there is one message, else every turn headed by its role. A sync
    function runs in a thread.

    Args:
        function: returns a str or a `ModelResponse`.
        name: how traces call it; by default the function's own name.
    """

    def __init__(self, function: Callable[..., Any], *, name: str | None = None) -> None:
        self.function = function
        self.name: str = name or str(getattr(function, "__name__", type(function).__name__))
        self._takes_messages = _first_parameter(function) in _WANTS_MESSAGES

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Call the function. `max_tokens` and `sampling` are its own affair and are not passed.

        Raises:
            ModelUnavailable: the function raised; that exception is the cause.
            ModelRefused: it returned something that is not text.
        """
        argument = list(messages) if self._takes_messages else as_text(messages)
        with Foreign(self.name):
            result = await self._called(argument)
        if isinstance(result, ModelResponse):
            return result
        if not isinstance(result, str):
            raise ModelRefused(f"{self.name} returned {type(result).__name__}, not str", provider=self.name)
        return ModelResponse(text=result, usage=estimate(messages, result), model=self.name)

    async def _called(self, argument: object) -> object:
        if inspect.iscoroutinefunction(self.function):
            return await self.function(argument)
        result = await anyio.to_thread.run_sync(self.function, argument, abandon_on_cancel=True)
        # An object with an async `__call__` looks sync from outside and returns its coroutine.
        return await result if inspect.isawaitable(result) else result

    async def aclose(self) -> None:
        """Nothing to close."""


def as_text(messages: Sequence[Message]) -> str:
    """One text: a single message as it is, else every turn headed by its role."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def _first_parameter(function: Callable[..., Any]) -> str:
    try:
        return next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):
        return ""


class Foreign(AbstractContextManager[None]):
    """Turns any exception of code that is not ours into `ModelUnavailable`, and lets exits and cancellation pass.

    Args:
        name: of the model, for the message.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Raise `ModelUnavailable` from an exception that is not one of our own."""
        if isinstance(error, Exception) and not isinstance(error, CellblockError):
            message = one_line(f"{self.name} raised {type(error).__name__}: {error}")
            raise ModelUnavailable(message, provider=self.name) from error
