"""What providers answer, decoded into types: bounded, unknown fields dropped, nothing believed."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from .protocol import Message, Usage

ANSWER_BYTES = 32 * 2**20
"""Longest answer that is read; a longer one is an error."""
ERROR_BYTES = 16 * 2**10
"""Longest error body that is read."""
JSON_BYTES = 4 * 2**20
"""Longest JSON that is decoded at once: a million tokens. What hostile JSON costs is time in which nothing else runs."""
STREAM_EVENTS = 250_000
"""Most events of one stream; a token has one at most."""

BYTES_PER_TOKEN = 4
"""The estimate before a call, and after it where the provider gives no figures of its own."""

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Malformed(Exception):
    """The answer is not what this API answers; the message says what it is instead."""


class ErrorBody(msgspec.Struct):
    """`{"error": {...}}`, the part that matters."""

    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _ChatMessage(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _ChatMessage | None = None
    delta: _ChatMessage | None = None
    finish_reason: str | None = None


class ChatReply(msgspec.Struct):
    """A chat completion, or one chunk of its stream."""

    choices: list[_Choice] = []
    model: str | None = None
    id: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorBody | str | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    stop_reason: str | None = None


class MessagesReply(msgspec.Struct):
    """An answer of the messages API, or the `message` of its `message_start` event."""

    content: list[_Part] = []
    model: str | None = None
    id: str | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")


class MessagesEvent(msgspec.Struct):
    """One event of the messages API's stream."""

    type: str = ""
    message: MessagesReply | None = None
    delta: _Delta | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorBody | None = None


class InputDetails(msgspec.Struct):
    """What is said of the input tokens, in both of OpenAI's APIs."""

    cached_tokens: Count | None = None


class _ChatUsage(msgspec.Struct):
    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: InputDetails | None = None


class _MessagesUsage(msgspec.Struct):
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_input_tokens: Count | None = 0
    cache_creation_input_tokens: Count | None = 0


def decode(body: bytes, kind: type[T]) -> T:
    """`body` as JSON of this shape.

    Raises:
        Malformed: it is not.
    """
    if len(body) > JSON_BYTES:
        raise Malformed(f"{len(body):,} bytes of JSON, and at most {JSON_BYTES:,} are read at once")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"JSON of another shape: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed(_what(body)) from None


def _what(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    if not start:
        return "an empty body"
    return "an HTML page; check the base_url" if start.startswith((b"<!doctype", b"<html")) else "something that is not JSON"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatSaid:
    """A chat completion put together, whether it came whole or in chunks. What is missing is empty."""

    choices: int
    has_text: bool
    """False where there is no content at all, as in a tool call; True for an empty text."""
    text: str
    refusal: str
    reason: str
    model: str
    id: str


def chat_said(parts: Sequence[ChatReply]) -> ChatSaid:
    """The first choice of all parts as one."""
    choices = [part.choices[0] for part in parts if part.choices]
    said = list(map(_message, choices))
    texts = [text for text in map(_chat_text, said) if text is not None]
    return ChatSaid(
        choices=len(choices),
        has_text=bool(texts),
        text="".join(texts),
        refusal="".join(message.refusal or "" for message in said),
        reason=last_of(choice.finish_reason for choice in choices),
        model=last_of(part.model for part in parts),
        id=last_of(part.id for part in parts),
    )


def given_usages(usages: Iterable[msgspec.Raw]) -> list[msgspec.Raw]:
    """Those that are there."""
    # Taken as it stands in the text, a value has the blanks before it.
    return [usage for usage in usages if bytes(usage).strip() != b"null"]


def last_of(values: Iterable[str | None]) -> str:
    """The last one that is not empty; an empty text if there is none."""
    return ([value for value in values if value] or [""])[-1]


def _message(choice: _Choice) -> _ChatMessage:
    return choice.message or choice.delta or _ChatMessage()


def _chat_text(message: _ChatMessage) -> str | None:
    if message.content is None or isinstance(message.content, str):
        return message.content
    return "".join(part.text for part in message.content if part.type in ("text", "output_text"))


def chat_usage(raws: Sequence[msgspec.Raw]) -> Usage | None:
    """The usage that a chat provider reported; None if there is none that makes sense."""
    usage = converted(raws[-1], _ChatUsage) if raws else None
    if usage is None:
        return None
    return counted(usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details)


def counted(input_tokens: int, output_tokens: int, details: InputDetails | None) -> Usage:
    """The usage of one call; never more input from the cache than there was."""
    cached = details.cached_tokens if details else None
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=min(cached or 0, input_tokens), calls=1)


def messages_usage(raws: Sequence[msgspec.Raw]) -> Usage | None:
    """The usage that the messages API reported, in its answer or spread over its events; None if there is none that makes sense."""
    parts = [part for part in (converted(raw, _MessagesUsage) for raw in raws) if part is not None]
    if not parts:
        return None
    # The first event has the input; the last one repeats it or leaves it out, and has the whole output.
    cached = max(part.cache_read_input_tokens or 0 for part in parts)
    written = max(part.cache_creation_input_tokens or 0 for part in parts)
    fresh = max(part.input_tokens for part in parts)
    return Usage(input_tokens=fresh + cached + written, output_tokens=parts[-1].output_tokens, cached_tokens=cached, calls=1)


def converted(raw: msgspec.Raw, kind: type[T]) -> T | None:
    """`raw` as this shape; None if it is of another."""
    try:
        return msgspec.json.decode(raw, type=kind | None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def estimate(messages: Sequence[Message], text: str) -> Usage:
    """Bytes / `BYTES_PER_TOKEN`, marked as an estimate."""
    sent, answered = token_bytes(messages), _bytes(text)
    return Usage(input_tokens=-(-sent // BYTES_PER_TOKEN), output_tokens=-(-answered // BYTES_PER_TOKEN), calls=1, estimated=True)


def token_bytes(messages: Sequence[Message]) -> int:
    """What the messages' tokens are estimated from: bytes of UTF-8, since a Chinese character is no quarter of a token."""
    return sum(_bytes(message.content) for message in messages)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


async def server_sent_data(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The `data:` lines of a server-sent event stream, without the prefix. A line that never ended is dropped.

    Raises:
        Malformed: there are more than `STREAM_EVENTS` of them.
    """
    pending, left = bytearray(), STREAM_EVENTS
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = bytes(pending) + line if pending else line
            pending.clear()
            if whole.startswith(b"data:"):
                left -= 1
                if left < 0:
                    raise Malformed(f"more than {STREAM_EVENTS:,} events")
                yield whole[5:].strip()
        pending += rest


def plain_extras(**extras: Any) -> dict[str, Any]:
    """The extras that are there, texts cut to 200 characters."""
    return {name: value[:200] if isinstance(value, str) else value for name, value in extras.items() if value is not None}
