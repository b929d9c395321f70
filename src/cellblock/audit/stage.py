"""The sessions of one attempt, what is done to them step by step, and what came out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import anyio

from ..errors import CellblockError
from ..limits import ExecLimits
from ..repl.protocol import ExecResult, External, REPLProtocol
from . import hosts, orchestrator, pages
from .attempts import Step, whole
from .evidence import Evidence, Order, Timed
from .hosts import Host
from .system import Opening, System
from .virtual import VirtualFiles

CLOCK = 1_600_000_000.0
OPEN_SECONDS = 30.0
FIRST = Step(open="A")


class NoSuch(Exception):
    """An earlier step did not make the session or the state that this one is about."""


def _single(error: Exception) -> Iterator[BaseException]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _single(inner)
    else:
        yield error


class Stage:
    """One attempt on one system."""

    def __init__(self, system: System, order: Order, limits: ExecLimits, *, with_files: bool = False) -> None:
        assert order.planted is not None
        self.system, self.planted, self.limits = system, order.planted, limits
        self.placeholders = order.planted.placeholders(order.external)
        self.host = Host()
        self.files: dict[str, VirtualFiles] = {}
        self.evidence = Evidence()
        self.sessions: dict[str, REPLProtocol] = {}
        self.states: dict[str, bytes] = {}
        self.asked: list[orchestrator.Asked] = []
        self._allowed: dict[str, ExecLimits] = {}
        self._with_files = with_files
        self._own = {name: self.host.counted(call) for name, call in system.own_externals().items()}

    async def begin(self) -> None:
        """Open the first session."""
        await self.open("A")

    async def end(self) -> None:
        """Close all sessions."""
        for name in list(self.sessions):
            await self.close(name)

    def told(self) -> Evidence:
        """What came of it all. Blocks where there was a run: its screens and its page are looked at."""
        for asked in self.asked:
            seen = asked.look()
            self.evidence.take(seen)
            for piece in pages.showing([came.text for came in seen.came]):
                self.evidence.add("page", "page", piece)
        for received in self.host.received:
            self.evidence.add("A", "argument", received)
        self.evidence.wiped = list(hosts.WIPED)
        if hosts.OWNED[4:] or hosts.OWNED[:4] != ["kept", "by", "the", "host"]:
            self.evidence.wiped.append("a list that the host keeps was changed")
        self.evidence.unequal += [what for files in self.files.values() for what in files.over()]
        return self.evidence

    async def refusable(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it. An error of Cellblock's own is a refusal and no end of the attempt; any other would have ended the host."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - an error that is not ours would have ended its host: that is a finding
            for one in _single(error):
                kept = self.evidence.refused if isinstance(one, CellblockError | NoSuch) else self.evidence.crashed
                kept.append(f"{type(one).__name__}: {one}"[:1_000])
                self.evidence.add("A", "refusal", f"{type(one).__name__}: {one}")

    # -- sessions

    async def open(self, name: str, step: Step = FIRST, snapshot: bytes | None = None) -> None:
        """Another session, as the step says; of that name there is at most one."""
        await self.close(name)
        allowed = replace(self.limits, **{key: type(getattr(self.limits, key))(value) for key, value in step.limits.items()})
        opening = Opening(
            externals={**self.host.externals(), **self._files_of(name), **self._own},
            context=hosts.CONTEXT,
            limits=allowed,
            tenant=whole(step.tenant, self.placeholders),
            clock=CLOCK,
            snapshot=snapshot,
        )
        with anyio.fail_after(OPEN_SECONDS):
            self.sessions[name] = await self.system.open(opening)
        self._allowed[name] = allowed
        self.count_memory()

    def count_memory(self) -> None:
        """A session was opened or a state kept: so much may be held from now on."""
        sessions = sum(self._allowed.get(name, self.limits).memory_bytes for name in self.sessions)
        self.evidence.allowed_bytes = max(self.evidence.allowed_bytes, sessions + sum(map(len, self.states.values())))

    async def close(self, name: str) -> None:
        """Close it, if there is one."""
        if (session := self.sessions.pop(name, None)) is not None:
            with suppress(CellblockError):
                await session.aclose()

    def state(self, name: str) -> bytes:
        """The kept state of that name.

        Raises:
            NoSuch: there is none.
        """
        if name not in self.states:
            raise NoSuch(f"state {name}")
        return self.states[name]

    def session(self, name: str) -> REPLProtocol:
        """The session of that name.

        Raises:
            NoSuch: there is none.
        """
        if name not in self.sessions:
            raise NoSuch(f"session {name}")
        return self.sessions[name]

    def _files_of(self, name: str) -> Mapping[str, External]:
        if not self._with_files:
            return {}
        files = self.files[name] = VirtualFiles()
        return {external: self.host.counted(call) for external, call in files.externals().items()}

    # -- cells

    async def cell(self, step: Step) -> None:
        """Run a cell."""
        assert step.cell is not None
        await self.run(step.session, whole(step.cell, self.placeholders))

    async def run(self, name: str, code: str) -> ExecResult:
        """Run one cell in the session of that name, and take down what comes of it."""
        session, allowed = self.session(name), self._allowed.get(name, self.limits)
        calls, answering, started = self.host.calls, self.host.seconds, anyio.current_time()
        try:
            result = await session.exec(code, limits=allowed)
        finally:
            taken = anyio.current_time() - started - (self.host.seconds - answering)
            self.evidence.timed.append(Timed(seconds=taken, allowed=allowed.wall_seconds))
            self.evidence.calls = max(self.evidence.calls, self.host.calls - calls)
        self._note(name, result)
        return result

    def _note(self, name: str, result: ExecResult) -> None:
        evidence = self.evidence
        evidence.value = result.value_preview
        evidence.error = f"{result.error.kind}: {result.error.message}"[:10_000] if result.error else None
        evidence.add(name, "printed", result.stdout)
        if result.value_preview is not None:
            evidence.add(name, "value", result.value_preview)
        if result.error is not None:
            evidence.add(name, "error", f"{result.error.kind}: {result.error.message}")
        if result.has_final:
            evidence.add(name, "answer", str(result.final)[:1_000_000])
        evidence.output_chars = max(evidence.output_chars, len(result.stdout) + len(result.value_preview or "") + len(evidence.error or ""))

    async def ask(self, step: Step) -> None:
        """Have a question answered; what others see of it is looked at once the loop is not watched any more."""
        sandbox = self.system.sandbox
        assert isinstance(sandbox, str), "systems that offer runs have a sandbox of that name"
        self.asked.append(await orchestrator.ask(step, sandbox=sandbox, limits=self.limits, canaries=dict(self.placeholders)))

    async def together(self, step: Step) -> None:
        """Several cells at once in one session, which may be closed meanwhile."""
        async with anyio.create_task_group() as group:
            for code in step.together or []:
                group.start_soon(self.refusable, lambda code=code: self.run(step.session, whole(code, self.placeholders)))
            if step.close_after is not None:
                await anyio.sleep(step.close_after)
                await self.close(step.session)
