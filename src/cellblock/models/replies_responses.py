"""What the Responses API answers, whole and in events, decoded into types and put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from .protocol import Usage
from .replies import Count, ErrorBody, InputDetails, converted, counted, given_usages

_ABSENT = msgspec.Raw(b"null")


class _Piece(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    content: msgspec.Raw = _ABSENT
    """Pieces where `type` is `message`; anything in reasoning and tool calls."""


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class ResponsesReply(msgspec.Struct):
    """A response, or the one inside an event of its stream."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    usage: msgspec.Raw = _ABSENT
    error: ErrorBody | str | None = None
    incomplete_details: _Incomplete | None = None


class ResponsesEvent(msgspec.Struct):
    """One event of the stream."""

    type: str = ""
    response: ResponsesReply | None = None
    delta: msgspec.Raw = _ABSENT
    error: ErrorBody | str | None = None
    message: str | None = None
    code: str | int | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count
    output_tokens: Count
    input_tokens_details: InputDetails | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponsesSaid:
    """What a response says. Reasoning and tool calls are not part of it."""

    text: str
    has_text: bool
    """False where no message holds any text; True for an empty one."""
    refusal: str
    reason: str
    """Why it ended: `completed`, or why it is incomplete."""


def reply_of(parts: Sequence[ResponsesReply | ResponsesEvent]) -> ResponsesReply | None:
    """The response at the end; None if the stream has not come to an end."""
    for part in reversed(parts):
        if isinstance(part, ResponsesReply):
            return part
        if part.response is not None and part.type in ("response.completed", "response.incomplete", "response.failed"):
            return part.response
    return None


def error_of(parts: Sequence[ResponsesReply | ResponsesEvent]) -> ErrorBody | str | None:
    """The error that the answer or an event holds."""
    for part in parts:
        inner = part if isinstance(part, ResponsesReply) else part.response
        error = part.error or (inner.error if inner is not None else None)
        if error:
            return error
        if isinstance(part, ResponsesEvent) and part.type == "error":
            return ErrorBody(message=part.message, code=part.code)
    return None


def responses_said(reply: ResponsesReply, parts: Sequence[ResponsesReply | ResponsesEvent]) -> ResponsesSaid:
    """The texts of `reply`; those of the stream's deltas where a gateway leaves the output out of the last event."""
    pieces = [piece for item in reply.output or [] if item.type == "message" for piece in converted(item.content, list[_Piece]) or []]
    texts = [piece.text or "" for piece in pieces if piece.type == "output_text"]
    refusals = [piece.refusal or "" for piece in pieces if piece.type == "refusal"]
    if not pieces:
        texts, refusals = _deltas(parts, "response.output_text.delta"), _deltas(parts, "response.refusal.delta")
    why = reply.incomplete_details.reason if reply.incomplete_details else None
    reason = why or reply.status or ""
    return ResponsesSaid(text="".join(texts), has_text=bool(texts), refusal="".join(refusals), reason=reason)


def _deltas(parts: Sequence[ResponsesReply | ResponsesEvent], kind: str) -> list[str]:
    events = [part for part in parts if isinstance(part, ResponsesEvent) and part.type == kind]
    return [converted(event.delta, str) or "" for event in events]


def responses_usage(parts: Sequence[ResponsesReply | ResponsesEvent]) -> Usage | None:
    """The last usage that was reported; None if there is none that makes sense."""
    replies = [part if isinstance(part, ResponsesReply) else part.response for part in parts]
    raws = given_usages(reply.usage for reply in replies if reply is not None)
    usage = converted(raws[-1], _Usage) if raws else None
    if usage is None:
        return None
    return counted(usage.input_tokens, usage.output_tokens, usage.input_tokens_details)
