"""Two APIs over one model: how each writes requests, answers, events and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request

from ..models.protocol import Message, ModelResponse, Role

BODY_BYTES = 16 * 2**20
"""Longest request that is read."""
_PIECES = 8


class TooLarge(Exception):
    """A request's body went past the bound."""


class _Part(msgspec.Struct):
    text: str = ""


class _Turn(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _Options(msgspec.Struct):
    include_usage: bool = False


class _Request(msgspec.Struct):
    """What both APIs have; unknown fields are ignored."""

    messages: list[_Turn]
    model: str = ""
    stream: bool = False
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream_options: _Options | None = None
    system: str | list[_Part] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A request, understood."""

    model: str
    messages: tuple[Message, ...]
    stream: bool
    max_tokens: int | None
    usage_wanted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """One API."""

    whole: Callable[[str, ModelResponse], dict[str, Any]]
    """From the model's name and its reply to the body of an answer."""
    events: Callable[[str, ModelResponse, bool], Iterator[tuple[str, dict[str, Any]]]]
    """The same as events of a stream: name and data. The flag says whether usage was asked for."""
    error: Callable[[str, str], dict[str, Any]]
    """From an error's type and message to the body of an error."""
    named_events: bool
    """Whether events carry their name."""
    end: bytes
    """After the last event."""

    @staticmethod
    def read(raw: bytes) -> Body:
        """The request in `raw`.

        Raises:
            msgspec.DecodeError: it is none.
        """
        request = msgspec.json.decode(raw, type=_Request)
        system = [Message("system", _text(request.system))] if request.system else []
        return Body(
            model=request.model[:200],
            messages=(*system, *(Message(_role(turn.role), _text(turn.content)) for turn in request.messages)),
            stream=request.stream,
            max_tokens=request.max_completion_tokens or request.max_tokens,
            usage_wanted=request.stream_options is not None and request.stream_options.include_usage,
        )


async def bounded_body(request: Request) -> bytes:
    """The request's body.

    Raises:
        TooLarge: it is longer than `BODY_BYTES`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise TooLarge(f"The request is longer than {BODY_BYTES:,} bytes.")
    return bytes(body)


def _role(name: str) -> Role:
    if name == "assistant":
        return "assistant"
    return "system" if name in ("system", "developer") else "user"


def _text(content: str | list[_Part] | None) -> str:
    if isinstance(content, list):
        return "".join(part.text for part in content)
    return content or ""


def _pieces(text: str) -> Iterator[str]:
    size = max(1, -(-len(text) // _PIECES))
    return (text[at : at + size] for at in range(0, len(text), size))


def _chat_usage(reply: ModelResponse) -> dict[str, int]:
    sent, said = reply.usage.input_tokens, reply.usage.output_tokens
    return {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said}


def _chat_whole(model: str, reply: ModelResponse) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": "stop"}
    return {**_chat_head(model, "chat.completion"), "choices": [choice], "usage": _chat_usage(reply)}


def _chat_head(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-simulated", "object": kind, "created": 0, "model": model}


def _chat_events(model: str, reply: ModelResponse, usage_wanted: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    head = _chat_head(model, "chat.completion.chunk")

    def chunk(delta: dict[str, str], reason: str | None = None) -> tuple[str, dict[str, Any]]:
        return "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(reply.text):
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if usage_wanted:
        yield "", {**head, "choices": [], "usage": _chat_usage(reply)}


def _chat_error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _message_head(model: str, reply: ModelResponse) -> dict[str, Any]:
    usage = {"input_tokens": reply.usage.input_tokens, "output_tokens": 1}
    return {
        "id": "msg_simulated",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _message_whole(model: str, reply: ModelResponse) -> dict[str, Any]:
    usage = {"input_tokens": reply.usage.input_tokens, "output_tokens": reply.usage.output_tokens}
    content = [{"type": "text", "text": reply.text}]
    return {**_message_head(model, reply), "content": content, "stop_reason": "end_turn", "usage": usage}


def _message_events(model: str, reply: ModelResponse, _usage_wanted: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    def event(kind: str, **data: Any) -> tuple[str, dict[str, Any]]:
        return kind, {"type": kind, **data}

    yield event("message_start", message=_message_head(model, reply))
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield event("ping")
    for piece in _pieces(reply.text):
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield event("content_block_stop", index=0)
    usage = {"output_tokens": reply.usage.output_tokens}
    yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage)
    yield event("message_stop")


def _message_error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


CHAT = Dialect(whole=_chat_whole, events=_chat_events, error=_chat_error, named_events=False, end=b"data: [DONE]\n\n")
"""OpenAI's chat completions."""
MESSAGES = Dialect(whole=_message_whole, events=_message_events, error=_message_error, named_events=True, end=b"")
"""Anthropic's messages."""
