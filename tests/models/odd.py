"""Endpoints that answer what no provider should."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from cellblock.models.replies import JSON_BYTES, STREAM_EVENTS
from cellblock.models.transport import ANSWER_BYTES


async def _enormous() -> AsyncIterator[bytes]:
    block = b'"' + b"x" * 2**20
    for _ in range(ANSWER_BYTES // 2**20 + 1):
        yield block


def _echo(request: Request) -> Response:
    # The worst case: an error that holds the whole request, key included, over several lines.
    key = request.headers.get("authorization", "")
    return JSONResponse({"error": {"message": f"bad\r\n\x1b[31mkey: {key} " * 200, "type": "invalid_request_error"}}, status_code=400)


def _said(request: Request) -> Response:
    text = "I was given " + request.headers.get("authorization", "")
    return JSONResponse({"model": text, "id": text, "choices": [{"message": {"content": text}, "finish_reason": text}]})


_HALF = {
    "chat": b'data: {"choices":[{"delta":{"content":"The answer is not"}}]}\n\n',
    "messages": b'data: {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"The answer is not"}}\n\n',
}
ANSWERS = {
    "html": lambda _: Response("<!DOCTYPE html><html>hello</html>", media_type="text/html"),
    "html500": lambda _: Response("<html>" + "x" * 100_000, status_code=503, media_type="text/html"),
    "empty": lambda _: Response(b"", media_type="application/json"),
    "choices": lambda _: JSONResponse({"choices": []}),
    "null": lambda _: JSONResponse(None),
    "number": lambda _: JSONResponse({"choices": [{"message": {"content": 7}}]}),
    "nested": lambda _: Response(b'{"choices":' + b"[" * 200_000, media_type="application/json"),
    "surrogate": lambda _: Response(b'{"choices":[{"message":{"content":"\\ud800"}}]}', media_type="application/json"),
    "latin1": lambda _: Response(b'{"choices":[{"message":{"content":"\xe9"}}]}', media_type="application/json"),
    "tool": lambda _: JSONResponse({"choices": [{"message": {"content": None}, "finish_reason": "tool_calls"}]}),
    "error200": lambda _: JSONResponse({"error": {"message": "upstream said no", "code": 403}}),
    "errorlist": lambda _: Response(b'[{"error": 7}]', status_code=400, media_type="application/json"),
    "enormous": lambda _: StreamingResponse(_enormous(), media_type="application/json"),
    "long": lambda _: Response(b'{"choices":[' + b"{}," * (JSON_BYTES // 3) + b"{}]}", media_type="application/json"),
    "length": lambda _: JSONResponse(
        {
            "choices": [{"message": {"content": None}, "finish_reason": "length"}],
            "stop_reason": "max_tokens",
            "usage": {"prompt_tokens": 70, "completion_tokens": 9, "input_tokens": 70, "output_tokens": 9},
        }
    ),
    "flood": lambda _: Response(b"data: {}\n" * (STREAM_EVENTS + 1), media_type="text/event-stream"),
    "gzip": lambda _: Response(b"\x1f\x8b", headers={"content-encoding": "gzip"}),
    "redirect": lambda _: RedirectResponse("http://localhost:9/elsewhere"),
    "echo": _echo,
    "said": _said,
    "usage": lambda _: JSONResponse(
        {"choices": [{"message": {"content": "four"}}], "usage": {"prompt_tokens": -5, "completion_tokens": 1e99}}
    ),
    "parts": lambda _: JSONResponse(
        {"choices": [{"message": {"content": [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]}}]}
    ),
    "half": lambda request: Response(_HALF["chat" if "chat" in request.url.path else "messages"], media_type="text/event-stream"),
    "punycode": lambda _: Response(b"x" * 60_000, status_code=400, headers={"content-type": "text/plain; charset=punycode"}),
}


def odd_app() -> Starlette:
    async def answer(request: Request) -> Response:
        return ANSWERS[request.path_params["kind"]](request)

    return Starlette(routes=[Route("/{kind}/{rest:path}", answer, methods=["POST"])])
