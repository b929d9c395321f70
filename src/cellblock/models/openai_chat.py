"""The chat completions API, at OpenAI or at any endpoint that speaks it, over the `openai` SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import anyio

from .endpoint import Endpoint
from .failures import Failures
from .protocol import Message, ModelResponse
from .replies import ChatReply, ChatSaid, chat_said, chat_usage, decode, plain_extras, server_sent_data
from .retry import with_retries
from .sdk import ClientPerLoop, checked_sampling, mapped


class OpenAIChat:
    """A model behind a chat completions endpoint. Nothing is read from the environment here.

    Args:
        model: as the endpoint calls it.
        endpoint: where it is and which key belongs there.
        stream: ask for server-sent events; the answer is the same.
    """

    def __init__(self, model: str, endpoint: Endpoint | None = None, *, stream: bool = False) -> None:
        self.endpoint = endpoint or Endpoint(provider="openai", base_url="https://api.openai.com/v1")
        self.model, self.stream = model, stream
        self.name = f"{self.endpoint.provider}:{model}"
        self._failures = Failures(self.endpoint.provider, self.endpoint.key)
        self._client = ClientPerLoop("openai", self._build)

    def __repr__(self) -> str:
        """The name and the address, never the key."""
        return f"OpenAIChat({self.name!r} at {self.endpoint.base_url})"

    def _build(self, openai: Any) -> Any:
        from .transport import OneHostTransport, timeouts

        destination = self.endpoint.destination()
        http = openai.DefaultAsyncHttpx2Client(
            trust_env=False, follow_redirects=False, transport=OneHostTransport(destination), timeout=timeouts(destination)
        )
        # The key stays in the transport; organisation and project of the environment belong to another host.
        omitted = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
        return openai.AsyncOpenAI(
            api_key="in-the-transport", base_url=destination.base_url, max_retries=0, http_client=http, default_headers=omitted
        )

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once, with retries. Cancellable at any point.

        Raises:
            ModelUnavailable: no usable answer after the retries.
            ModelRefused: the provider said no.
            ConfigError: a sampling setting is unknown, or the adapter was closed.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            **checked_sampling(sampling),
        }
        if max_tokens is not None:
            # OpenAI's newer models refuse the old name; everyone else knows only that one.
            body["max_completion_tokens" if self.endpoint.provider == "openai" else "max_tokens"] = max_tokens
        client = await self._client.get()
        return await with_retries(partial(self._attempt, client, body, messages), self.endpoint.retry)

    async def _attempt(self, client: Any, body: dict[str, Any], messages: Sequence[Message]) -> ModelResponse:
        with mapped("openai", self._failures), anyio.fail_after(self.endpoint.timeout_seconds):
            if self.stream:
                return self._response([part async for part in self._streamed(client, body)], messages, whole=False)
            raw = await client.chat.completions.with_raw_response.create(**body)
            return self._response([decode(raw.http_response.content, ChatReply)], messages, whole=True)

    async def _streamed(self, client: Any, body: dict[str, Any]) -> AsyncIterator[ChatReply]:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        async with client.chat.completions.with_streaming_response.create(**body, **options) as raw:
            async for data in server_sent_data(raw.http_response.aiter_bytes()):
                if data == b"[DONE]":
                    return
                yield decode(data, ChatReply)

    def _response(self, parts: list[ChatReply], messages: Sequence[Message], *, whole: bool) -> ModelResponse:
        error = next((part.error for part in parts if part.error), None)
        if error:
            raise self._failures.in_answer(error)
        said = chat_said(parts)
        if not (whole or said.reason):
            raise self._failures.unavailable("cut the stream before its end", again=True)
        return self._made(said, messages)

    def _made(self, said: ChatSaid, messages: Sequence[Message]) -> ModelResponse:
        if not said.choices:
            raise self._failures.unavailable("answered without a choice")
        usage = chat_usage(said.usage, messages, said.text)
        if not said.text and (said.refusal or not said.has_text):
            why = said.refusal or "raise max_tokens, or change the prompt"
            raise self._failures.refused(f"gave no text (finish reason {said.reason or 'unknown'}): {why}", usage)
        text = self._failures.clean(said.text)
        extras = plain_extras(id=self._failures.clean(said.id), finish_reason=self._failures.clean(said.reason))
        model = self._failures.line(said.model or self.model)
        return ModelResponse(text=text, usage=usage, model=model, raw=extras)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        await self._client.aclose()
