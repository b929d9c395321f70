"""Answers in a Redis server, which several machines may share. Needs the extra `redis`, imported at first use."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio
from anyio.lowlevel import RunVar

from ...errors import ConfigError, StoreError
from ...in_thread import in_thread
from ..redact import Secret, one_line
from .entry import ENTRY_BYTES, CachedAnswer, checked_key, decode, encode

REDIS_SCHEMES = ("redis", "rediss")
TTL_SECONDS = 30 * 86_400
_PREFIX = "cellblock:answer:"
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_CONNECTIONS = 16
"""Of one event loop. The client's own pool raises when it has no more."""


_NONE: tuple[Any, Any] = (None, None)


class RedisCache:
    """A `CallCache` in a Redis server. Whoever may write to that server decides what the answers are.

    Args:
        url: `redis://[user:password@]host[:port][/number]`, or `rediss://` for TLS. Never shown.
        ttl_seconds: after which the server drops an answer; it has to bound its memory itself.

    Raises:
        ConfigError: `url` is none of these, `ttl_seconds` is less than 1, or the package `redis` is not installed.
    """

    def __init__(self, url: str, *, ttl_seconds: int = TTL_SECONDS) -> None:
        self.place, self._secrets = _place(url)
        if isinstance(ttl_seconds, bool) or not isinstance(ttl_seconds, int) or ttl_seconds < 1:
            raise ConfigError(f"ttl_seconds={str(ttl_seconds)[:50]}: a whole number of seconds is needed, 1 or more")
        if importlib.util.find_spec("redis") is None:
            raise ConfigError("a Redis cache needs the package redis; run: pip install 'cellblock[redis]'")
        self.ttl_seconds = ttl_seconds
        self._url, self._closed = url, False
        # Connections belong to the event loop that opened them.
        self._clients: RunVar[tuple[Any, Any]] = RunVar("redis client", _NONE)

    def __repr__(self) -> str:
        """The host, never the password."""
        return f"RedisCache(at {self.place})"

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer stored under `key`. A value of another kind is not there, and is left alone.

        Raises:
            StoreError: the server cannot be reached or says no, or the cache was closed.
            ConfigError: `key` is none.
        """
        name = _PREFIX + checked_key(key)
        async with self._client() as client:
            try:
                # Not GET: what lies there may be anybody's, and of any size.
                data = await client.getrange(name, 0, ENTRY_BYTES)
            except _redis().ResponseError as error:
                if "wrong kind of value" in str(error):
                    return None
                raise
        return decode(key, data) if isinstance(data, bytes) else None

    async def put(self, key: str, answer: CachedAnswer) -> None:
        """Store an answer.

        Raises:
            StoreError: the server cannot be reached or says no, or the cache was closed.
            ConfigError: `key` is none.
        """
        entry = encode(checked_key(key), answer)
        if entry is None:
            return
        async with self._client() as client:
            await client.set(_PREFIX + key, entry, ex=self.ttl_seconds)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        self._closed = True
        client, _ = self._clients.get()
        if client is not None:
            self._clients.set(_NONE)
            with self._one_line_errors():
                await client.aclose()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        """The running loop's client, for one command."""
        if self._closed:
            raise StoreError(f"{self.place}: this cache was closed")
        if self._clients.get() is _NONE:
            package = await in_thread(importlib.import_module, "redis.asyncio")
            # Looked up again: another task may have made it during the import.
            if self._clients.get() is _NONE:
                self._clients.set((self._made(package), anyio.CapacityLimiter(_CONNECTIONS)))
        client, turns = self._clients.get()
        async with turns:
            try:
                with self._one_line_errors():
                    yield client
            except StoreError:
                # What is still to be read on that connection would be taken for the answer to the next question.
                with self._one_line_errors():
                    await client.connection_pool.disconnect(inuse_connections=False)
                raise

    def _made(self, package: Any) -> Any:
        try:
            # The older protocol: every server speaks it, and nothing has to be agreed upon first.
            return package.Redis.from_url(
                self._url, protocol=2, decode_responses=False, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_ANSWER_SECONDS
            )
        except ValueError:
            raise ConfigError(_hint()) from None

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except (_redis().RedisError, OSError, ValueError) as error:
            reason = one_line(str(error), secrets=self._secrets, limit=200) or type(error).__name__
            raise StoreError(f"{self.place}: the cache cannot be used: {reason}") from None


def _redis() -> Any:
    return importlib.import_module("redis.exceptions")


def _place(url: str) -> tuple[str, list[Secret]]:
    """The address without what only the server may know, and what that is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 6379
    except ValueError:
        raise ConfigError(_hint()) from None
    if parts.scheme not in REDIS_SCHEMES or not host or parts.query or parts.fragment:
        raise ConfigError(_hint())
    password = parts.password or ""
    return one_line(f"{parts.scheme}://{host}:{port}{parts.path}"), [Secret(password), Secret(unquote(password))]


def _hint() -> str:
    return "a Redis cache's address: use redis://[user:password@]host[:port][/number] or rediss://…, without query or fragment"
