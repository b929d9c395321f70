"""The chat completions API, at OpenAI or at any endpoint that speaks it, over the `openai` SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from .openai_client import OpenAIModel
from .protocol import Message, ModelResponse, Usage
from .replies import ChatReply, chat_said, chat_usage, decode, estimate, given_usages, server_sent_data

# Their newer models refuse the old name; everyone else knows only that one.
_NEW_NAME = frozenset({"openai", "azure"})
_NEW_HOSTS = (".openai.azure.com", ".services.ai.azure.com")
"""Azure's, where `base_url` names one: the endpoint is then called by its host."""


class OpenAIChat(OpenAIModel[ChatReply]):
    """A model behind a chat completions endpoint."""

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
            **self._sampling(sampling),
        }
        if max_tokens is not None:
            at = self.endpoint.provider
            body["max_completion_tokens" if at in _NEW_NAME or at.endswith(_NEW_HOSTS) else "max_tokens"] = max_tokens
        return await self._ask(body, messages, max_tokens)

    async def _parts(self, client: Any, body: Mapping[str, Any]) -> AsyncIterator[ChatReply]:
        if not self.stream:
            whole = await client.chat.completions.with_raw_response.create(**body)
            yield decode(whole.http_response.content, ChatReply)
            return
        options = {"stream": True, "stream_options": {"include_usage": True}}
        async with client.chat.completions.with_streaming_response.create(**body, **options) as raw:
            async for data in server_sent_data(raw.http_response.aiter_bytes()):
                if data == b"[DONE]":
                    return
                yield decode(data, ChatReply)

    def _reported(self, parts: Sequence[ChatReply]) -> Usage | None:
        return chat_usage(given_usages(part.usage for part in parts))

    async def _response(self, parts: list[ChatReply], messages: Sequence[Message]) -> ModelResponse:
        error = next((part.error for part in parts if part.error), None)
        if error:
            raise self._failures.in_answer(error)
        said = chat_said(parts)
        if self.stream and not said.reason:
            raise self._failures.unavailable("cut the stream before its end", again=True)
        if not said.choices:
            raise self._failures.unavailable("answered without a choice")
        usage = self._reported(parts) or estimate(messages, said.text)
        if not said.text and (said.refusal or not said.has_text):
            why = said.refusal or "raise max_tokens, or change the prompt"
            raise self._failures.refused(f"gave no text (finish reason {said.reason or 'unknown'}): {why}", usage)
        return self._made(said.text, usage, model=said.model, id=said.id, reason=said.reason)
