"""The HTTP client under every SDK: one host, known headers, bounded answers. Imported when a first request is made.

The SDKs read headers, proxies and keys from the environment and follow redirects. Here the transport decides alone:
it puts the key in, drops every header that is not on its list, talks to one origin, and counts what comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import httpx2

from .auth import BEARER, Auth
from .aws import Outgoing
from .redact import Secret
from .replies import ANSWER_BYTES, ERROR_BYTES

CONNECTIONS = 256
_SENT = frozenset({"accept", "content-type", "content-length", "host", "transfer-encoding", "user-agent", "anthropic-version"})


class AnswerStopped(httpx2.ReadError):
    """The answer was too long, or compressed so that its length could not be bounded."""


class _Body(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class _Bounded(httpx2.AsyncByteStream):
    """Raises past the limit; an error's body just ends there."""

    def __init__(self, body: _Body, *, failed: bool) -> None:
        self._body, self._failed = body, failed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = ERROR_BYTES if self._failed else ANSWER_BYTES
        async for chunk in self._body:
            if len(chunk) > left and not self._failed:
                raise AnswerStopped(f"it is longer than {ANSWER_BYTES:,} bytes")
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0 and self._failed:
                return

    async def aclose(self) -> None:
        await self._body.aclose()


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where requests go, and the key that belongs there."""

    base_url: str
    key: Secret
    timeout_seconds: float
    """Of connecting, and of each wait for more bytes."""
    auth: Auth = BEARER
    headers: tuple[tuple[str, str], ...] = ()


class OneHostTransport(httpx2.AsyncBaseTransport):
    """Sends to one origin, with known headers and that origin's key."""

    def __init__(self, destination: Destination, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._origin = _origin(httpx2.URL(destination.base_url))
        self._destination = destination
        limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._inner = inner or httpx2.AsyncHTTPTransport(trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a copy of `request` that has the key; the original, which errors carry, has none.

        Raises:
            httpx2.UnsupportedProtocol: the request is for another origin.
            AnswerStopped: the answer is compressed.
        """
        if _origin(request.url) != self._origin:
            raise httpx2.UnsupportedProtocol("a request for another host was stopped")
        response = await self._inner.handle_async_request(await self._with_key(request))
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise AnswerStopped("it is compressed, although that was not asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        body = _Bounded(response.stream, failed=response.status_code >= 300)
        return httpx2.Response(response.status_code, headers=response.headers, stream=body, extensions=response.extensions)

    async def _with_key(self, request: httpx2.Request) -> httpx2.Request:
        body = await request.aread()
        headers = {name: value for name, value in request.headers.items() if name in _SENT} | dict(self._destination.headers)
        path = request.url.raw_path.partition(b"?")[0].decode("ascii")
        outgoing = Outgoing(method=request.method, host=request.headers["host"], path=path, body=body)
        headers |= self._destination.auth.headers(self._destination.key, outgoing)
        headers["accept-encoding"] = "identity"
        return httpx2.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def http_client(destination: Destination) -> httpx2.AsyncClient:
    """A client that talks to that destination alone, and reads nothing from the environment."""
    transport, timeout = OneHostTransport(destination), timeouts(destination)
    return httpx2.AsyncClient(trust_env=False, follow_redirects=False, transport=transport, timeout=timeout)


def timeouts(destination: Destination) -> httpx2.Timeout:
    """Ten seconds to connect; the destination's own time for the rest."""
    return httpx2.Timeout(destination.timeout_seconds, connect=min(10.0, destination.timeout_seconds))
