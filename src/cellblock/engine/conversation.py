"""Several questions to one REPL: contexts add up, variables stay, and each question knows the ones before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import anyio

from ..errors import ConfigError
from ..events import AnyEvent
from ..host.context import Context
from ..host.joining import joined
from ..in_thread import in_thread
from .asking import cleaned
from .contexts import ContextSource, open_context
from .portal import blocking
from .results import RunResult
from .settings import Carry, Turn
from .stream import RunStream
from .typed import answer_type

KEPT_ANSWER_CHARS = 20_000
"""Of an earlier answer, in the cells' variable `history`."""
KEPT_QUESTION_CHARS = 20_000
"""Of an earlier question. All that is kept has to fit into what may cross, or no further question could be asked."""
KEPT_TURNS = 200

Perform: TypeAlias = Callable[[str, Context, Turn, Callable[[AnyEvent], None] | None], Awaitable[RunResult]]
"""Answers one question of it."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A context, and whether it is this session's own or the caller's."""

    context: Context
    is_own: bool

    def release(self) -> None:
        if self.is_own:
            self.context.close()


async def _more(before: _Held | None, source: ContextSource) -> _Held:
    """All of `before`, which stays, and of `source`."""
    more = await open_context(source)
    if before is None:
        return _Held(more, more is not source)
    try:
        return _Held(await in_thread(joined, [before.context, more], undo=Context.close), True)
    finally:
        if more is not source:
            more.close()


class Conversation:
    """Several questions, one after the other. Made by `RLM.session`; also a context manager, async or not.

    Between two questions no worker waits: the variables lie in a sealed snapshot, and the next question goes on from there.
    Every question is a run of its own, with all of the limits.

    Attributes:
        turns: questions and answers so far.
    """

    def __init__(self, perform: Perform, context: ContextSource | None = None) -> None:
        self._perform = perform
        self._first = context
        self._held: _Held | None = None
        self._carry = Carry()
        self._lock = anyio.Semaphore(1, fast_acquire=True)
        self._closed = False
        self.turns: list[tuple[str, str]] = []

    async def arun(
        self,
        question: str,
        context: ContextSource | None = None,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """Answer the next question. One that fails leaves everything as it was before it.

        Args:
            context: more of it: its documents come after those that are there, and stay.

        Raises:
            CellblockError: as `RLM.arun`; ConfigError also where there is no context yet, the session is closed, or another
                question is being answered.
        """
        try:
            self._lock.acquire_nowait()
        except anyio.WouldBlock:
            raise ConfigError("this session is answering another question; ask one after the other") from None
        try:
            held = await self._with(context)
            try:
                result = await self._answered(question, held.context, output_type, on_event)
            except BaseException:
                self._release_unless_kept(held)
                raise
            self._keep(held)
            return result
        finally:
            self._lock.release()
            if self._closed:
                self._forget()

    def run(
        self,
        question: str,
        context: ContextSource | None = None,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """`arun` for code without an event loop.

        Raises:
            CellblockError: as `arun`.
        """
        return blocking(partial(self.arun, question, context, output_type=output_type, on_event=on_event))

    def stream(self, question: str, context: ContextSource | None = None, *, output_type: object = None) -> RunStream[RunResult]:
        """The events of the next question's run, as `RLM.stream`."""
        return RunStream(lambda emit: self.arun(question, context, output_type=output_type, on_event=emit))

    async def _answered(self, question: str, whole: Context, output_type: object, on_event: Callable[[AnyEvent], None] | None) -> RunResult:
        carry = Carry(snapshot=self._carry.snapshot, left_out=self._carry.left_out)
        turn = Turn(answer_type=answer_type(output_type), earlier=tuple(self.turns[-KEPT_TURNS:]), carry=carry)
        result = await self._perform(question, whole, turn, on_event)
        self._carry = carry
        self.turns.append((cleaned(question[:KEPT_QUESTION_CHARS]), result.answer[:KEPT_ANSWER_CHARS]))
        return result

    async def _with(self, context: ContextSource | None) -> _Held:
        """What there is, and what comes with a question."""
        if self._closed:
            raise ConfigError("this session is closed; open another one")
        held = self._held
        for source in (self._first if held is None else None, context):
            if source is not None:
                before = held
                try:
                    held = await _more(before, source)
                finally:
                    self._release_unless_kept(before)
        if held is None:
            raise ConfigError("this session has no context yet; give one with the question")
        return held

    def _keep(self, held: _Held) -> None:
        before, self._held = self._held, held
        self._release_unless_kept(before)

    def _release_unless_kept(self, held: _Held | None) -> None:
        if held is not None and held is not self._held:
            held.release()

    def close(self) -> None:
        """Forget everything, once the question that is being answered has its answer. Harmless when called twice."""
        self._closed = True
        # Not under the hands of a run, which would fail half way.
        if self._lock.value:
            self._forget()

    def _forget(self) -> None:
        held, self._held, self._carry = self._held, None, Carry()
        self._release_unless_kept(held)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Conversation:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
