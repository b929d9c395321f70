"""How often a key may be used: requests and tokens of any minute, and requests in flight, shared by all who use that key.

Windows slide: a bucket that refills lets twice its size through around the moment at which it is full.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from anyio.lowlevel import RunVar

from ..errors import ConfigError

WINDOW_SECONDS = 60.0
MOST_QUEUES = 1_024
"""Keys that one event loop remembers while nobody uses them."""
# Shorter waits end before the clock has moved.
_SHORTEST_WAIT = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """What a provider allows one key. None: not limited here.

    Raises:
        ConfigError: a field is neither None nor a finite number greater than 0; `parallel` is not a whole one.
    """

    requests_per_minute: float | None = None
    """In any 60 seconds, retries included. Rounded down, since half a request cannot be sent; 0.25 is one in any four minutes."""
    tokens_per_minute: float | None = None
    """In any 60 seconds. A single request that is larger waits until it is the only one of its minute."""
    parallel: int | None = None
    """Requests in flight at once."""

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "parallel"):
            value = getattr(self, name)
            kind = int if name == "parallel" else (int, float)
            if value is not None and (isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < math.inf):
                whole = "whole " if name == "parallel" else ""
                raise ConfigError(f"{name}={str(value)[:50]}: a finite {whole}number greater than 0 is needed, or None for no limit")


@asynccontextmanager
async def admitted(key_id: str, rates: Rates, tokens: int) -> AsyncIterator[None]:
    """Wait until the key may be used once more, in the order of asking; in flight until the block ends.

    Take it around one HTTP attempt alone: whoever holds it while waiting for another call of the same key may wait for ever.
    Shared by all tasks of one event loop. Cancelled while waiting, it has used nothing.

    Args:
        key_id: names the key, such as the host and a digest of it; never the key itself.
        rates: of that key. Callers that give other rates for the same key wait for their own, and count each other's requests.
        tokens: what the request is expected to use, input and output.
    """
    if rates == _UNLIMITED:
        yield
        return
    queue = _queue(key_id)
    await queue.enter(rates, max(0, tokens))
    try:
        yield
    finally:
        queue.leave()


_UNLIMITED = Rates()


class _Past:
    """When a key was used, and what for. Moments are seconds of any clock that does not go back."""

    __slots__ = ("_forgotten", "_horizon", "_moments", "_sums", "_total")

    def __init__(self) -> None:
        self._moments: list[float] = []
        self._sums: list[int] = []
        """Of each use, all tokens up to it."""
        self._total = self._forgotten = 0
        self._horizon = WINDOW_SECONDS

    def wait(self, rates: Rates, tokens: int, now: float) -> float:
        """Seconds from `now` until a use of that many tokens fits."""
        ends = [now]
        if rates.requests_per_minute is not None:
            count = max(1, math.floor(rates.requests_per_minute))
            seconds = WINDOW_SECONDS / min(1.0, rates.requests_per_minute)
            self._horizon = max(self._horizon, seconds)
            if len(self._moments) >= count:
                ends.append(self._moments[-count] + seconds)
        if rates.tokens_per_minute is not None:
            # So much of the sum has to lie before the window; more than all of it, for a request that is too large for any.
            before = min(self._total + tokens - rates.tokens_per_minute, self._total)
            if before > self._forgotten:
                ends.append(self._moments[bisect_left(self._sums, before)] + WINDOW_SECONDS)
        return max(ends) - now

    def add(self, tokens: int, now: float) -> None:
        """Count a use."""
        self._total += tokens
        self._moments.append(now)
        self._sums.append(self._total)
        stale = len(self._moments) // 2
        if self._moments[stale] + self._horizon < now:
            self._forgotten = self._sums[stale]
            del self._moments[: stale + 1], self._sums[: stale + 1]

    def is_over(self, now: float) -> bool:
        """Whether nothing of it matters any more."""
        return not self._moments or self._moments[-1] + self._horizon < now


class _Queue:
    """Those who wait for one key in one event loop."""

    __slots__ = ("_left", "_turn", "_users", "in_flight", "past")

    def __init__(self) -> None:
        self.past, self.in_flight = _Past(), 0
        self._users = 0
        # Fair: first come, first served. Its holder is the head of the queue.
        self._turn = anyio.Lock()
        self._left = anyio.Event()

    async def enter(self, rates: Rates, tokens: int) -> None:
        """Return when it is the caller's turn."""
        self._users += 1
        try:
            async with self._turn:
                await self._may_go(rates, tokens)
                self.in_flight += 1
                self.past.add(tokens, anyio.current_time())
        except BaseException:
            self._users -= 1
            raise

    async def _may_go(self, rates: Rates, tokens: int) -> None:
        while True:
            if rates.parallel is not None and self.in_flight >= rates.parallel:
                await self._left.wait()
                continue
            seconds = self.past.wait(rates, tokens, anyio.current_time())
            if seconds <= 0:
                return
            await anyio.sleep(max(seconds, _SHORTEST_WAIT))

    def leave(self) -> None:
        """The caller's request has ended."""
        self.in_flight -= 1
        self._users -= 1
        self._left.set()
        self._left = anyio.Event()

    def is_idle(self, now: float) -> bool:
        """Whether it can be forgotten."""
        return self._users == 0 and self.past.is_over(now)


_QUEUES: RunVar[dict[str, _Queue]] = RunVar("queues of keys")


def _queue(key_id: str) -> _Queue:
    queues = _QUEUES.get(None)
    if queues is None:
        queues = {}
        _QUEUES.set(queues)
    if key_id not in queues:
        if len(queues) >= MOST_QUEUES:
            now = anyio.current_time()
            for name in [name for name, queue in queues.items() if queue.is_idle(now)]:
                del queues[name]
        queues[key_id] = _Queue()
    return queues[key_id]
