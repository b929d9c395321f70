"""Sessions, forks, dumps, limits and kills in any order: every session has the variables that a plain namespace would have."""

from __future__ import annotations

import copy
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
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

from cellblock.limits import ExecLimits
from cellblock.repl.session import Session, open_session
from cellblock.repl.snapshot import Snapshot

T = TypeVar("T")
SHORT = ExecLimits(wall_seconds=0.15)
CELLS = [
    "n = n + 1",
    "items.append(n)",
    "items = [n, items[-3:]]",
    "alias = items",
    "table[str(n)] = alias",
    "text = text + str(n) + 'é'",
    "table.pop('0', None)",
    "n = step(n)",
    "items.append(n)\n1 / 0",
    "answer['content'] = [n, alias]",
    "finish(n)",
    "finish(text)\n1 / 0",
    "from collections import Counter\nitems.append(sorted(Counter(text).items())[:2])",
]
BEGINNING = "n = 0\nitems = []\nalias = items\ntable = {}\ntext = ''\ndef step(x):\n    return x * 3 + n"
BEGINNING += "\ndef finish(x):\n    answer['content'], answer['ready'] = x, True"
NAMES = ("n", "items", "alias", "table", "text", "answer")


class Model(dict[str, Any]):
    """A plain namespace; copies keep what is shared within."""

    def run(self, code: str) -> Any:
        """Run a cell; the answer that it gave, if any."""
        self.setdefault("answer", {"content": None, "ready": False})
        try:
            exec(code, self)
        except ZeroDivisionError:
            return None
        answer = self["answer"]
        ready, answer["ready"] = answer["ready"], False
        return answer["content"] if ready else None

    def copied(self) -> Model:
        other = Model({name: value for name, value in self.items() if name.startswith("__")})
        other.run(BEGINNING)
        other.update(copy.deepcopy({name: self[name] for name in NAMES}))
        return other

    def shown(self) -> Any:
        return [self[name] for name in NAMES] + [self["alias"] is self["items"]]


class Sessions(RuleBasedStateMachine):
    sandbox = "monty"
    sessions = Bundle("sessions")
    dumps = Bundle("dumps")
    portal: BlockingPortal

    def __init__(self) -> None:
        super().__init__()
        self.running = start_blocking_portal()
        self.portal = self.running.__enter__()
        self.open: list[tuple[Session, Model]] = []

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        async def waited() -> T:
            return await work

        return self.portal.call(waited)

    def added(self, session: Session, model: Model) -> tuple[Session, Model]:
        self.open.append((session, model))
        return session, model

    @initialize(target=sessions)
    def first(self) -> tuple[Session, Model]:
        return self.begin()

    @precondition(lambda self: len(self.open) < 3)
    @rule(target=sessions)
    def another(self) -> tuple[Session, Model]:
        return self.begin()

    def begin(self) -> tuple[Session, Model]:
        session, model = self.wait(open_session(self.sandbox)), Model()
        self.wait(session.exec(BEGINNING))
        model.run(BEGINNING)
        return self.added(session, model)

    @rule(one=sessions, code=st.sampled_from(CELLS))
    def cell(self, one: tuple[Session, Model], code: str) -> None:
        result = self.wait(one[0].exec(code))
        assert result.final == _plain(one[1].run(code)), result

    @rule(one=sessions)
    def cell_that_runs_out_of_time(self, one: tuple[Session, Model]) -> None:
        result = self.wait(one[0].exec("items.append('late')\nwhile True:\n    pass", limits=SHORT))
        if result.state == "kept":
            one[1].run("items.append('late')")

    @rule(one=sessions)
    def kill(self, one: tuple[Session, Model]) -> None:
        live = one[0]._standing.live
        if live is None:
            return
        os.kill(live.process.pid, signal.SIGKILL)
        assert self.wait(one[0].exec("n = 1000")).state == "rolled_back"

    @precondition(lambda self: len(self.open) < 6)
    @rule(target=sessions, one=sessions)
    def fork(self, one: tuple[Session, Model]) -> tuple[Session, Model]:
        return self.added(self.wait(one[0].fork()), one[1].copied())

    @rule(target=dumps, one=sessions)
    def dump(self, one: tuple[Session, Model]) -> tuple[Snapshot, Model]:
        return self.wait(one[0].dump()), one[1].copied()

    @rule(target=sessions, one=dumps)
    def load(self, one: tuple[Snapshot, Model]) -> tuple[Session, Model]:
        return self.added(self.wait(open_session(self.sandbox, snapshot=bytes(one[0]))), one[1].copied())

    @rule(one=consumes(sessions))
    def close(self, one: tuple[Session, Model]) -> None:
        self.wait(one[0].aclose())
        self.open.remove(one)

    @invariant()
    def variables_are_those_of_the_model(self) -> None:
        for session, model in self.open:
            shown = self.wait(session.exec(f"FINAL([{', '.join(NAMES)}, alias is items])"))
            assert shown.final == _plain(model.shown()), shown
            model["answer"]["ready"] = False  # a cell that gave its answer by FINAL takes the mark away

    def teardown(self) -> None:
        for session, _ in self.open:
            self.wait(session.aclose())
        self.running.__exit__(None, None, None)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def test_any_order_of_cells_forks_dumps_limits_and_kills(sandbox: str) -> None:
    examples = int(os.environ.get("CELLBLOCK_EXAMPLES", "12"))
    machine = type("Sessions", (Sessions,), {"sandbox": sandbox})
    checks = settings(max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=checks)


@pytest.mark.anyio
async def test_many_forks_at_once_are_independent(sandbox: str) -> None:
    async with await open_session(sandbox) as root:
        await root.exec("x = [0]")
        forks = [await root.fork() for _ in range(10)]

        async def work(number: int, fork: Session) -> None:
            await fork.exec(f"x.append({number})")
            assert (await fork.exec("x")).value_preview == f"[0, {number}]"

        async with anyio.create_task_group() as group:
            for number, fork in enumerate(forks):
                group.start_soon(work, number, fork)
        for fork in forks:
            await fork.aclose()
        assert (await root.exec("x")).value_preview == "[0]"
