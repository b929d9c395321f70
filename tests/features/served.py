"""Models behind a real server on loopback, and runs whose cells ask them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import openai  # noqa: F401 - seconds, which the first request would take; some tests look at the clock
from models.fake_provider import FakeProvider
from starlette.requests import Request
from starlette.responses import Response

from cellblock import Models, RunResult, ScriptedModel
from cellblock.models import Endpoint, ModelAdapter, OpenAIChat, Secret

from .stage import cell, engine

KEY = "sk-test-0123456789"
QUERY = "FINAL(llm_query('Hello'))"


def chat(url: str, *, provider: str = "house", key: str = KEY, stream: bool = False, sampling: Any = None, **more: Any) -> OpenAIChat:
    """A model of the chat API at an address."""
    return OpenAIChat("m", Endpoint(provider=provider, base_url=url + "/v1", key=Secret(key), **more), stream=stream, sampling=sampling)


async def asked(sub: ModelAdapter | Callable[..., Any] | str, code: str = QUERY, **settings: Any) -> RunResult:
    """A run whose cell asks `sub`."""
    return await engine("monty", Models(root=ScriptedModel([cell(code)], fallback="FINAL(over)"), sub=sub), **settings).arun("q", "c")


class Counted(FakeProvider):
    """Notes how many requests are there at once."""

    now = most = 0

    async def answer(self, request: Request, path: str) -> Response:
        """The next behaviour, after a moment."""
        self.now += 1
        self.most = max(self.most, self.now)
        await anyio.sleep(0.01)
        try:
            return await super().answer(request, path)
        finally:
            self.now -= 1
