"""Sessions, forks, dumps, limits, kills and tenants in any order: every session has the variables that a plain namespace would have.

After every step all sessions are looked at: they hold what their models hold, and their own tenant's secret. In the end nothing is left.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from ground import TooSlow, children, stood_still, watched
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from namespace import BEGINNING, CELLS, NAMES, Model, as_lists, ask

from cellblock.errors import SandboxBroken, TamperedSnapshot
from cellblock.limits import ExecLimits
from cellblock.repl.live import FrozenWorker
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import running_spares

T = TypeVar("T")
SHORT = ExecLimits(wall_seconds=0.15)
TENANTS = ("one", "two")
MOST = 6
SECRET_KEY = b"the key that seals what the machine dumps"
_END_SECONDS = 5.0


@dataclass(eq=False)
class One:
    """A session and its model."""

    session: Session
    model: Model
    tenant: str


@dataclass(eq=False)
class Dumped:
    """A snapshot and the model at that moment."""

    data: bytes
    model: Model
    tenant: str


@dataclass(frozen=True)
class Process:
    """A process by its number and the moment it began: numbers are used anew."""

    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """The one that has that number now."""
        return cls(pid, _stat(pid)[19])

    @property
    def is_running(self) -> bool:
        """Whether it is there, and no zombie."""
        state = _stat(self.pid)
        return state[0] not in "ZX" and state[19] == self.began


def _stat(pid: int) -> list[str]:
    """From the state on; of a process that is gone as of a dead one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", *[""] * 30]


class Sessions(RuleBasedStateMachine):
    """Any order of what can be done to sessions, and to the processes behind them."""

    sandbox = "monty"
    sessions: Bundle[One] = Bundle("sessions")
    dumps: Bundle[Dumped] = Bundle("dumps")
    portal: BlockingPortal
    stalls: ClassVar[list[tuple[float, str]]] = []
    """For how many seconds the event loop stood still, and in which step, where that was for too long."""

    def __init__(self) -> None:
        super().__init__()
        self.running = start_blocking_portal()
        self.portal = self.running.__enter__()
        self.open: list[One] = []
        self.seen: set[Process] = set()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine gives; for how long the event loop stood still meanwhile is noted."""

        async def waited() -> T:
            return await work

        caller = sys._getframe(1).f_code.co_name
        return self.portal.call(watched, waited, lambda seconds: self.stalls.append((seconds, caller)))

    def added(self, session: Session, model: Model, tenant: str) -> One:
        one = One(session, model, tenant)
        self.open.append(one)
        self.remember(one)
        return one

    def remember(self, one: One) -> None:
        live = one.session._standing.live
        if live is not None:
            self.seen.update(map(Process.of, live.process.pids))

    def opened(self, tenant: str, snapshot: bytes | None = None) -> Session:
        return self.wait(open_session(self.sandbox, externals={"ask": ask}, tenant=tenant, snapshot=snapshot, snapshot_secret=SECRET_KEY))

    def exec(self, one: One, code: str, limits: ExecLimits | None = None) -> Any:
        """The cell's result; a session that may be lost and is lost is forgotten, and gives None."""
        try:
            result = self.wait(one.session.exec(code, limits=limits))
        except SandboxBroken:
            if not self.may_be_lost(one):
                raise
            self.forget(one)
            return None
        self.remember(one)
        return result

    def may_be_lost(self, one: One) -> bool:
        """What it went back to was a process, and somebody killed that."""
        base = one.session._standing.history.base
        return isinstance(base, FrozenWorker) and not base.live.process.alive

    def forget(self, one: One) -> None:
        self.wait(one.session.aclose())
        self.open.remove(one)

    @initialize(target=sessions)
    def first(self) -> One:
        return self.begin(TENANTS[0])

    @precondition(lambda self: len(self.open) < 4)
    @rule(target=sessions, tenant=st.sampled_from(TENANTS))
    def another(self, tenant: str) -> One:
        return self.begin(tenant)

    def begin(self, tenant: str) -> One:
        session, model = self.opened(tenant), Model()
        self.wait(session.exec(BEGINNING))
        self.wait(session.set("secret", secret_of(tenant)))
        model.run(BEGINNING)
        return self.added(session, model, tenant)

    @rule(one=sessions, code=st.sampled_from(CELLS))
    def cell(self, one: One, code: str) -> None:
        if self.lost(one) or (result := self.exec(one, code)) is None:
            return
        assert result.state == "kept", result
        assert result.final == as_lists(one.model.run(code)), result

    def lost(self, one: One) -> bool:
        return one not in self.open

    @rule(one=sessions)
    def cell_that_runs_out_of_time(self, one: One) -> None:
        if self.lost(one) or (result := self.exec(one, "items.append('late')\nwhile True:\n    pass", SHORT)) is None:
            return
        assert result.error is not None and result.error.limit == "wall_seconds", result
        if result.state == "kept":
            one.model.run("items.append('late')")

    @rule(one=sessions)
    def cell_that_is_cancelled(self, one: One) -> None:
        if self.lost(one):
            return

        async def cut_off() -> None:
            result = None
            with anyio.move_on_after(0.03):
                result = await one.session.exec("items.append('cut off')\nwhile True:\n    pass")
            assert result is None, result

        try:
            self.wait(cut_off())
        except SandboxBroken:
            if not self.may_be_lost(one):
                raise
            self.forget(one)

    @rule(one=sessions, value=st.integers(-5, 5))
    def set_and_get(self, one: One, value: int) -> None:
        if self.lost(one):
            return
        try:
            self.wait(one.session.set("n", value))
            assert self.wait(one.session.get("n")) == value
        except SandboxBroken:
            if not self.may_be_lost(one):
                raise
            self.forget(one)
            return
        one.model["n"] = value

    @rule(one=sessions)
    def kill(self, one: One) -> None:
        if self.lost(one) or (live := one.session._standing.live) is None:
            return
        live.process.end()
        self.rolled_back(one)

    def rolled_back(self, one: One) -> None:
        result = self.exec(one, "n = 1000")
        assert result is None or result.state == "rolled_back", result

    @rule(tenant=st.sampled_from(TENANTS))
    def kill_of_the_zygote(self, tenant: str) -> None:
        pool = running_spares(find_sandbox(self.sandbox), tenant)
        if pool is None:
            return
        process, mine = pool.zygote._process, [one for one in self.open if one.tenant == tenant]
        if process.poll() is not None:
            return
        first = next(children(process.pid))
        os.kill(first, signal.SIGSTOP)  # the one that forks, or it would fork another worker while it is ended
        below = {Process.of(pid) for pid in children(process.pid)}
        process.kill()
        process.wait()
        self.await_ends(below)
        for one in mine:
            if one.session._standing.live is not None:
                self.rolled_back(one)

    @precondition(lambda self: len(self.open) < MOST)
    @rule(target=sessions, one=sessions)
    def fork(self, one: One) -> One:
        if self.lost(one):
            return one
        try:
            return self.added(self.wait(one.session.fork()), one.model.copied(), one.tenant)
        except SandboxBroken:
            if not self.may_be_lost(one):
                raise
            self.forget(one)
            return one

    @rule(target=dumps, one=sessions)
    def dump(self, one: One) -> Dumped:
        if self.lost(one):
            one = self.begin(one.tenant)
        try:
            return Dumped(self.wait(one.session.dump()), one.model.copied(), one.tenant)
        except SandboxBroken:
            if not self.may_be_lost(one):
                raise
            self.forget(one)
            one = self.begin(one.tenant)
            return Dumped(self.wait(one.session.dump()), one.model.copied(), one.tenant)

    @precondition(lambda self: len(self.open) < MOST)
    @rule(target=sessions, one=dumps)
    def load(self, one: Dumped) -> One:
        return self.added(self.opened(one.tenant, one.data), one.model.copied(), one.tenant)

    @rule(one=dumps)
    def load_by_another_tenant(self, one: Dumped) -> None:
        other = next(tenant for tenant in TENANTS if tenant != one.tenant)
        with pytest.raises(TamperedSnapshot):
            self.opened(other, one.data)

    @rule(one=consumes(sessions))
    def close(self, one: One) -> None:
        if not self.lost(one):
            self.forget(one)

    @invariant()
    def variables_are_those_of_the_model(self) -> None:
        for one in list(self.open):
            result = self.exec(one, f"FINAL([{', '.join(NAMES)}, alias is items, secret])")
            if result is None:
                continue
            assert result.final == [*one.model.shown(), secret_of(one.tenant)], result
            others = [secret_of(tenant) for tenant in TENANTS if tenant != one.tenant]
            assert not any(secret in repr(result) for secret in others), result
            one.model["answer"]["ready"] = False  # a cell that gave its answer by FINAL takes the mark away

    def await_ends(self, processes: set[Process]) -> None:
        async def ended() -> None:
            left = processes
            with anyio.move_on_after(_END_SECONDS):
                while left := {process for process in left if process.is_running}:
                    await anyio.sleep(0.002)
            assert not left, f"processes are left over: {left}"

        self.wait(ended())

    def teardown(self) -> None:
        try:
            for one in self.open:
                self.wait(one.session.aclose())
            self.await_ends(self.seen)
        finally:
            self.running.__exit__(None, None, None)


def run_stories(machine: type[Sessions], how: settings) -> None:
    """Try stories of sessions.

    Raises:
        TooSlow: the event loop stood still. Not before the end: a story that a busy neighbour cut short is another story the second time.
    """
    machine.stalls = []
    run_state_machine_as_test(machine, settings=how)
    if machine.stalls:
        seconds, step = max(machine.stalls)
        raise TooSlow(f"{step}: {stood_still(seconds)}")


def secret_of(tenant: str) -> str:
    """What its sessions hold, and no other's may show."""
    return f"the-secret-of-tenant-{tenant}"
