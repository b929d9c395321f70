"""A model that says what it was told to say: the public test double."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ConfigError, ModelRefused
from .identity import identity_text, own_token
from .protocol import Message, ModelResponse
from .redact import one_line
from .replies import estimate
from .sampling import checked_sampling

Line: TypeAlias = str | ModelResponse | Exception | Callable[[Sequence[Message]], "str | ModelResponse"]
"""One answer: a text, a whole response with usage, an exception to raise, or a function of the messages that gives one of the first two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptedCall:
    """One call that a `ScriptedModel` got."""

    messages: tuple[Message, ...]
    max_tokens: int | None
    sampling: Mapping[str, Any]

    @property
    def prompt(self) -> str:
        """The last message's content."""
        return self.messages[-1].content if self.messages else ""


class ScriptedModel:
    """Answers by rule first, then line by line from its script, then with its fallback.

    Args:
        script: answers in order, each used once.
        fallback: the answer when no rule fits and the script is used up; None refuses.
        name: how traces call it.
        sampling: what a call is recorded with where it names no settings.

    Raises:
        ConfigError: the script is one text, or a sampling setting is unknown, a limit, or makes no sense.
    """

    def __init__(
        self,
        script: Sequence[Line] = (),
        *,
        fallback: Line | None = None,
        name: str = "scripted",
        sampling: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(script, str):
            # Its letters would be the answers.
            raise ConfigError(f"script={one_line(script, limit=40)!r}: a list of answers is needed, such as [...]; or give fallback=")
        self.name, self.fallback, self.sampling = name, fallback, checked_sampling(sampling)
        self._own = own_token()
        self.calls: list[ScriptedCall] = []
        self._script, self._next = tuple(script), 0
        self._rules: list[tuple[re.Pattern[str], Line]] = []

    def add_rule(self, pattern: str, response: Line, regex: bool = False) -> ScriptedModel:
        """Answer `response` whenever the last message contains `pattern`; earlier rules win. Returns the model.

        Raises:
            re.error: `regex` is set and `pattern` is none.
        """
        self._rules.append((re.compile(pattern if regex else re.escape(pattern), re.DOTALL), response))
        return self

    @property
    def identity(self) -> str:
        """Its own: no two scripts are taken for the same."""
        return identity_text("ScriptedModel", self.name, self._own, sampling=self.sampling)

    @property
    def remaining(self) -> int:
        """Lines of the script that were not used yet."""
        return len(self._script) - self._next

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """The next answer.

        Raises:
            ModelRefused: no rule fits, the script is used up and there is no fallback.
            Exception: the answer is an exception; it is raised as it is.
        """
        call = ScriptedCall(messages=tuple(messages), max_tokens=max_tokens, sampling=dict(self.sampling if sampling is None else sampling))
        self.calls.append(call)
        line = self._line(call)
        if isinstance(line, Exception):
            raise line
        said = line if isinstance(line, (str, ModelResponse)) else line(call.messages)
        if isinstance(said, ModelResponse):
            return said
        return ModelResponse(text=said, usage=estimate(call.messages, said), model=self.name)

    def _line(self, call: ScriptedCall) -> Line:
        for pattern, response in self._rules:
            if pattern.search(call.prompt):
                return response
        if self.remaining:
            self._next += 1
            return self._script[self._next - 1]
        if self.fallback is not None:
            return self.fallback
        asked = one_line(call.prompt, limit=120)
        raise ModelRefused(
            f"{self.name}: the script of {len(self._script)} is used up at call {len(self.calls)} and no rule fits: {asked!r}",
            provider=self.name,
        )

    async def aclose(self) -> None:
        """Nothing to close."""
