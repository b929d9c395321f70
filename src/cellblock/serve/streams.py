"""Server-sent events, and answers that break off in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .dialects import Dialect

_GOOD_EVENTS = 4
"""Before a fault strikes a stream."""


def event_stream(events: Iterator[tuple[str, dict[str, Any]]], dialect: Dialect, fault: str | None) -> Response:
    """The events as a response; with a fault it breaks off or reports an overload after the first few."""
    if fault is None:
        return StreamingResponse(_written(events, dialect, dialect.end), media_type="text/event-stream")
    few = [next(events) for _ in range(_GOOD_EVENTS)]
    if fault == "overload_rate":
        few.append(("error", dialect.error("overloaded_error", "Overloaded")))
        return StreamingResponse(_written(iter(few), dialect, b""), media_type="text/event-stream")
    return CutStream(list(_written(iter(few), dialect, b"")), media_type="text/event-stream")


def _written(events: Iterator[tuple[str, dict[str, Any]]], dialect: Dialect, end: bytes) -> Iterator[bytes]:
    for name, data in events:
        head = f"event: {name}\n".encode() if dialect.named_events else b""
        yield head + b"data: " + msgspec.json.encode(data) + b"\n\n"
    if end:
        yield end


class CutStream(Response):
    """Sends the beginning of an answer and never its end, so that the server closes the connection.

    Args:
        parts: what is sent.
        length: promised as `content-length`; None promises nothing.
    """

    def __init__(self, parts: Iterable[bytes], *, media_type: str, length: int | None = None) -> None:
        self.parts = list(parts)
        super().__init__(None, headers={} if length is None else {"content-length": str(length)}, media_type=media_type)
        if length is None:
            # The base class counts an empty body.
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start, send the parts, and return without an end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
