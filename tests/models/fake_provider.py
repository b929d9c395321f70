"""A provider that speaks every API, answers as it is told, request by request, and remembers what came."""

from __future__ import annotations

import base64
import json
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TEXT = "four words and more"
INPUT, OUTPUT, CACHED = 70, 9, 30


@dataclass(frozen=True)
class Seen:
    path: str
    query: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@dataclass
class Api:
    whole: Callable[[str, str], dict[str, Any]]
    """From a text and a refusal."""
    events: Callable[[str, str], list[dict[str, Any]]]
    """The same as a stream; the second event holds a usage."""
    written: Callable[[dict[str, Any]], bytes]


def _chat_whole(text: str, refusal: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": None if refusal else text, "refusal": refusal or None}
    return {"id": "c1", "model": "served", "choices": [{"message": message, "finish_reason": "stop"}], "usage": _chat_usage()}


def _chat_usage() -> dict[str, Any]:
    return {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "prompt_tokens_details": {"cached_tokens": CACHED}}


def _chat_events(text: str, refusal: str) -> list[dict[str, Any]]:
    def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"id": "c1", "model": "served", "choices": [{"delta": delta, **more}], "usage": None}

    said = {"refusal": refusal} if refusal else {"content": text}
    # As servers with continuous usage do.
    return [chunk({"role": "assistant"}), {**chunk(said), "usage": _chat_usage()}, chunk({}, finish_reason="stop")]


def _response(text: str, refusal: str, status: str = "completed") -> dict[str, Any]:
    piece = {"type": "refusal", "refusal": refusal} if refusal else {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "r1",
        "object": "response",
        "model": "served",
        "status": status,
        "error": None,
        "output": [
            {"type": "reasoning", "id": "x", "summary": [], "content": [{"type": "reasoning_text", "text": "SECRET THOUGHT"}]},
            {"type": "tool_call", "content": [{"type": "output_text", "text": "SECRET THOUGHT"}]},
            {"type": "function_call", "content": "SECRET THOUGHT"},
            {"type": "message", "role": "assistant", "content": [piece]},
        ],
        "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT, "input_tokens_details": {"cached_tokens": CACHED}},
    }


def _responses_events(text: str, refusal: str) -> list[dict[str, Any]]:
    done = _response(text, refusal)
    kind = "refusal" if refusal else "output_text"
    return [
        {"type": "response.created", "response": {**done, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.in_progress", "response": {**done, "status": "in_progress", "output": []}},
        {"type": "response.reasoning_text.delta", "delta": "SECRET THOUGHT"},
        {"type": f"response.{kind}.delta", "delta": refusal or text},
        {"type": "response.completed", "response": done},
    ]


def _messages_usage() -> dict[str, Any]:
    return {"input_tokens": INPUT - CACHED, "cache_read_input_tokens": CACHED, "output_tokens": OUTPUT}


def _message(text: str, refusal: str) -> dict[str, Any]:
    content = [] if refusal else [{"type": "thinking", "thinking": "SECRET THOUGHT"}, {"type": "text", "text": text}]
    reason = "refusal" if refusal else "end_turn"
    return {"id": "m1", "type": "message", "model": "served", "content": content, "stop_reason": reason, "usage": _messages_usage()}


def _messages_events(text: str, refusal: str) -> list[dict[str, Any]]:
    start = {**_message("", ""), "content": [], "stop_reason": None, "usage": {**_messages_usage(), "output_tokens": 1}}
    delta = [] if refusal else [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}]
    end = {"type": "message_delta", "delta": {"stop_reason": "refusal" if refusal else "end_turn"}, "usage": {"output_tokens": OUTPUT}}
    return [{"type": "ping"}, {"type": "message_start", "message": start}, *delta, end, {"type": "message_stop"}]


def sse(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def aws_frame(payload: bytes, **headers: str) -> bytes:
    """One message of an event stream; `_` in a header's name stands for `-`."""
    packed = b""
    for name, value in headers.items():
        label, text = (":" + name.replace("_", "-")).encode(), value.encode()
        packed += bytes([len(label)]) + label + b"\x07" + struct.pack(">H", len(text)) + text
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    return prelude + packed + payload + struct.pack(">I", zlib.crc32(prelude + packed + payload))


def aws_chunk(event: dict[str, Any]) -> bytes:
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return aws_frame(json.dumps({"bytes": inner, "p": "abc"}).encode(), message_type="event", event_type="chunk")


APIS = {
    "chat": Api(_chat_whole, _chat_events, sse),
    "responses": Api(_response, _responses_events, sse),
    "messages": Api(_message, _messages_events, sse),
    "bedrock": Api(_message, _messages_events, aws_chunk),
}


def api_of(path: str) -> str:
    if "/invoke" in path:
        return "bedrock"
    return "chat" if path.endswith("/chat/completions") else path.rpartition("/")[2]


@dataclass
class FakeProvider:
    """Each request gets the next behaviour; the last one stays.

    good, refusal, cut (the connection ends after the first usage), hang (nothing more comes after the first event), hostile,
    a number (that HTTP status), or a `Response`.
    """

    behaviours: list[Any] = field(default_factory=lambda: ["good"])
    seen: list[Seen] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)
    """A hanging answer has begun."""
    left: threading.Event = field(default_factory=threading.Event)
    """The client of a hanging answer is gone."""

    @property
    def app(self) -> Starlette:
        """It alone behind a server."""

        async def answer(request: Request) -> Response:
            return await self.answer(request, request.scope["raw_path"].decode())

        return Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])

    async def answer(self, request: Request, path: str) -> Response:
        """The next behaviour."""
        raw = await request.body()
        headers = {name: value for name, value in request.headers.items()}
        self.seen.append(Seen(path, str(request.url.query), headers, json.loads(raw), raw))
        behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        if isinstance(behaviour, Response):
            return behaviour
        if isinstance(behaviour, int):
            wait = {"retry-after-ms": "1"} if behaviour == 429 else {}
            return JSONResponse({"error": {"message": f"status {behaviour}", "type": "some_error"}}, status_code=behaviour, headers=wait)
        name = api_of(path)
        streamed = json.loads(raw).get("stream") or path.endswith("-stream")
        return self._streamed(APIS[name], behaviour) if streamed else self._whole(APIS[name], behaviour)

    def _whole(self, api: Api, behaviour: str) -> Response:
        if behaviour == "hang":
            return StreamingResponse(self._hanging(b"{"), media_type="application/json")
        if behaviour == "hostile":
            return Response(b'{"usage": [], "choices": 7, "output": "x", "content": {}}', media_type="application/json")
        return JSONResponse(api.whole(TEXT, "I will not." if behaviour == "refusal" else ""))

    def _streamed(self, api: Api, behaviour: str) -> Response:
        events = [api.written(event) for event in api.events(TEXT, "I will not." if behaviour == "refusal" else "")]
        if behaviour == "hang":
            return StreamingResponse(self._hanging(events[0]), media_type="text/event-stream")
        if behaviour == "hostile":
            return Response(api.written({"type": 7, "choices": "x", "message": []}), media_type="text/event-stream")
        if behaviour == "cut":
            events = events[:2]
        return Response(b"".join(events), media_type="text/event-stream")

    async def _hanging(self, first: bytes) -> AsyncIterator[bytes]:
        try:
            yield first
            self.began.set()
            await anyio.sleep_forever()
        finally:
            # The server cancels this as soon as the client is gone.
            self.left.set()


class FakeProviders:
    """Many of them behind one server, each under a path of its own."""

    def __init__(self) -> None:
        self._all: dict[str, FakeProvider] = {}
        self.app = Starlette(routes=[Route("/{name}/{path:path}", self._answer, methods=["POST"])])

    def open(self, *behaviours: Any) -> tuple[str, FakeProvider]:
        """A new one, and its path."""
        name = f"fake{len(self._all)}"
        self._all[name] = FakeProvider(list(behaviours) or ["good"])
        return f"/{name}", self._all[name]

    async def _answer(self, request: Request) -> Response:
        path = "/" + request.scope["raw_path"].decode().split("/", 2)[2]
        return await self._all[request.path_params["name"]].answer(request, path)
