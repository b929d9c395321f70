"""The simulated model behind HTTP: the chat completions and messages APIs, with faults on demand.

For trying clients, retries and limits without a provider. No key is needed unless one is set, and nothing leaves the machine.
"""

from __future__ import annotations

import hashlib
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import ConfigError, ModelError
from ..models.protocol import ModelAdapter, ModelResponse
from ..models.simulated import SimulatedModel
from .dialects import CHAT, MESSAGES, Body, Dialect, TooLarge, bounded_body
from .streams import CutStream, event_stream

SERVED = "simulated"
"""The one model that is listed. Any name is answered."""
_REMEMBERED = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFaults:
    """Shares of all requests, 0 to 1, that go wrong. Drawn from the seed, the request's body and how often that body came.

    Raises:
        ConfigError: a share is not within 0 and 1.
    """

    error_rate: float = 0.0
    """HTTP 500."""
    rate_limit_rate: float = 0.0
    """HTTP 429 with `retry-after-ms`."""
    overload_rate: float = 0.0
    """A stream that begins and then reports an overload; HTTP 529 for a request without streaming."""
    cut_stream_rate: float = 0.0
    """The connection closes in the middle of the answer."""
    retry_after_ms: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("error_rate", "rate_limit_rate", "overload_rate", "cut_stream_rate"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ConfigError(f"{name}={share!r}: a share is between 0 and 1")

    def drawn(self, body: bytes, times: int) -> str | None:
        """The fault of this request, None for a good answer."""
        for name in ("error_rate", "rate_limit_rate", "overload_rate", "cut_stream_rate"):
            digest = hashlib.sha256(b"%d|%s|%d|" % (self.seed, name.encode(), times) + body).digest()
            if int.from_bytes(digest[:8], "big") / 2**64 < getattr(self, name):
                return name
        return None


@dataclass(slots=True)
class _Server:
    model: ModelAdapter
    faults: ServerFaults
    required_key: str | None
    on_request: Callable[[Request], None] | None
    seen: OrderedDict[bytes, int] = field(default_factory=OrderedDict)

    async def chat(self, request: Request) -> Response:
        return await self.answer(request, CHAT)

    async def messages(self, request: Request) -> Response:
        return await self.answer(request, MESSAGES)

    async def models(self, request: Request) -> Response:
        if not self.admitted(request):
            return _error(CHAT, 401, "authentication_error", "Incorrect API key provided.")
        return JSONResponse({"object": "list", "data": [{"id": SERVED, "object": "model", "created": 0, "owned_by": "cellblock"}]})

    async def answer(self, request: Request, dialect: Dialect) -> Response:
        if not self.admitted(request):
            return _error(dialect, 401, "authentication_error", "Incorrect API key provided.")
        try:
            raw = await bounded_body(request)
            body = dialect.read(raw)
        except TooLarge as error:
            return _error(dialect, 413, "request_too_large", str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _error(dialect, 400, "invalid_request_error", f"The body is not a request of this API: {error}"[:300])
        return await self.made(dialect, body, self.faults.drawn(raw, self.times(raw)))

    async def made(self, dialect: Dialect, body: Body, fault: str | None) -> Response:
        if fault == "error_rate":
            return _error(dialect, 500, "api_error", "The server had an error while processing your request.")
        if fault == "rate_limit_rate":
            wait = {"retry-after-ms": str(self.faults.retry_after_ms)}
            return _error(dialect, 429, "rate_limit_error", "Rate limit reached for requests.", wait)
        if fault == "overload_rate" and not body.stream:
            return _error(dialect, 529, "overloaded_error", "Overloaded")
        try:
            reply = await self.model.complete(body.messages, max_tokens=body.max_tokens)
        except ModelError as error:
            return _error(dialect, 502, "api_error", str(error))
        return _sent(dialect, body, reply, fault)

    def admitted(self, request: Request) -> bool:
        if self.on_request is not None:
            self.on_request(request)
        if self.required_key is None:
            return True
        given = request.headers.get("authorization", ""), request.headers.get("x-api-key", "")
        return f"Bearer {self.required_key}" == given[0] or self.required_key == given[1]

    def times(self, raw: bytes) -> int:
        """How often this body came before, so that a retry is drawn anew."""
        key = hashlib.sha256(raw).digest()
        self.seen[key] = self.seen.pop(key, -1) + 1
        if len(self.seen) > _REMEMBERED:
            self.seen.popitem(last=False)
        return self.seen[key]


def _sent(dialect: Dialect, body: Body, reply: ModelResponse, fault: str | None) -> Response:
    name = body.model or SERVED
    if body.stream:
        return event_stream(dialect.events(name, reply, body.usage_wanted), dialect, fault)
    content = msgspec.json.encode(dialect.whole(name, reply))
    if fault == "cut_stream_rate":
        return CutStream([content[: len(content) // 2]], media_type="application/json", length=len(content))
    return Response(content, media_type="application/json")


def _error(dialect: Dialect, status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(dialect.error(kind, message), status_code=status, headers=headers)


def create_app(
    model: ModelAdapter | None = None,
    *,
    faults: ServerFaults | None = None,
    required_key: str | None = None,
    on_request: Callable[[Request], None] | None = None,
) -> Starlette:
    """The ASGI app: `/v1/chat/completions`, `/v1/messages`, `/v1/models`.

    Args:
        model: who answers; a `SimulatedModel` by default.
        required_key: any other key is answered with 401. None admits everyone.
        on_request: sees every request before it is answered, such as to record its headers.
    """
    server = _Server(model or SimulatedModel(), faults or ServerFaults(), required_key, on_request)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", server.chat, methods=["POST"]),
            Route("/v1/messages", server.messages, methods=["POST"]),
            Route("/v1/models", server.models, methods=["GET"]),
        ]
    )


def serve(app: Starlette, *, port: int, host: str = "127.0.0.1", on_started: Callable[[str, int], None] | None = None) -> None:
    """Serve `app` until it is interrupted.

    Args:
        port: 0 takes a free one.
        on_started: called with host and port as soon as connections are taken.

    Raises:
        ConfigError: the address cannot be bound.
    """
    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By this protocol's name asyncio knows to send at once; else an answer's second piece waits 40 ms for the first one's receipt.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind((host, port))
            # Listening from here on: whoever is told the port can connect.
            listener.listen(2048)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"cannot serve on {host}:{port}: {error}") from error
        if on_started is not None:
            on_started(host, listener.getsockname()[1])
        uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)).run(sockets=[listener])


def serve_simulated(
    port: int,
    *,
    host: str = "127.0.0.1",
    model: ModelAdapter | None = None,
    latency_seconds: float = 0.0,
    faults: ServerFaults | None = None,
    required_key: str | None = None,
    on_started: Callable[[str, int], None] | None = None,
) -> None:
    """Serve the simulated model on this machine until it is interrupted.

    Args:
        port: 0 takes a free one.
        latency_seconds: before each answer; not for a `model` of your own.

    Raises:
        ConfigError: the address cannot be bound, or the latency is out of range.
    """
    app = create_app(model or SimulatedModel(latency_seconds=latency_seconds), faults=faults, required_key=required_key)
    serve(app, port=port, host=host, on_started=on_started)
