"""A provider of the attacker's: answers what an attempt says, and remembers what it was sent. On 127.0.0.1 alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc

from .attempts import whole

_HEAD_BYTES, _BODY_BYTES = 2**16, 2**22
CHAT = {"id": "1", "object": "chat.completion", "model": "m"}


@dataclass
class Provider:
    """Serves its answers in order; the last one from then on.

    Attributes:
        answers: tables with `status`, `headers` and `body`, a text in pieces; or with `says`, what a chat model answers. In a body `@AUTH@`
            stands for the headers that came, as they came.
        placeholders: what else stands for something in them.
        received: each request as it came, head and body.
    """

    answers: Sequence[Mapping[str, Any]]
    placeholders: Mapping[str, str]
    port: int = 0
    received: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """Answer one connection, and hang up."""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, ValueError):
            async with stream:
                head = await _request(stream)
                self.received.append(head)
                await stream.send(self._answer(head))

    def _answer(self, request: str) -> bytes:
        answer: Mapping[str, Any] = self.answers[min(len(self.received), len(self.answers)) - 1] if self.answers else {"says": "sub-answer"}
        if "says" in answer:
            message = {"role": "assistant", "content": self._filled(answer["says"], request)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            body = json.dumps({**CHAT, "choices": [choice], **answer.get("more", {})})
        else:
            body = self._filled(answer.get("body", ""), request)
        data = body.encode("utf-8", "surrogatepass")
        headers = {"content-type": "application/json", "content-length": str(len(data)), "connection": "close"}
        headers |= {name: self._filled(value, request) for name, value in answer.get("headers", {}).items()}
        lines = [f"HTTP/1.1 {answer.get('status', 200)} Told", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + data

    def _filled(self, text: str | list[Any], request: str) -> str:
        return whole(text, {**self.placeholders, "@BASE@": self.base_url, "@AUTH@": request.partition("\r\n\r\n")[0]}.items())


async def _request(stream: anyio.abc.ByteStream) -> str:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _HEAD_BYTES:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < min(size, _BODY_BYTES):
        body += await stream.receive()
    return f"{head.decode('latin-1')}\r\n\r\n{body.decode('utf-8', 'replace')}"


@asynccontextmanager
async def served(answers: Sequence[Mapping[str, Any]], placeholders: Mapping[str, str]) -> AsyncIterator[Provider]:
    """Such a provider for as long as the block runs."""
    provider = Provider(answers, placeholders)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        provider.port = listener.extra(anyio.abc.SocketAttribute.local_port)
        group.start_soon(listener.serve, provider.serve)
        try:
            yield provider
        finally:
            group.cancel_scope.cancel()
