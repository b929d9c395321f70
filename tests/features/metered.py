"""Models that count what they are owed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio

from cellblock.models.protocol import Message, ModelResponse, Usage

from .stage import cell


class Metered:
    """A model that uses what it is told to, obeys `max_tokens`, and adds up what it is owed."""

    def __init__(self, tokens: int, *, name: str = "metered") -> None:
        self.tokens, self.name = tokens, name
        self.calls = self.owed = self.now = self.most = 0

    async def complete(self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Any = None) -> ModelResponse:
        self.calls, self.now = self.calls + 1, self.now + 1
        self.most = max(self.most, self.now)
        await anyio.sleep(0.001)
        self.now -= 1
        prompt = sum(len(message.content) for message in messages) // 4
        used = Usage(input_tokens=prompt, output_tokens=min(self.tokens, max_tokens or self.tokens), calls=1)
        self.owed += used.input_tokens + used.output_tokens
        return ModelResponse(text="ok", usage=used, model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


class Both(Metered):
    """The only model of a run: it writes the cell, and answers the sub-calls."""

    def __init__(self, tokens: int, code: str) -> None:
        super().__init__(tokens)
        self.code = code

    async def complete(self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Any = None) -> ModelResponse:
        if messages[0].role == "system":
            return ModelResponse(text=cell(self.code), usage=Usage(input_tokens=500, output_tokens=9, calls=1), model=self.name)
        return await super().complete(messages, max_tokens=max_tokens)
