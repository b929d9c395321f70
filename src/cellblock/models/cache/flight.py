"""Equal calls at the same time are one call, and equal calls later an entry of a cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar

import anyio
from anyio.lowlevel import current_token

from ...errors import StoreError
from .entry import CachedAnswer, CallCache

Source = Literal["call", "cache", "flight"]
"""Where an answer came from: it was made, it was stored, or an equal call was on its way."""
T = TypeVar("T")


class _Flight(Generic[T]):
    """One call on its way."""

    __slots__ = ("landed", "values")

    def __init__(self) -> None:
        self.landed = anyio.Event()
        self.values: list[T] = []
        """The one result, nothing if it failed."""


class SingleFlight(Generic[T]):
    """Lets the first of several equal calls be made and gives its result to all who ask meanwhile.

    Tasks of different event loops do not wait for each other.
    """

    def __init__(self) -> None:
        self._flights: dict[tuple[Any, str], _Flight[T]] = {}

    async def once(self, key: str, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The result of `call`, or of an equal one that was on its way; and whether it was another's.

        A call that fails or is cancelled does so for its own caller alone: the next who waits makes its own. `call` must not ask
        for the same key again: it would wait for itself.
        """
        where = (current_token(), key)
        while where in self._flights:
            flight = self._flights[where]
            await flight.landed.wait()
            for value in flight.values:
                return value, True
        flight = self._flights[where] = _Flight()
        try:
            flight.values.append(await call())
        finally:
            del self._flights[where]
            flight.landed.set()
        return flight.values[0], False


class CachedCalls:
    """A cache as an engine uses it: asked once for equal calls, and never the reason why a call fails.

    Attributes:
        trouble: the last error of the store, None if there was none.
    """

    def __init__(self, cache: CallCache) -> None:
        self.cache = cache
        self.trouble: StoreError | None = None
        self._flight: SingleFlight[tuple[CachedAnswer, Source, bool]] = SingleFlight()

    async def answer(
        self, key: str, call: Callable[[], Awaitable[CachedAnswer]], *, worth: Callable[[], bool] = lambda: True
    ) -> tuple[CachedAnswer, Source]:
        """The answer to a call, and where it came from. Only one that came from a call has used anything.

        Args:
            worth: asked after the call: whether its answer is what the key says. One that is not is its own caller's alone.

        Raises:
            ConfigError: `key` is none.
        Whatever else `call` raises, for its own caller alone.
        """

        async def found_or_made() -> tuple[CachedAnswer, Source, bool]:
            stored = await self._stored(key)
            if stored is not None:
                return stored, "cache", True
            made = await call()
            kept = worth()
            if kept:
                await self._keep(key, made)
            return made, "call", kept

        while True:
            (answer, source, kept), shared = await self._flight.once(key, found_or_made)
            if kept or not shared:
                return answer, "flight" if shared and source == "call" else source

    async def _stored(self, key: str) -> CachedAnswer | None:
        try:
            return await self.cache.get(key)
        except StoreError as error:
            self.trouble = error
            return None

    async def _keep(self, key: str, made: CachedAnswer) -> None:
        try:
            await self.cache.put(key, made)
        except StoreError as error:
            self.trouble = error
