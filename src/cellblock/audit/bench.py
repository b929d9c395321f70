"""What tests of one's own functions are made with: sessions that block until a cell is over, and canaries that fail a test."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from anyio.from_thread import start_blocking_portal

from ..engine.tools import Tool
from ..limits import ExecLimits
from ..repl.protocol import ExecResult, External, REPLProtocol
from ..values import Value
from .canaries import Canaries
from .norun import tool_externals
from .system import Opening, limits_of
from .systems import find_system

T = TypeVar("T")


class Escaped(AssertionError):
    """A canary was reached."""


class Canary:
    """Live canaries of one test.

    Attributes:
        file: a readable file with a secret in it.
        folder: the folder that it is in.
        variable: the name of an environment variable of this process with a secret.
        port: of 127.0.0.1; nobody has any business there.
        touch: a file that must not appear.
        memory: a secret, to be kept by the functions under test.
    """

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        planted = canaries.planted
        self.file, self.folder, self.variable = planted.file, planted.folder, planted.variable
        self.port, self.touch, self.memory = planted.port, planted.touch, planted.in_memory

    def check(self, *came: object) -> None:
        """Look at all canaries, and for the secrets in what came out: texts, results of cells, anything whose `str` tells it.

        Raises:
            Escaped: one was reached.
        """
        found = [*self._canaries.tripped()]
        for thing in came:
            found += [f"{what} came out" for what in self._canaries.in_text(thing if isinstance(thing, str) else str(thing))]
        if found:
            raise Escaped("; ".join(found))


class BlockingSession:
    """A session for code without an event loop."""

    def __init__(self, bench: Bench, session: REPLProtocol) -> None:
        self._bench, self._session = bench, session

    def exec(self, code: str, *, limits: ExecLimits | None = None) -> ExecResult:
        """Run one cell whole; see `REPLProtocol.exec`."""
        return self._bench.wait(lambda: self._session.exec(code, limits=limits))

    def get(self, name: str) -> Value:
        """A variable's value; see `REPLProtocol.get`."""
        return self._bench.wait(lambda: self._session.get(name))

    def set(self, name: str, value: Value) -> None:
        """Bind a variable; see `REPLProtocol.set`."""
        self._bench.wait(lambda: self._session.set(name, value))

    def close(self) -> None:
        """End it. Harmless when called twice; the fixture does it, too."""
        self._bench.wait(self._session.aclose)


class Bench:
    """Opens sessions of one system, and closes them all at its end."""

    def __init__(self, name: str) -> None:
        self._system = find_system(name)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Itself."""
        self._portal = self._stack.enter_context(start_blocking_portal("asyncio"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close all sessions."""
        self._stack.close()

    def __call__(
        self,
        *,
        tools: Sequence[Callable[..., Any] | Tool] = (),
        context: str = "no context",
        limits: ExecLimits | None = None,
        **externals: External,
    ) -> BlockingSession:
        """A session with these tools and externals, beside those of the system.

        Raises:
            ConfigError: one of them cannot be called from cells.
            SandboxUnavailable: the system does not start here.
        """
        opening = Opening(
            externals={**self._system.own_externals(), **tool_externals(tools), **externals},
            context=context,
            limits=limits or limits_of(2.0),
        )
        session = BlockingSession(self, self.wait(lambda: self._system.open(opening)))
        self._stack.callback(session.close)
        return session

    def wait(self, call: Callable[[], Coroutine[Any, Any, T] | Any]) -> T:
        """What a coroutine of a session comes to."""

        async def awaited() -> T:
            result: T = await call()
            return result

        return self._portal.call(awaited)
