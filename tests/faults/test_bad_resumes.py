"""What cannot be resumed is refused in one line, and what was kept for it may be lost: nothing else is."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cellblock import RLM, RunResult
from cellblock.engine.record import Entry, Record
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.errors import CellblockError, ConfigError, StoreError
from cellblock.events import SessionOpened
from cellblock.store.opening import open_store

from . import story
from .recorded import Down, Told, edit, failed, last_run, rlm, story_rlm

pytestmark = pytest.mark.anyio
DOWN_AT = 28
"""The root's reply after its child runs."""


async def cut_off(folder: Path, sandbox: str = "restricted", **settings: Any) -> str:
    """The id of a story that its model left off after four steps."""
    assert "is down" in await failed(story_rlm(folder, sandbox, Down(DOWN_AT), **settings), story.QUESTION, story.CONTEXT)
    return last_run(folder)


async def goes_on(engine: RLM, run_id: str, **asked: Any) -> RunResult:
    result = await engine.recorded(run_id).aresume(**asked)
    assert result.success and result.value["solo"] == "<SOLO PART 1>|<SOLO PART 2>" and result.value["stood"]
    return result


async def refused(engine: RLM, run_id: str, kind: type[CellblockError], **asked: Any) -> str:
    with pytest.raises(kind) as error:
        await engine.recorded(run_id).aresume(**asked)
    told = str(error.value)
    assert "\n" not in told and len(told) < 400
    return told


async def test_a_run_that_was_cut_off_goes_on(tmp_path: Path, sandbox: str):
    run_id = await cut_off(tmp_path, sandbox)
    model = Told()
    await goes_on(story_rlm(tmp_path, sandbox, model), run_id)
    assert model.calls == story.CALLS - DOWN_AT + 1


async def test_a_finished_run_is_refused(tmp_path: Path):
    engine = story_rlm(tmp_path, "monty")
    run_id = (await engine.arun(story.QUESTION, story.CONTEXT)).run_id
    assert "has ended already (final, with an answer)" in await refused(engine, run_id, ConfigError)
    assert (await engine.recorded(run_id).areplay()).same


async def test_a_child_run_is_refused_with_the_name_of_its_run(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    assert f"name the run that it belongs to: {run_id}" in await refused(engine, f"{run_id}/1", CellblockError)
    await goes_on(engine, run_id)


async def test_an_unknown_run_is_refused(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    for unknown in ("20260101-000000-0", "", "x\ny", "x" * 10_000, "a\0b", "../../etc"):
        assert "is on record" in await refused(engine, unknown, ConfigError)
    await goes_on(engine, run_id)


async def test_a_run_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    edit(tmp_path, "runs", "number = 1", lambda task: task | {"format": task["format"] + 1})
    assert "a newer version of Cellblock" in await refused(engine, run_id, StoreError)
    edit(tmp_path, "runs", "number = 1", lambda task: task | {"format": task["format"] - 1})
    await goes_on(engine, run_id)


async def test_another_context_is_refused(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    assert "not the context that it was asked about" in await refused(engine, run_id, ConfigError, context="pears\n")
    await goes_on(engine, run_id, context=story.CONTEXT)


async def test_a_sandbox_that_is_not_there_is_named(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    edit(tmp_path, "runs", "number = 1", lambda task: task | {"sandbox": "gone"})
    assert "no sandbox named 'gone'" in await refused(engine, run_id, CellblockError)
    edit(tmp_path, "runs", "number = 1", lambda task: task | {"sandbox": "restricted"})
    await goes_on(engine, run_id)


async def test_the_sandbox_is_the_one_on_record(tmp_path: Path):
    run_id = await cut_off(tmp_path, "monty")
    await goes_on(story_rlm(tmp_path, "restricted"), run_id)


async def test_a_missing_tool_is_named(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    told = await refused(rlm(Told(), tmp_path), run_id, ConfigError)
    assert "had these tools: weigh" in told
    await goes_on(story_rlm(tmp_path, "restricted"), run_id)


def spoil(folder: Path, sql: str, kind: str) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        assert database.execute(f"{sql} WHERE kind = '{kind}'").rowcount


@pytest.mark.parametrize("how", ["DELETE FROM blobs", "UPDATE blobs SET data = zeroblob(length(data))"], ids=["deleted", "changed"])
async def test_without_its_states_a_run_does_its_cells_again_and_tells(tmp_path: Path, sandbox: str, how: str):
    run_id = await cut_off(tmp_path, sandbox, snapshots=SnapshotPolicy(every=1))
    spoil(tmp_path, how, "snapshot")
    model = Told()
    result = await goes_on(story_rlm(tmp_path, sandbox, model), run_id)
    opened = next(event for event in result.trace if isinstance(event, SessionOpened) and event.run_id == run_id)
    assert opened.cells_again == 6
    assert len(opened.skipped) == 6 and "blob" in opened.skipped[0]
    assert model.calls == story.CALLS - DOWN_AT + 1


async def test_with_its_states_a_run_does_no_cell_again(tmp_path: Path, sandbox: str):
    run_id = await cut_off(tmp_path, sandbox, snapshots=SnapshotPolicy(every=1))
    result = await goes_on(story_rlm(tmp_path, sandbox), run_id)
    opened = next(event for event in result.trace if isinstance(event, SessionOpened) and event.run_id == run_id)
    assert (opened.cells_again, opened.skipped) == (0, ())


@pytest.mark.parametrize("how", ["DELETE FROM blobs", "UPDATE blobs SET data = zeroblob(length(data))"], ids=["deleted", "changed"])
async def test_without_its_context_a_run_needs_it_again(tmp_path: Path, how: str):
    run_id = await cut_off(tmp_path)
    spoil(tmp_path, how, "context")
    engine = story_rlm(tmp_path, "restricted")
    told = await refused(engine, run_id, CellblockError)
    assert "context" in told and "give it again" in told
    await goes_on(engine, run_id, context=story.CONTEXT)


async def test_a_clock_that_was_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run_id = await cut_off(tmp_path, snapshots=SnapshotPolicy(every=1))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3_600)
    engine = story_rlm(tmp_path, "restricted")
    result = await goes_on(engine, run_id)
    assert result.steps == 8
    assert (await engine.recorded(run_id).areplay()).same


async def not_replayed(engine: RLM, run_id: str) -> str:
    """Why a run cannot be replayed: as an error, or as what is different."""
    try:
        replayed = await engine.recorded(run_id).areplay()
    except StoreError as error:
        return str(error)
    assert not replayed.same
    return replayed.difference or ""


BAD_TASKS: dict[str, tuple[dict[str, Any], str]] = {
    "another tenant": ({"tenant": "other"}, "names another tenant"),
    "a question": ({"question": 5}, "question: Expected `str`"),
    "a clock": ({"clock": 1e300}, "clock"),
    "a schema": ({"answer_schema": '{"type": "string", "pattern": "(a+)+"}'}, "answer_schema: schema.pattern"),
    "a schema that is none": ({"answer_schema": "{{"}, "answer_schema: JSON is malformed"),
    "earlier questions": ({"earlier": [[1, 2]]}, "earlier: Expected `str`"),
    "tools": ({"tools": [5]}, "tools: Expected `object`"),
    "models": ({"models": {"root": 5}}, "models: "),
    "variables": ({"left_out": 5}, "left_out: "),
}


@pytest.mark.parametrize("name", BAD_TASKS)
async def test_a_task_that_is_not_as_it_should_be_is_refused(tmp_path: Path, name: str):
    changed, word = BAD_TASKS[name]
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    edit(tmp_path, "runs", "number = 1", lambda task: task | changed)
    assert word in await refused(engine, run_id, StoreError)
    assert word in await not_replayed(engine, run_id)


async def test_a_task_that_is_none_is_refused(tmp_path: Path):
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    edit(tmp_path, "runs", "number = 1", lambda _: 1.5)
    assert "there is no task" in await refused(engine, run_id, StoreError)
    assert "there is no task" in await not_replayed(engine, run_id)


BAD_PAYLOADS: dict[str, tuple[str, Any]] = {
    "an ask": ("ask", 5),
    "a cell": ("exec", {"code": 5}),
    "a child": ("run", {"child": "1"}),
    "a tool": ("tool", {"name": None}),
}


@pytest.mark.parametrize("name", BAD_PAYLOADS)
async def test_an_effect_that_is_none_is_refused(tmp_path: Path, name: str):
    kind, payload = BAD_PAYLOADS[name]
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    edit(tmp_path, "effects", f"kind = '{kind}' AND run = 1", lambda _: payload)
    assert f"its record is not as it should be: {kind} " in await refused(engine, run_id, StoreError)


BAD_OUTCOMES: dict[str, tuple[str, Any]] = {
    "a number": ("ask", 5),
    "a reply": ("ask", {"text": 1.5, "model": "m"}),
    "a failure of nobody": ("ask", {"error": "Unheard", "message": ""}),
    "usage": ("call", {"text": "t", "model": "m", "usage": {"input_tokens": {}}}),
    "a cell that is none": ("exec", {"result": {}}),
    "a cell that failed by another's failure": ("exec", {"error": "StoreError", "message": ""}),
    "a limit": ("exec", {"error": "DeadlineExceeded", "message": ""}),
    "a child": ("run", {"success": "yes", "value": 1, "error": None}),
    "a tool": ("tool", []),
}


@pytest.mark.parametrize("name", BAD_OUTCOMES)
async def test_an_outcome_that_is_none_is_refused(tmp_path: Path, name: str):
    kind, outcome = BAD_OUTCOMES[name]
    run_id = await cut_off(tmp_path)
    engine = story_rlm(tmp_path, "restricted")
    where = f"run = 1 AND seq IN (SELECT seq FROM effects WHERE run = 1 AND kind = '{kind}')"
    edit(tmp_path, "outcomes", where, lambda _: outcome)
    assert f"its record is not as it should be: {kind} " in await refused(engine, run_id, StoreError)
    assert "its record is not as it should be" in await not_replayed(engine, run_id)


def test_what_can_be_read_and_is_too_deep_to_be_compared_is_refused():
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    with open_store(":memory:") as store, pytest.raises(StoreError, match="the outcome of exec 1.0 is nested too deep"):
        Record(store.journal, "r", "replay").finish(Entry(seq=0, kind="exec", key="1.0", recorded=deep), None)
