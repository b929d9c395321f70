"""Any JSON endpoint as a model: the caller's functions write the request and read the answer, the transport stays ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import msgspec

from ..in_thread import in_thread
from .callables import Foreign
from .endpoint import Endpoint
from .identity import identity_text, own_token
from .protocol import Message, ModelResponse, Usage
from .remote import RemoteModel
from .replies import Malformed, decode, estimate
from .sdk import mapped

Payload = Callable[[Sequence[Message], int | None, Mapping[str, Any]], Mapping[str, Any]]
"""From messages, `max_tokens` and sampling to the JSON that is posted."""
Parse = Callable[[Any], "str | ModelResponse"]
"""From the decoded JSON of an answer to its text, or to a whole response with usage."""


class GenericChat(RemoteModel[bytes]):
    """A model behind any endpoint that takes JSON by POST and answers JSON. Nothing is read from the environment here.

    Args:
        endpoint: `base_url` is the whole address; `auth` says in which header the key goes.
        payload: called with the messages, `max_tokens` and the sampling settings; returns what is posted.
        parse: called with the decoded answer, every occurrence of the key in it replaced; returns the text or a `ModelResponse`. It runs
            in a thread, as does `payload`.
        model: how traces call it, behind the endpoint's provider.
        sampling: what `complete` uses where it is given none.
        version: names the behaviour of the two functions, for a cache that outlives the process. Empty: no other adapter is the same.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense.
    """

    package = "httpx2"

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        payload: Payload,
        parse: Parse,
        model: str = "generic",
        sampling: Mapping[str, Any] | None = None,
        version: str = "",
    ) -> None:
        super().__init__(model, endpoint, sampling=sampling)
        self.payload, self.parse = payload, parse
        self._version = ("version", version) if version else ("own", own_token())

    @property
    def identity(self) -> str:
        """All that shapes its answers besides messages and `max_tokens`, for a cache's key. Never the key to the provider."""
        return identity_text(super().identity, *self._version)

    def _build(self, package: Any) -> Any:
        from .transport import http_client

        return _Posting(http_client(self.endpoint.destination()), self.endpoint)

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once, with retries. Cancellable at any point.

        Raises:
            ModelUnavailable: no usable answer after the retries, or a function raised; its exception is the cause.
            ModelRefused: the endpoint said no, or a function returned something else than it should.
            ConfigError: a sampling setting is unknown, or the adapter was closed.
        """
        settings = self._sampling(sampling)
        with Foreign(f"{self.name}'s payload"):
            write = partial(self.payload, list(messages), max_tokens, settings)
            body = await in_thread(lambda: msgspec.json.encode(_mapping(write())), abandon_on_cancel=True)
        return await self._ask({"json": body}, messages, max_tokens)

    async def _parts(self, client: Any, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        status, headers, answer = await client.post(body["json"])
        if status >= 300:
            raise self._failures.status(status, headers, _error_body(answer))
        yield answer

    def _reported(self, parts: Sequence[bytes]) -> Usage | None:
        return None

    def _mapped(self) -> AbstractContextManager[None]:
        return mapped(self._failures)

    async def _response(self, parts: list[bytes], messages: Sequence[Message]) -> ModelResponse:
        # In a thread: a long answer takes a while to decode, and the function is anybody's.
        data = await in_thread(self._decoded, parts[0], abandon_on_cancel=True)
        with Foreign(f"{self.name}'s parse"):
            said = await in_thread(self.parse, data, abandon_on_cancel=True)
        if isinstance(said, ModelResponse):
            return said
        if not isinstance(said, str):
            raise self._failures.refused(f"parse returned {type(said).__name__}, not str")
        return ModelResponse(text=said, usage=estimate(messages, said), model=self.model)

    def _decoded(self, body: bytes) -> Any:
        return self._without_key(decode(body, object))

    def _without_key(self, data: Any) -> Any:
        """The data without the key, so that neither the function's errors nor its answer can hold it."""
        if isinstance(data, str):
            return self._failures.clean(data)
        if isinstance(data, list):
            return [self._without_key(item) for item in data]
        if isinstance(data, dict):
            return {self._failures.clean(name): self._without_key(value) for name, value in data.items()}
        return data


class _Posting:
    """Posts to one address."""

    def __init__(self, client: Any, endpoint: Endpoint) -> None:
        self._client, self._endpoint = client, endpoint

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        at = self._endpoint
        headers = {"content-type": "application/json", "accept": "application/json"}
        answer = await self._client.post(at.base_url, params=at.query or None, content=body, headers=headers)
        return answer.status_code, answer.headers, answer.content

    async def close(self) -> None:
        await self._client.aclose()


def _mapping(payload: object) -> Mapping[str, Any]:
    if not isinstance(payload, Mapping):
        raise TypeError(f"it returned {type(payload).__name__}, not a mapping")
    return payload


def _error_body(answer: bytes) -> object:
    try:
        return decode(answer, object)
    except Malformed:
        return answer.decode("utf-8", "replace")
