"""Threads: sessions that are kept. Documents, questions, answers and variables lie in the store, and any process can go on with them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from ..errors import ConfigError
from ..events import AnyEvent
from ..host.context import Context
from ..host.joining import assembled
from ..store.leases import Lease
from ..store.threads import Added, DocumentRow, Threads, TurnRow, check_thread_name
from .answering import Engine, check_question, new_run_id
from .asking import cleaned
from .contexts import ContextSource
from .conversation import KEPT_ANSWER_CHARS, KEPT_QUESTION_CHARS, KEPT_TURNS
from .kept import Place, add_documents, delete, in_memory, kept, place_of, upload
from .portal import blocking
from .results import RunResult
from .settings import Carry, Turn
from .stream import RunStream
from .typed import answer_type
from .variables import carried, shown_variables


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question to a thread, while its run is performed."""

    context: Context
    """The documents that it is about."""
    turn: Turn
    """What its run is performed with."""
    place: Place
    lease: Lease
    name: str
    asked: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)

    async def answered(self, question: str, result: RunResult) -> None:
        """Add the answer to the thread, together with the variables that it left.

        Raises:
            StoreError: it could not be kept; the thread is as it was before the question.
        """
        carry = self.turn.carry
        assert carry is not None, "a thread's question carries its session's state"
        turn = TurnRow(
            question=cleaned(question),
            answer=cleaned(result.answer),
            value=result.value,
            success=result.success,
            run_id=result.run_id,
            asked=self.asked,
            seconds=time.monotonic() - self.began,
        )
        # Shielded: the answer is there and paid for, whatever is cancelled now.
        with anyio.CancelScope(shield=True):
            await kept(self.place, lambda threads: threads.add_turn(self.lease, self.name, turn, carry.snapshot, carry.left_out))


class Thread:
    """A conversation that is kept. Made by `RLM.thread`; also a context manager, async or not.

    It is in the store from the first document or question on. Each question is a run of its own with all of the limits, and is answered by
    one process at a time; between two questions nobody holds the thread.

    Attributes:
        name: the thread's.
        place: where it is kept.

    Raises:
        ConfigError: the name cannot be one, or the journal is in memory.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = check_thread_name(name)
        self._engine = engine
        self.place = place_of(engine.journal, engine.settings.tenant, engine.settings.secret)
        self._held: tuple[list[DocumentRow], Context] | None = None
        self._busy = self._closed = False

    async def arun(
        self,
        question: str,
        context: ContextSource | None = None,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """Answer the next question. One that fails is not in the history, and leaves the variables as they were.

        Args:
            context: more documents; they are in the thread from then on, whatever becomes of the question.

        Raises:
            CellblockError: as `RLM.arun`; ConfigError also where there is no document yet or the thread was closed; LeaseHeld where
                another question to it is being answered, here or in another process.
        """
        self._check_open()
        # Before anything is written: the question before it may still be resumed, until a real one takes its place.
        check_question(question)
        wanted = answer_type(output_type)
        async with self.place.leased(self.name) as lease:
            if context is not None:
                await add_documents(self.place, lease, self.name, context)
            async with self._question(lease, new_run_id()) as asked:
                await kept(self.place, lambda threads: threads.begin(lease, self.name, str(asked.turn.run_id)))
                turn = replace(asked.turn, answer_type=wanted)
                result = await self._engine.answer(question, asked.context, turn, on_event)
                await asked.answered(question, result)
        return result

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

    async def aupload(self, context: ContextSource) -> Added:
        """Add documents for questions that come later. One that is there already, by name and text, is not added again.

        Raises:
            ConfigError: they cannot be read, or the thread was closed.
            LeaseHeld: a question to it is being answered.
            StoreError: they could not be written; those before are in the thread.
        """
        self._check_open()
        return await upload(self.place, self.name, context)

    def upload(self, context: ContextSource) -> Added:
        """`aupload` for code without an event loop.

        Raises:
            CellblockError: as `aupload`.
        """
        return blocking(partial(self.aupload, context))

    async def adelete(self) -> bool:
        """Remove it from the store; whether it was there. Its runs stay in the journal.

        Raises:
            LeaseHeld: a question to it is being answered.
            StoreError: it could not be removed.
        """
        return await delete(self.place, self.name)

    def delete(self) -> bool:
        """`adelete` for code without an event loop.

        Raises:
            CellblockError: as `adelete`.
        """
        return blocking(self.adelete)

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Questions and answers so far.

        Raises:
            StoreError: they could not be read.
        """
        return [(turn.question, turn.answer) for turn in self.history()]

    def history(self) -> list[TurnRow]:
        """The same with all that is known of each.

        Raises:
            StoreError: it could not be read.
        """
        with self.place.threads() as threads:
            return threads.turns(self.name)

    def documents(self) -> list[DocumentRow]:
        """What its questions are about, without the texts.

        Raises:
            StoreError: they could not be read.
        """
        with self.place.threads() as threads:
            return threads.documents(self.name)

    def cut_off(self) -> str | None:
        """The run of its last question, where that was begun and never answered; None where there is nothing to resume.

        Raises:
            StoreError: it could not be read.
        """
        with self.place.opened() as store:
            return self.place.cut_off(store, self.name)

    async def avariables(self) -> str:
        """Names, types and sizes of the cells' variables, as the sandbox tells them; empty where there are none.

        Raises:
            ConfigError: there is no document yet.
            SandboxError: the session could not be opened.
            StoreError: the variables could not be read.
        """
        carry = await kept(self.place, self._carried)
        return await shown_variables(self._engine.settings, carry, await self._context(None))

    def close(self) -> None:
        """Let go of the documents that it holds in memory; what is kept stays. Harmless when called twice."""
        self._closed = True
        # Not under the hands of a run, which would fail half way.
        if not self._busy:
            self._forget()

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigError(f"thread {self.name!r} was closed here; open it again with rlm.thread")

    @asynccontextmanager
    async def _question(self, lease: Lease, run_id: str, documents: int | None = None) -> AsyncIterator[Question]:
        """What the next question brings along.

        Args:
            documents: how many of them it is about; None: all.
        """
        self._busy = True
        try:
            carry = await kept(self.place, self._carried)
            turns = await kept(self.place, lambda threads: threads.turns(self.name, last=KEPT_TURNS))
            turn = Turn(
                earlier=tuple((turn.question[:KEPT_QUESTION_CHARS], turn.answer[:KEPT_ANSWER_CHARS]) for turn in turns),
                carry=carry,
                run_id=run_id,
            )
            yield Question(context=await self._context(documents), turn=turn, place=self.place, lease=lease, name=self.name)
        finally:
            self._busy = False
            if self._closed:
                self._forget()

    def _carried(self, threads: Threads) -> Carry:
        state = threads.state(self.name)
        try:
            return carried(self._engine.settings, state.snapshot, state.left_out)
        except ConfigError as error:
            raise ConfigError(f"thread {self.name!r}: {error}") from None

    async def _context(self, count: int | None) -> Context:
        """The first `count` documents as one context, which is kept for the next question."""
        documents = (await kept(self.place, lambda threads: threads.documents(self.name)))[:count]
        if not documents:
            raise ConfigError(f"thread {self.name!r} has no document yet; upload one, or give one with the question")
        if self._held is None or self._held[0] != documents:
            whole = await kept(self.place, lambda threads: _assembled(threads, documents))
            self._forget()
            self._held = documents, whole
        return self._held[1]

    def _forget(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held[1].close()

    def __repr__(self) -> str:
        """Its name."""
        return f"<Thread: {self.name}>"

    def __enter__(self) -> Thread:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Thread:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


@asynccontextmanager
async def resuming(engine: Engine, run_id: str) -> AsyncIterator[Question | None]:
    """The question that a run is to answer, where it is the last one of a thread; None where it is none.

    Whoever resumes the run performs it with this question's context and turn, and calls `answered` with what came of it. Until the block
    ends, the thread is held.

    Raises:
        LeaseHeld: another question to the thread is being answered.
        StoreError: the store cannot be used.
    """
    name = None
    if not in_memory(engine.journal):
        place = place_of(engine.journal, engine.settings.tenant, engine.settings.secret)
        name = await kept(place, lambda threads: threads.waiting_for(run_id))
    if name is None:
        yield None
        return
    async with Thread(engine, name) as thread, place.leased(name) as lease:
        row = await kept(place, lambda threads: threads.get(name))
        if row is None or row.pending != run_id:
            # Another question was asked meanwhile.
            yield None
            return
        async with thread._question(lease, run_id, row.pending_documents) as question:
            yield question


def _assembled(threads: Threads, documents: list[DocumentRow]) -> Context:
    context = assembled((document.title, threads.text(document)) for document in documents)
    # Kept by the context; the journal asks for it as soon as the run begins.
    _ = context.sha256
    return context
