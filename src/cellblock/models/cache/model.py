"""A model that first looks for an answer to a prompt that says the same. For calls that are sent to it on purpose, never for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ...errors import StoreError
from ..protocol import Message, ModelAdapter, ModelResponse, Usage
from .entry import CachedAnswer, call_key, identity_of
from .semantic import SemanticCache


class SemanticModel:
    """Wraps an adapter. Give it a name of its own, so that a cell asks for it: `Models(root=…, named={"faq": SemanticModel(…)})`.

    What means the same is a guess. Answers that have to be right do not go through it: no role takes it by itself.

    Args:
        model: asked where nothing near enough is known; stays the caller's.
        cache: what is known.
        tenant: whose answers these are; one object serves one tenant, and `RLM` refuses it to any other.
    """

    def __init__(self, model: ModelAdapter, cache: SemanticCache, *, tenant: str) -> None:
        self.model, self.cache, self.tenant = model, cache, tenant
        self.name = f"semantic:{model.name}"

    @property
    def identity(self) -> str:
        """Another one than the model's own: its answers are not always the model's."""
        return f"semantic {identity_of(self.model)}"

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """The known answer, for nothing; else the model's, which is known from then on.

        Raises:
            ModelError: as the model; ModelUnavailable also where the function that embeds raised.
            ConfigError: that function returned no vector.
        """
        *before, last = messages
        scope = call_key(tenant=self.tenant, identity=identity_of(self.model), messages=before, max_tokens=max_tokens, sampling=sampling)
        known: CachedAnswer | None = None
        with suppress(StoreError):  # a store that fails is no reason for a call to fail
            known = await self.cache.near(scope, last.content)
        if known is not None:
            return ModelResponse(text=known.text, usage=Usage(calls=1, cost_usd=0.0), model=known.model, raw={"source": "semantic cache"})
        response = await self.model.complete(messages, max_tokens=max_tokens, sampling=sampling)
        with suppress(StoreError):
            answer = CachedAnswer(text=response.text, model=response.model, usage=response.usage)
            await self.cache.remember(scope, last.content, answer)
        return response

    async def aclose(self) -> None:
        """Nothing of its own to close."""
