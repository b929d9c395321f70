"""The messages API, at Anthropic or at any endpoint that speaks it, over the `anthropic` SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import anyio
import msgspec

from .endpoint import Endpoint
from .failures import Failures
from .protocol import Message, ModelResponse
from .replies import MessagesEvent, MessagesReply, decode, given_usages, last_of, messages_usage, plain_extras, server_sent_data
from .retry import with_retries
from .sdk import ClientPerLoop, checked_sampling, mapped

DEFAULT_MAX_TOKENS = 8_192
"""This API demands a number; every current model can give as many."""


class AnthropicMessages:
    """A model behind a messages endpoint. Nothing is read from the environment here.

    Args:
        model: as the endpoint calls it.
        endpoint: where it is and which key belongs there.
        stream: ask for server-sent events, so that a long answer is not taken for a dead connection.
    """

    def __init__(self, model: str, endpoint: Endpoint | None = None, *, stream: bool = True) -> None:
        self.endpoint = endpoint or Endpoint(provider="anthropic", base_url="https://api.anthropic.com")
        self.model, self.stream = model, stream
        self.name = f"{self.endpoint.provider}:{model}"
        self._failures = Failures(self.endpoint.provider, self.endpoint.key)
        self._client = ClientPerLoop("anthropic", self._build)

    def __repr__(self) -> str:
        """The name and the address, never the key."""
        return f"AnthropicMessages({self.name!r} at {self.endpoint.base_url})"

    def _build(self, anthropic: Any) -> Any:
        import httpx2

        from .transport import OneHostTransport, timeouts

        destination = self.endpoint.destination()
        http = httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, transport=OneHostTransport(destination), timeout=timeouts(destination)
        )
        # An explicit key, although the transport holds the real one: without it the SDK would look for profiles on disk.
        return anthropic.AsyncAnthropic(
            api_key="in-the-transport", base_url=destination.base_url, max_retries=0, http_client=http, open_telemetry=False
        )

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once, with retries. `seed` is not sent: this API has none. Cancellable at any point.

        Raises:
            ModelUnavailable: no usable answer after the retries.
            ModelRefused: the provider said no.
            ConfigError: a sampling setting is unknown, or the adapter was closed.
        """
        body = self._body(messages, max_tokens or DEFAULT_MAX_TOKENS, checked_sampling(sampling))
        client = await self._client.get()
        return await with_retries(partial(self._attempt, client, body, messages), self.endpoint.retry)

    def _body(self, messages: Sequence[Message], max_tokens: int, sampling: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": max_tokens,
            "messages": [{"role": message.role, "content": message.content} for message in messages if message.role != "system"],
        }
        system = "\n\n".join(message.content for message in messages if message.role == "system")
        if system:
            body["system"] = system
        stop = sampling.pop("stop", None)
        if stop is not None:
            body["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
        sampling.pop("seed", None)
        # The SDK's own parameters for the rest are gone; the API still takes them.
        body["extra_body"] = sampling or None
        return body

    async def _attempt(self, client: Any, body: dict[str, Any], messages: Sequence[Message]) -> ModelResponse:
        with mapped("anthropic", self._failures), anyio.fail_after(self.endpoint.timeout_seconds):
            if self.stream:
                return self._collected([event async for event in self._streamed(client, body)], messages)
            raw = await client.messages.with_raw_response.create(**body)
            reply = decode(raw.http_response.content, MessagesReply)
            return self._response(reply, [part.text for part in reply.content if part.type == "text"], [reply.usage], messages)

    async def _streamed(self, client: Any, body: dict[str, Any]) -> AsyncIterator[MessagesEvent]:
        async with client.messages.with_streaming_response.create(**body, stream=True) as raw:
            async for data in server_sent_data(raw.http_response.aiter_bytes()):
                event = decode(data, MessagesEvent)
                if event.error:
                    raise self._failures.in_answer(event.error)
                yield event

    def _collected(self, events: list[MessagesEvent], messages: Sequence[Message]) -> ModelResponse:
        start = next((event.message for event in events if event.message), None)
        if start is None or events[-1].type != "message_stop":
            raise self._failures.unavailable("cut the stream before its end", again=True)
        deltas = list(filter(None, (event.delta for event in events)))
        texts = [delta.text for delta in deltas if delta.type == "text_delta"]
        reply = msgspec.structs.replace(start, stop_reason=last_of(delta.stop_reason for delta in deltas))
        return self._response(reply, texts, [start.usage, *given_usages(event.usage for event in events)], messages)

    def _response(self, reply: MessagesReply, texts: list[str], usages: list[msgspec.Raw], messages: Sequence[Message]) -> ModelResponse:
        usage = messages_usage(usages, messages, "".join(texts))
        if not texts:
            raise self._failures.refused(f"gave no text (stop reason {reply.stop_reason}): raise max_tokens, or change the prompt", usage)
        text = self._failures.clean("".join(texts))
        extras = plain_extras(id=self._failures.clean(reply.id or ""), finish_reason=self._failures.clean(reply.stop_reason or ""))
        return ModelResponse(text=text, usage=usage, model=self._failures.line(reply.model or self.model), raw=extras)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        await self._client.aclose()
