"""A chat while it lasts: one event loop for all its questions, and what each question comes to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import CellblockError, ConfigError, SandboxUnavailable, StoreError
from .calls import Ready, tell
from .kept import counted, in_words_of_the_command, told_added
from .report import broken_fields, fields
from .terminal import to_json, write
from .watch import Show, watching

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from ..engine.answering import Engine
    from ..engine.conversation import Conversation
    from ..engine.results import RunResult
    from ..engine.settings import Carry, Turn
    from ..engine.threads import Thread
    from ..events import AnyEvent
    from ..host.context import Context

T = TypeVar("T")


class Chat(Protocol):
    """What is talked to: a thread, or a conversation that nobody keeps."""

    @property
    def name(self) -> str | None:
        """Of the thread; None where nothing is kept."""
        ...

    def add(self, context: Context) -> str:
        """Take the documents of a context, which stays open as long as the chat; returns in words what came of it."""
        ...

    def documents(self) -> list[tuple[str, int]]:
        """Names, empty where there is none, and characters."""
        ...

    def turns(self) -> list[tuple[str, str]]:
        """Questions and answers so far."""
        ...

    def cut_off(self) -> str | None:
        """The run of a question that was begun and never answered; None if there is none."""
        ...

    async def ask(self, question: str, see: Callable[[AnyEvent], None]) -> RunResult:
        """Answer the next question."""
        ...

    async def variables(self) -> str:
        """What the cells left; empty if nothing. A guest's words."""
        ...


@dataclass(slots=True)
class Unkept:
    """A conversation in this process's memory."""

    engine: Engine
    conversation: Conversation = field(init=False)
    name: None = None
    waiting: Context | None = None
    """What comes with the next question."""
    files: list[tuple[str, int]] = field(default_factory=list)
    last: tuple[Context, Carry | None] | None = None
    """What the last answered question was about, and what it left."""

    def __post_init__(self) -> None:
        from ..engine.conversation import Conversation

        self.conversation = Conversation(self._perform)

    async def _perform(self, question: str, whole: Context, turn: Turn, see: Callable[[AnyEvent], None] | None) -> RunResult:
        result = await self.engine.answer(question, whole, turn, see)
        self.last = whole, turn.carry
        return result

    def add(self, context: Context) -> str:
        """Have it read with the next question."""
        from ..host.joining import joined

        self.waiting = context if self.waiting is None else joined([self.waiting, context])
        self.files += [(entry.name, entry.size_chars) for entry in context.files]
        return f"{counted(context.num_documents, 'document')} added"

    def documents(self) -> list[tuple[str, int]]:
        """Those that were added."""
        return self.files

    def turns(self) -> list[tuple[str, str]]:
        """Of the conversation."""
        return self.conversation.turns

    def cut_off(self) -> None:
        """Nothing of it is there any more."""

    async def ask(self, question: str, see: Callable[[AnyEvent], None]) -> RunResult:
        """With whatever waits, which goes on waiting where the question fails."""
        result = await self.conversation.arun(question, self.waiting, on_event=see)
        self.waiting = None
        return result

    async def variables(self) -> str:
        """Of the last answered question."""
        from ..engine.variables import shown_variables

        return "" if self.last is None else await shown_variables(self.engine.settings, self.last[1], self.last[0])


@dataclass(slots=True)
class Kept:
    """A thread of the store."""

    thread: Thread

    @property
    def name(self) -> str:
        """The thread's."""
        return self.thread.name

    def add(self, context: Context) -> str:
        """Put it into the store."""
        # It is in the store now, and need not be held in memory.
        with context:
            return told_added(self.thread.upload(context))

    def documents(self) -> list[tuple[str, int]]:
        """Those in the store."""
        return [(document.title, document.chars) for document in self.thread.documents()]

    def turns(self) -> list[tuple[str, str]]:
        """Those in the store."""
        return self.thread.turns

    def cut_off(self) -> str | None:
        """Of the thread."""
        return self.thread.cut_off()

    async def ask(self, question: str, see: Callable[[AnyEvent], None]) -> RunResult:
        """Of the thread."""
        return await self.thread.arun(question, on_event=see)

    async def variables(self) -> str:
        """Of the thread."""
        return await self.thread.avariables()


@dataclass(slots=True)
class Talk:
    """One chat."""

    chat: Chat
    ready: Ready
    show: Show
    portal: BlockingPortal
    stack: ExitStack
    """What is closed when it ends."""

    def answer(self, question: str) -> bool:
        """Answer one question and show what it came to; whether there is an accepted answer.

        Raises:
            CellblockError: it failed; under `--json` that was told.
            KeyboardInterrupt: Ctrl-C, and whatever the question had begun has ended.
            OSError: standard output is full.
        """
        with watching(self.show, max_steps=self.ready.rlm.limits.steps) as watcher:
            try:
                result = _waited(self.portal, lambda: self.chat.ask(question, watcher.see))
            except CellblockError as error:
                if isinstance(error, ConfigError) or (type(error) is StoreError and watcher.board.started_at is None):
                    # Of the journal or the cache, as it says itself; only the words differ from those of the library.
                    raise in_words_of_the_command(error) from error
                if self.show.json and not isinstance(error, SandboxUnavailable):
                    write(to_json({**self._place(question), **broken_fields(error, watcher.board)}))
                raise
        tell(result, watcher.board, self.show, lambda: {**self._place(question), **fields(result, watcher.board)})
        return result.success

    def variables(self) -> str:
        """What the cells left, in a guest's words.

        Raises:
            CellblockError: it cannot be seen.
        """
        return _waited(self.portal, self.chat.variables) or "no variable yet"

    def _place(self, question: str) -> dict[str, Any]:
        return {"thread": self.chat.name, "question": question}


def _waited(portal: BlockingPortal, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a call in the portal's loop. Ctrl-C cancels it, and waits for its end; a second one does not wait."""
    ended = threading.Event()

    async def whole() -> T:
        try:
            return await call()
        finally:
            ended.set()

    future = portal.start_task_soon(whole)
    try:
        result: T = future.result()
        return result
    except KeyboardInterrupt:
        future.cancel()
        ended.wait()
        raise


@contextmanager
def event_loop(ready: Ready) -> Iterator[BlockingPortal]:
    """One for all questions, so that the models' connections live as long as the chat; they are closed in the end."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal("asyncio") as portal:
        try:
            yield portal
        finally:
            for model in {id(model): model for model in ready.models}.values():
                portal.call(model.aclose)
