"""The messages API, at Anthropic or at any endpoint that speaks it, over the `anthropic` SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from .endpoint import Endpoint
from .protocol import Message, ModelResponse, Usage
from .remote import RemoteModel
from .replies import MessagesEvent, MessagesReply, decode, estimate, given_usages, last_of, messages_usage, server_sent_data

DEFAULT_MAX_TOKENS = 8_192
"""This API demands a number; every current model can give as many."""


class AnthropicMessages(RemoteModel[MessagesReply | MessagesEvent]):
    """A model behind a messages endpoint. Nothing is read from the environment here.

    Args:
        model: as the endpoint calls it.
        endpoint: where it is and which key belongs there.
        stream: ask for server-sent events, so that a long answer is not taken for a dead connection.
        sampling: what `complete` uses where it is given none.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense.
    """

    package = "anthropic"

    def __init__(
        self, model: str, endpoint: Endpoint | None = None, *, stream: bool = True, sampling: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(model, endpoint or Endpoint(provider="anthropic", base_url="https://api.anthropic.com"), sampling=sampling)
        self.stream = stream

    def _build(self, package: Any) -> Any:
        # An explicit key, although the transport holds the real one: without it the SDK would look for profiles on disk.
        return package.AsyncAnthropic(api_key="in-the-transport", **self._client_options())

    def _client_options(self) -> dict[str, Any]:
        from .transport import http_client

        destination = self.endpoint.destination()
        return {
            "base_url": destination.base_url,
            "max_retries": 0,
            "http_client": http_client(destination),
            "open_telemetry": False,
            "default_query": self.endpoint.query,
        }

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once, with retries. `seed` is not sent: this API has none. Cancellable at any point.

        Raises:
            ModelUnavailable: no usable answer after the retries.
            ModelRefused: the provider said no.
            ConfigError: a sampling setting is unknown, or the adapter was closed.
        """
        limit = max_tokens or DEFAULT_MAX_TOKENS
        return await self._ask(self._body(messages, limit, self._sampling(sampling)), messages, limit)

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

    async def _parts(self, client: Any, body: Mapping[str, Any]) -> AsyncIterator[MessagesReply | MessagesEvent]:
        if not self.stream:
            whole = await client.messages.with_raw_response.create(**body)
            yield decode(whole.http_response.content, MessagesReply)
            return
        async with client.messages.with_streaming_response.create(**body, stream=True) as raw:
            async for data in self._data(raw.http_response.aiter_bytes()):
                event = decode(data, MessagesEvent)
                if event.error:
                    raise self._failures.in_answer(event.error)
                yield event

    def _data(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return server_sent_data(chunks)

    def _reported(self, parts: Sequence[MessagesReply | MessagesEvent]) -> Usage | None:
        starts = (part.message.usage for part in parts if isinstance(part, MessagesEvent) and part.message)
        return messages_usage(given_usages([*starts, *(part.usage for part in parts)]))

    async def _response(self, parts: list[MessagesReply | MessagesEvent], messages: Sequence[Message]) -> ModelResponse:
        whole = next((part for part in parts if isinstance(part, MessagesReply)), None)
        if whole is None:
            reply, texts = self._collected([part for part in parts if isinstance(part, MessagesEvent)])
        else:
            reply, texts = whole, [part.text for part in whole.content if part.type == "text"]
        text = "".join(texts)
        usage = self._reported(parts) or estimate(messages, text)
        if not texts:
            raise self._failures.refused(f"gave no text (stop reason {reply.stop_reason}): raise max_tokens, or change the prompt", usage)
        return self._made(text, usage, model=reply.model or "", id=reply.id or "", reason=reply.stop_reason or "")

    def _collected(self, events: list[MessagesEvent]) -> tuple[MessagesReply, list[str]]:
        start = next((event.message for event in events if event.message), None)
        if start is None or events[-1].type != "message_stop":
            raise self._failures.unavailable("cut the stream before its end", again=True)
        deltas = list(filter(None, (event.delta for event in events)))
        reply = msgspec.structs.replace(start, stop_reason=last_of(delta.stop_reason for delta in deltas))
        return reply, [delta.text for delta in deltas if delta.type == "text_delta"]
