"""The Responses API, at OpenAI or at any endpoint that speaks it, over the `openai` SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from .openai_client import OpenAIModel
from .protocol import Message, ModelResponse, Usage
from .replies import decode, estimate, server_sent_data
from .replies_responses import ResponsesEvent, ResponsesReply, error_of, reply_of, responses_said, responses_usage

_UNFINISHED = frozenset({"queued", "in_progress", "cancelled"})


class OpenAIResponses(OpenAIModel[ResponsesReply | ResponsesEvent]):
    """A model behind a Responses endpoint. Nothing is stored there."""

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once, with retries. `seed` and `stop` are not sent: this API has neither. Cancellable at any point.

        Raises:
            ModelUnavailable: no usable answer after the retries.
            ModelRefused: the provider said no.
            ConfigError: a sampling setting is unknown, or the adapter was closed.
        """
        settings = self._sampling(sampling)
        body: dict[str, Any] = {
            "model": self.model,
            "input": [{"role": message.role, "content": message.content} for message in messages],
            "store": False,
            **{name: settings[name] for name in ("temperature", "top_p") if name in settings},
        }
        if max_tokens is not None:
            body["max_output_tokens"] = max_tokens
        return await self._ask(body, messages, max_tokens)

    async def _parts(self, client: Any, body: Mapping[str, Any]) -> AsyncIterator[ResponsesReply | ResponsesEvent]:
        if not self.stream:
            whole = await client.responses.with_raw_response.create(**body)
            yield decode(whole.http_response.content, ResponsesReply)
            return
        async with client.responses.with_streaming_response.create(**body, stream=True) as raw:
            async for data in server_sent_data(raw.http_response.aiter_bytes()):
                if data == b"[DONE]":
                    return
                yield decode(data, ResponsesEvent)

    def _reported(self, parts: Sequence[ResponsesReply | ResponsesEvent]) -> Usage | None:
        return responses_usage(parts)

    async def _response(self, parts: list[ResponsesReply | ResponsesEvent], messages: Sequence[Message]) -> ModelResponse:
        error = error_of(parts)
        if error:
            raise self._failures.in_answer(error)
        reply = reply_of(parts)
        if reply is None:
            raise self._failures.unavailable("cut the stream before its end", again=True)
        return self._finished(reply, parts, messages)

    def _finished(
        self, reply: ResponsesReply, parts: Sequence[ResponsesReply | ResponsesEvent], messages: Sequence[Message]
    ) -> ModelResponse:
        if reply.output is None or reply.status in _UNFINISHED:
            raise self._failures.unavailable(f"answered without an output (status {reply.status or 'unknown'})")
        said = responses_said(reply, parts)
        usage = self._reported(parts) or estimate(messages, said.text)
        if not said.text and (said.refusal or not said.has_text):
            why = said.refusal or "raise max_tokens, or change the prompt"
            raise self._failures.refused(f"gave no text ({said.reason or 'no reason given'}): {why}", usage)
        return self._made(said.text, usage, model=reply.model or "", id=reply.id or "", reason=said.reason)
