"""Answers to prompts that mean the same. Opt-in: what means the same is a guess, which a model of embeddings makes."""

from __future__ import annotations

import inspect
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ...errors import ConfigError
from ...in_thread import in_thread
from ..callables import Foreign
from .entry import CachedAnswer, CallCache, digest
from .marks import marks

PROMPT_CHARS = 8_000
"""Longest prompt that can be near another: of a longer one, an embedding says what it is about, not what is asked."""
MOST_SCOPES = 256
_NAME = "the semantic cache's embed"

Embed = Callable[[str], Awaitable[Sequence[float]] | Sequence[float]]
"""From a text to its vector, always of the same length. A sync one runs in a thread."""


@dataclass(frozen=True, slots=True)
class _Known:
    key: str
    """In the store."""
    marks: tuple[str, ...]
    vector: tuple[float, ...]
    """Of length 1."""


class SemanticCache:
    """Finds the stored answer to a prompt that says the same in other words.

    However near two prompts are, they differ if a number, a quoted text, a negation, a capitalised word or any other of their `marks`
    differs. What is known is in memory, the answers are in the store.

    Args:
        inner: where the answers are stored.
        embed: from a prompt to its vector.
        threshold: the least cosine of two prompts that mean the same.
        max_entries: prompts remembered in one scope; the oldest is forgotten first.

    Raises:
        ConfigError: `threshold` is not above 0 and at most 1, or `max_entries` is less than 1.
    """

    def __init__(self, inner: CallCache, embed: Embed, *, threshold: float = 0.97, max_entries: int = 500) -> None:
        if not 0 < threshold <= 1 or max_entries < 1:
            raise ConfigError(f"threshold={threshold}, max_entries={max_entries}: 0 < threshold <= 1 and max_entries >= 1 are needed")
        self.inner, self.embed, self.threshold, self.max_entries = inner, embed, threshold, max_entries
        self._scopes: OrderedDict[str, OrderedDict[str, _Known]] = OrderedDict()

    async def near(self, scope_key: str, prompt: str) -> CachedAnswer | None:
        """The stored answer to the nearest prompt of that scope that is near enough.

        Args:
            scope_key: what both calls must have in common: a `call_key` of tenant, adapter, settings, and all messages but the prompt.

        Raises:
            ModelUnavailable: `embed` raised something.
            ConfigError: `embed` returned no vector, or one of another length than before.
            StoreError: the store cannot be read.
        """
        scope = self._scopes.get(scope_key)
        signature = marks(prompt) if scope and len(prompt) <= PROMPT_CHARS else None
        alike = [known for known in (scope or {}).values() if known.marks == signature]
        if scope is None or not alike:
            # Without a prompt that could be the same, its vector need not be known.
            return None
        self._scopes.move_to_end(scope_key)
        vector = await self._vector(prompt)
        key = await in_thread(_nearest, vector, alike, self.threshold)
        answer = None if key is None else await self.inner.get(key)
        if key is not None and answer is None:
            scope.pop(key, None)
        return answer

    async def remember(self, scope_key: str, prompt: str, answer: CachedAnswer) -> None:
        """Store the answer, to be found by prompts near to this one. Too long a prompt is not stored.

        Raises:
            ModelUnavailable: `embed` raised something.
            ConfigError: `embed` returned no vector.
            StoreError: the store cannot be written.
        """
        if len(prompt) > PROMPT_CHARS:
            return
        vector = await self._vector(prompt)
        key = digest(["cellblock prompt 1", scope_key, prompt])
        await self.inner.put(key, answer)
        scope = self._scopes.setdefault(scope_key, OrderedDict())
        self._scopes.move_to_end(scope_key)
        scope[key] = _Known(key, marks(prompt), vector)
        scope.move_to_end(key)
        while len(scope) > self.max_entries:
            scope.popitem(last=False)
        while len(self._scopes) > MOST_SCOPES:
            self._scopes.popitem(last=False)

    async def _vector(self, prompt: str) -> tuple[float, ...]:
        with Foreign(_NAME):
            if inspect.iscoroutinefunction(self.embed):
                given: object = await self.embed(prompt)
            else:
                given = await in_thread(self.embed, prompt)
                given = await given if inspect.isawaitable(given) else given
        return _unit(given)


def _unit(given: object) -> tuple[float, ...]:
    """The vector with length 1."""
    try:
        vector = tuple(map(float, given))  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{_NAME} must return numbers, not {type(given).__name__}") from None
    length = math.hypot(*vector)
    if not 0 < length < math.inf:
        raise ConfigError(f"{_NAME} must return a vector of finite numbers that are not all 0")
    return tuple(value / length for value in vector)


def _nearest(vector: tuple[float, ...], alike: Sequence[_Known], threshold: float) -> str | None:
    try:
        nearness, key = max((sum(a * b for a, b in zip(vector, known.vector, strict=True)), known.key) for known in alike)
    except ValueError:
        raise ConfigError(f"{_NAME} must return vectors of one length; {len(vector)} is another than before") from None
    # Rounding leaves even a vector's own cosine a little below 1.
    return key if nearness >= threshold - 1e-9 else None
