"""A plain Python function as a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Any

from ..errors import CellblockError, ConfigError, ModelRefused, ModelUnavailable
from ..in_thread import in_thread
from .identity import identity_text, own_token
from .protocol import Message, ModelResponse
from .redact import one_line
from .replies import estimate
from .sampling import checked_sampling

_WANTS_MESSAGES = frozenset({"messages", "conversation", "chat"})


class CallableModel:
    """A model that is a function, sync or async: it takes the messages or one text, and returns the answer's text.

    A function whose first parameter is called `messages` (or `conversation`, `chat`) gets a list of `Message`. Any
    other gets one text: the content alone if there is one message, else every turn headed by its role. Parameters
    called `max_tokens` and `sampling` get these, where a call has them. A sync function runs in a thread.

    Args:
        function: returns a str or a `ModelResponse`.
        name: how traces call it; by default the function's own name.
        sampling: what the function gets where a call names no settings.
        version: names the function's behaviour, for a cache that outlives the process. Empty: no other function is the same.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense; or the function takes none.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        sampling: Mapping[str, Any] | None = None,
        version: str = "",
    ) -> None:
        self.function, self.sampling = function, checked_sampling(sampling)
        self.name: str = name or str(getattr(function, "__name__", type(function).__name__))
        parameters = _parameters(function)
        self._takes_messages = bool(parameters) and parameters[0] in _WANTS_MESSAGES
        self._options = frozenset(parameters[1:]) & {"max_tokens", "sampling"}
        if self.sampling and "sampling" not in self._options:
            raise ConfigError(f"{self.name} has no parameter `sampling`, so that sampling= would have no effect")
        self._version = ("version", version) if version else ("own", own_token())

    @property
    def identity(self) -> str:
        """All that shapes its answers besides messages and `max_tokens`, for a cache's key. Code cannot be compared: see `version`."""
        return identity_text("CallableModel", self.name, *self._version, sampling=self.sampling)

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Call the function.

        Raises:
            ModelUnavailable: the function raised; that exception is the cause.
            ModelRefused: it returned something that is not text.
            ConfigError: a sampling setting is unknown, a limit, or makes no sense.
        """
        argument = list(messages) if self._takes_messages else as_text(messages)
        settings = self.sampling if sampling is None else checked_sampling(sampling)
        given = {"max_tokens": max_tokens, "sampling": settings or None}
        options = {name: given[name] for name in self._options if given[name] is not None}
        with Foreign(self.name):
            result = await self._called(partial(self.function, argument, **options))
        if isinstance(result, ModelResponse):
            return result
        if not isinstance(result, str):
            raise ModelRefused(f"{self.name} returned {type(result).__name__}, not str", provider=self.name)
        return ModelResponse(text=result, usage=estimate(messages, result), model=self.name)

    async def _called(self, call: Callable[[], Any]) -> object:
        if inspect.iscoroutinefunction(self.function):
            return await call()
        result = await in_thread(call, abandon_on_cancel=True)
        # An object with an async `__call__` looks sync from outside and returns its coroutine.
        return await result if inspect.isawaitable(result) else result

    async def aclose(self) -> None:
        """Nothing to close."""


def as_text(messages: Sequence[Message]) -> str:
    """One text: a single message as it is, else every turn headed by its role."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


class Foreign(AbstractContextManager[None]):
    """Turns any exception of code that is not ours into `ModelUnavailable`, SystemExit too; Ctrl-C and cancellation pass.

    Args:
        name: of the model, for the message.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Raise `ModelUnavailable` from an exception that is not one of our own."""
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, CellblockError):
            message = one_line(f"{self.name} raised {type(error).__name__}: {error}")
            raise ModelUnavailable(message, provider=self.name) from error
