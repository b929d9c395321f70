"""What adapters behind an HTTP address share: a name, one client per event loop, attempts that lose no usage, and one host per key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

import anyio

from ..errors import ModelError
from .endpoint import Endpoint
from .failures import Failures
from .identity import identity_text
from .protocol import Message, ModelResponse, Usage
from .rates import Rates, admitted
from .replies import estimate, plain_extras
from .retry import Failed, RetryPolicy, with_retries
from .sampling import checked_sampling
from .sdk import ClientPerLoop, mapped_sdk

Part = TypeVar("Part")
"""What an answer comes in: the whole of it, or one event of its stream."""


class RemoteModel(ABC, Generic[Part]):
    """A model behind an address. Nothing is read from the environment here.

    Args:
        model: as the endpoint calls it.
        endpoint: where it is and which key belongs there.
        sampling: what `complete` uses where it is given none.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense.
    """

    package: ClassVar[str]
    """Of the SDK; imported when the first request is made."""

    def __init__(self, model: str, endpoint: Endpoint, *, sampling: Mapping[str, Any] | None = None) -> None:
        self.endpoint, self.model, self.sampling = endpoint, model, checked_sampling(sampling)
        self.name = f"{endpoint.provider}:{model}"
        self._failures = Failures(endpoint.provider, endpoint.secrets)
        self._client = ClientPerLoop(self.package, self._build)

    def __repr__(self) -> str:
        """The name and the address, never the key."""
        return f"{type(self).__name__}({self.name!r} at {self.endpoint.base_url})"

    @property
    def identity(self) -> str:
        """All that shapes its answers besides messages and `max_tokens`, for a cache's key. Never the key to the provider."""
        at = self.endpoint
        place = (at.provider, at.base_url, at.api_version, at.headers)
        return identity_text(type(self).__name__, *place, self.model, sampling=self.sampling)

    @abstractmethod
    def _build(self, package: Any) -> Any:
        """A client of the imported package."""

    @abstractmethod
    def _parts(self, client: Any, body: Mapping[str, Any]) -> AsyncIterator[Part]:
        """Send one request; what it answers, part by part."""

    @abstractmethod
    async def _response(self, parts: list[Part], messages: Sequence[Message]) -> ModelResponse:
        """The parts as one answer, or `Failed`."""

    @abstractmethod
    def _reported(self, parts: Sequence[Part]) -> Usage | None:
        """What the provider said that these parts used; None if it said nothing."""

    def _mapped(self) -> AbstractContextManager[None]:
        return mapped_sdk(self.package, self._failures)

    def _sampling(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        return dict(self.sampling) if given is None else checked_sampling(given)

    async def _ask(self, body: Mapping[str, Any], messages: Sequence[Message], max_tokens: int | None) -> ModelResponse:
        client = await self._client.get()
        tokens = estimate(messages, "").input_tokens + (max_tokens or 0)
        at = self.endpoint
        return await attempted(partial(self._attempt, client, body, messages), at.retry, at.rates, at.key_id, tokens)

    async def _attempt(self, client: Any, body: Mapping[str, Any], messages: Sequence[Message]) -> ModelResponse:
        parts: list[Part] = []
        with _accounted(lambda: self._reported(parts)), self._mapped(), anyio.fail_after(self.endpoint.timeout_seconds):
            async for part in self._parts(client, body):
                parts.append(part)
            return await self._response(parts, messages)

    def _made(self, text: str, usage: Usage, *, model: str, id: str, reason: str) -> ModelResponse:
        clean = self._failures.clean
        extras = plain_extras(id=clean(id), finish_reason=clean(reason))
        return ModelResponse(text=clean(text), usage=usage, model=self._failures.line(model or self.model), raw=extras)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        await self._client.aclose()


async def attempted(
    attempt: Callable[[], Awaitable[ModelResponse]], retry: RetryPolicy, rates: Rates, key_id: str, tokens: int
) -> ModelResponse:
    """What `attempt` returns, tried as often as `retry` allows, each time when the key's rates allow it.

    What failed attempts used is part of the answer's or the error's usage.

    Raises:
        ModelError: the last attempt's error.
    """
    lost: list[Usage] = []

    async def once() -> ModelResponse:
        # Around one attempt alone: nobody waits for another call, or for the next attempt, with a place in hand.
        async with admitted(key_id, rates, tokens):
            try:
                return await attempt()
            except Failed as failed:
                if failed.error.usage is not None:
                    lost.append(failed.error.usage)
                raise

    try:
        answer = await with_retries(once, retry)
    except ModelError as error:
        if lost:
            error.usage = sum(lost, Usage())
        raise
    return replace(answer, usage=sum(lost, answer.usage)) if lost else answer


@contextmanager
def _accounted(reported: Callable[[], Usage | None]) -> Iterator[None]:
    try:
        yield
    except Failed as failed:
        if failed.error.usage is None:
            failed.error.usage = reported()
        raise
