from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import pytest

from cellblock.engine import driver
from cellblock.errors import DeadlineExceeded, MaxTokensExceeded, ModelRefused, SandboxBroken, SandboxUnavailable, StoreError
from cellblock.events import CellEnded, CellStarted, ModelAnswered, ModelAsked, Refused, RunEnded, RunStarted, SessionOpened
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message, ModelResponse

from .doubles import DictREPL, Stage, cells

pytestmark = pytest.mark.anyio


class Stuck:
    """A model that never answers."""

    name = "stuck"

    def __init__(self) -> None:
        self.asked, self.cancelled = anyio.Event(), 0

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled += 1
        raise AssertionError

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_a_run_tells_its_events_in_order() -> None:
    stage = Stage(cells("x = await llm_query('hi')\nprint(x)", end="FINAL_VAR(x)"), ScriptedModel(["ho"], name="sub"))
    end = await stage.answer()
    assert (end.success, end.value) == (True, "ho")
    kinds = [
        RunStarted,
        SessionOpened,
        ModelAsked,
        ModelAnswered,
        CellStarted,
        ModelAsked,
        ModelAnswered,
        CellEnded,
        ModelAsked,
        ModelAnswered,
        RunEnded,
    ]
    assert [type(event) for event in stage.events] == kinds
    assert [event.call_id for event in stage.of(ModelAsked)] == ["r:1", "r:1.0.1", "r:2"]
    assert [event.role for event in stage.of(ModelAsked)] == ["root_call", "subcall", "root_call"]
    assert stage.of(CellEnded)[0].stdout == "ho\n"


async def test_the_journal_holds_every_effect_with_its_outcome() -> None:
    stage = Stage(cells("x = [await llm_query('hi')]", end="FINAL_VAR(x)"), ScriptedModel(["ho"]))
    await stage.answer("why?")
    run = stage.tree.journal.run("r")
    effects = stage.tree.journal.effects("r")
    assert (run.status, run.task["question"], run.result["value"], run.result["success"]) == ("ended", "why?", ["ho"], True)
    assert [(effect.kind, effect.key) for effect in effects] == [
        ("ask", "1"),
        ("exec", "1.0"),
        ("call", "1.0.1"),
        ("ask", "2"),
        ("get", "2"),
    ]
    assert [effect.outcome["text"] for effect in effects if effect.kind == "call"] == ["ho"]
    assert all(effect.ended is not None for effect in effects)


async def test_only_new_messages_go_into_the_journal() -> None:
    stage = Stage(cells("1", "2", "3"))
    await stage.answer()
    told = [effect.payload for effect in stage.tree.journal.effects("r") if effect.kind == "ask"]
    assert [(part["shown"], len(part["messages"])) for part in told] == [(2, 2), (4, 2), (6, 2), (8, 2)]


async def test_an_effect_is_on_record_before_it_is_performed() -> None:
    stage = Stage(Stuck())
    async with anyio.create_task_group() as group:
        group.start_soon(stage.answer)
        await stage.tree.models.root.asked.wait()  # type: ignore[attr-defined]
        (effect,) = stage.tree.journal.effects("r")
        assert (effect.kind, effect.ended, stage.tree.journal.run("r").status) == ("ask", None, "running")
        group.cancel_scope.cancel()


async def test_a_cancelled_run_is_marked_and_its_sub_calls_and_session_are_ended() -> None:
    stuck = Stuck()
    stage = Stage(cells("await llm_query_batched(['a', 'b', 'c'])"), stuck)
    async with anyio.create_task_group() as group:
        group.start_soon(stage.answer)
        await stuck.asked.wait()
        group.cancel_scope.cancel()
    assert stuck.cancelled == 3
    assert stage.sessions[0].closed
    assert stage.tree.journal.run("r").status == "cancelled"
    assert (stage.events[-1].error, stage.events[-1].success) == ("cancelled", False)  # type: ignore[union-attr]
    assert stage.tree.limiter.borrowed_tokens == 0


async def test_cancelling_reaches_a_sub_call_in_a_child_run_and_marks_both_runs() -> None:
    stuck = Stuck()
    root = ScriptedModel(["```repl\nawait rlm_query('q')\n```", "```repl\nawait llm_query('x')\n```"])
    stage = Stage(root, stuck)
    async with anyio.create_task_group() as group:
        group.start_soon(stage.answer)
        await stuck.asked.wait()
        group.cancel_scope.cancel()
    assert [(run.run_id, run.status) for run in stage.tree.journal.runs()] == [("r", "cancelled"), ("r/1", "cancelled")]
    assert all(session.closed for session in stage.sessions)


async def test_the_deadline_ends_a_run_within_a_call_with_its_partial_answer() -> None:
    stage = Stage(cells("print('so far')", "await llm_query('x')"), Stuck(), limits=RunLimits(wall_seconds=0.2))
    started = time.monotonic()
    end = await stage.answer()
    assert (end.success, end.value) == (False, "so far")
    assert isinstance(end.failure, DeadlineExceeded)
    assert time.monotonic() - started < 2
    assert stage.tree.journal.run("r").status == "ended"


async def test_a_call_that_the_deadline_cuts_off_has_ended_in_the_journal_and_in_the_trace() -> None:
    for _ in range(5):
        stage = Stage(Stuck(), limits=RunLimits(wall_seconds=0.05))
        await stage.answer()
        (row,) = stage.tree.journal.effects("r")
        assert row.outcome["error"] == "DeadlineExceeded"
        assert [event.error for event in stage.of(ModelAnswered)] == ["the run's time was over"]


async def test_a_cell_that_the_deadline_cuts_off_has_ended_in_the_journal_and_in_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "AFTER_SECONDS", 0.05)
    stage = Stage(cells("import asyncio\nawait asyncio.sleep(60)"), limits=RunLimits(wall_seconds=0.2))
    end = await stage.answer()
    assert isinstance(end.failure, DeadlineExceeded)
    (row,) = [effect for effect in stage.tree.journal.effects("r") if effect.kind == "exec"]
    assert row.outcome["error"] == "DeadlineExceeded"
    assert [event.error.partition(":")[0] for event in stage.of(CellEnded)] == ["DeadlineExceeded"]


async def test_a_prompt_beyond_the_tokens_ends_the_run_before_the_call() -> None:
    model = cells("1")
    end = await Stage(model, limits=RunLimits(tokens=50)).answer()
    assert isinstance(end.failure, MaxTokensExceeded)
    assert model.calls == []


async def test_a_failing_model_is_raised_and_the_run_marked_failed() -> None:
    stage = Stage(ScriptedModel([ModelRefused("no such model", status=404)]))
    with pytest.raises(ModelRefused):
        await stage.answer()
    assert stage.tree.journal.run("r").status == "failed"
    assert stage.tree.journal.effects("r")[0].outcome == {"error": "ModelRefused", "message": "no such model", "status": 404}
    assert stage.events[-1].error == "ModelRefused: no such model"  # type: ignore[union-attr]
    assert stage.sessions[0].closed


async def test_a_broken_sandbox_is_raised() -> None:
    class Broken(DictREPL):
        async def exec(self, code: str, *, limits: object = None) -> Any:
            raise SandboxBroken("it lied")

    stage = Stage(cells("1"))

    async def opened(*_: object, **__: object) -> Broken:
        return Broken({}, None)

    stage.tree.open_session = opened
    with pytest.raises(SandboxBroken):
        await stage.answer()
    assert stage.tree.journal.run("r").status == "failed"


async def test_a_session_that_does_not_open_fails_the_run() -> None:
    async def missing(*_: object, **__: object) -> DictREPL:
        raise SandboxUnavailable("no guest")

    stage = Stage(cells("1"))
    stage.tree.open_session = missing
    with pytest.raises(SandboxUnavailable):
        await stage.answer()
    assert [type(event) for event in stage.events] == [RunEnded]


async def test_a_full_disk_within_a_cells_call_ends_the_run_and_is_not_told_to_the_cell() -> None:
    stage = Stage(
        cells("try:\n    await llm_query('x' * 100_000)\nexcept Exception as e:\n    print(e)", "never"), ScriptedModel(fallback="s")
    )
    db = stage.tree.journal._db
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 8}")
    with pytest.raises(StoreError, match="full"):
        await stage.answer()
    assert stage.of(CellEnded)[0].stdout == "the run cannot go on\n"


async def test_refusals_are_events_and_on_record() -> None:
    stage = Stage(ScriptedModel(["Hm.", "FINAL(1)"]))
    await stage.answer()
    assert len(stage.of(Refused)) == 1
    assert [effect.kind for effect in stage.tree.journal.effects("r")] == ["ask", "refuse", "ask"]


async def test_half_a_surrogate_from_a_model_does_not_stop_the_run() -> None:
    end = await Stage(ScriptedModel(["FINAL(a\ud800b)"])).answer()
    assert end.value == "a?b"


async def test_a_final_value_of_any_plain_type_is_kept_in_journal_and_events() -> None:
    stage = Stage(cells("FINAL({'n': 2**100, 'b': b'\\xff', 'x': [None, 1.5]})"))
    end = await stage.answer()
    assert stage.tree.journal.run("r").result["value"] == end.value == {"n": 2**100, "b": b"\xff", "x": [None, 1.5]}


async def test_steps_cost_little_beside_the_model() -> None:
    stage = Stage(cells(*[f"x = {number}" for number in range(100)]), limits=RunLimits(steps=101))
    started = time.process_time()
    end = await stage.answer()
    assert end.success
    assert (time.process_time() - started) / 101 < 0.002
