"""A model server on loopback that speaks the chat API, remembers each request, and can hold its answers back."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cellblock.models.protocol import Message

from . import story


@dataclass
class CountingServer:
    """Each run has a path of its own under one server: `/<name>/v1`."""

    answer: Callable[[Sequence[Message]], str] = story.reply
    latency_seconds: float = 0.0
    begun: dict[str, Counter[str]] = field(default_factory=dict)
    """By path, how often each request came: by what is in it."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set as soon as a request is held."""
    hold_from: int | None = None
    """From the so-manieth request of a path on, none is answered until this is None again or the client is gone."""

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{name}/v1/chat/completions", self._chat, methods=["POST"])])

    def calls(self, name: str) -> Counter[str]:
        """How often each request of that path came."""
        return self.begun.setdefault(name, Counter())

    def release(self) -> None:
        """Answer what is held, and all that comes."""
        self.hold_from = None
        self.held.clear()

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        calls = self.calls(request.path_params["name"])
        calls[request_id(body["messages"])] += 1
        if self.hold_from is not None and calls.total() >= self.hold_from:
            self.held.set()
            while self.hold_from is not None and not await request.is_disconnected():
                await anyio.sleep(0.005)
        if self.latency_seconds:
            await anyio.sleep(self.latency_seconds)
        return JSONResponse(_answer(body["messages"], self.answer([Message(**message) for message in body["messages"]])))


def request_id(messages: Sequence[dict[str, str]]) -> str:
    """Names a request by its conversation; with it the text that was added last, for people."""
    text = "\0".join(f"{message['role']}\0{message['content']}" for message in messages)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:12]} {messages[-1]['content'][-60:]!r}"


def _answer(messages: Sequence[dict[str, str]], text: str) -> dict[str, Any]:
    usage = {"prompt_tokens": sum(len(message["content"]) for message in messages) // 4, "completion_tokens": 1 + len(text) // 4}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
