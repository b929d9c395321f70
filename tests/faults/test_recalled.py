"""What a resumed run knows of its earlier attempts: what was paid, counted, refused and left behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from cellblock import RLM, ExecLimits, Models, PromptSettings, RunLimits, ScriptedModel, Tool
from cellblock.engine.tools import ToolLimits
from cellblock.errors import ModelUnavailable
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.repl.live import Live
from cellblock.repl.opening import _opened

from . import checking, story
from .recorded import Down, Told, cell, cells, failed, last_run, rlm, story_rlm

pytestmark = pytest.mark.anyio
ROOT_CALLS = [8, 9, 11, 14, 19, 28, 29]
"""Of all calls of the story, those of the root's own loop."""
DOWN = ModelUnavailable("the model is down")


@pytest.mark.parametrize("at", ROOT_CALLS)
async def test_what_is_used_is_the_same_wherever_a_reply_failed(tmp_path: Path, at: int):
    whole = await story_rlm(tmp_path / "whole", "restricted").arun(story.QUESTION, story.CONTEXT)
    await failed(story_rlm(tmp_path, "restricted", Down(at)), story.QUESTION, story.CONTEXT)
    result = await story_rlm(tmp_path, "restricted").aresume(last_run(tmp_path))
    assert (result.usage, result.steps, result.subcalls, result.value) == (whole.usage, whole.steps, whole.subcalls, whole.value)


async def test_a_failed_reply_that_was_paid_for_counts(tmp_path: Path):
    paid = Usage(input_tokens=1_000, output_tokens=7, calls=1)
    await failed(story_rlm(tmp_path, "restricted", Down(8, usage=paid)), story.QUESTION, story.CONTEXT)
    whole = await story_rlm(tmp_path / "whole", "restricted").arun(story.QUESTION, story.CONTEXT)
    result = await story_rlm(tmp_path, "restricted").aresume(last_run(tmp_path))
    assert result.usage.input_tokens == whole.usage.input_tokens + 1_000
    assert result.usage.calls == whole.usage.calls + 1


class Stops(ScriptedModel):
    """Cancels the run once its script is used up: whatever was open then stays open."""

    scope: anyio.CancelScope

    async def complete(self, messages: Sequence[Message], **more: Any) -> ModelResponse:
        if not self.remaining:
            self.scope.cancel()
            await anyio.sleep_forever()
        return await super().complete(messages, **more)


async def cut_in_a_child(folder: Path, **settings: Any) -> None:
    model = Stops([cell("FINAL(rlm_query('child'))"), cell("x = 1")], name="old")
    with anyio.CancelScope() as model.scope:
        await rlm(model, folder, sandbox="restricted", **settings).arun("q", "c")
    assert model.scope.cancelled_caught


async def test_limits_in_whole_numbers_are_the_same_limits(tmp_path: Path):
    """A child run that was open is asked again, under limits that were read from the record."""
    whole = ExecLimits(wall_seconds=5, cpu_seconds=5)
    await cut_in_a_child(tmp_path, limits=RunLimits(wall_seconds=600), exec_limits=whole)
    resumed = rlm(ScriptedModel([cell("x = x + 1\nFINAL(x)")], name="old"), tmp_path)
    assert (await resumed.aresume(last_run(tmp_path))).value == 2


async def test_another_model_may_go_on_with_a_child_run(tmp_path: Path):
    await cut_in_a_child(tmp_path)
    resumed = rlm(ScriptedModel([cell("x = x + 1\nFINAL(x)")], name="new"), tmp_path)
    assert (await resumed.aresume(last_run(tmp_path))).value == 2


async def test_a_tool_may_be_called_as_often_as_in_one_go(tmp_path: Path):
    def count(what: str) -> str:
        """Count."""
        return what

    tool = Tool.of(count, limits=ToolLimits(calls=3))
    child = cell("print(count('a'), count('b'))\nFINAL(1)")
    tries = "for i in range(3):\n    try:\n        done.append(count(str(i)))\n    except RuntimeError:\n        done.append('no')"
    more = cell(f"done = []\n{tries}\nFINAL(done)")
    await failed(rlm(ScriptedModel([cell("x = rlm_query('child')"), child, DOWN]), tmp_path, sandbox="restricted", tools=[tool]))
    resumed = rlm(ScriptedModel([more]), tmp_path, sandbox="restricted", tools=[tool])
    assert (await resumed.aresume(last_run(tmp_path))).value == ["0", "no", "no"]


async def test_a_run_goes_on_past_what_was_refused(tmp_path: Path):
    await failed(rlm(ScriptedModel(["Hm.", cell("x = 1"), DOWN]), tmp_path))
    result = await rlm(ScriptedModel([cell("FINAL(x)")]), tmp_path).aresume(last_run(tmp_path))
    assert result.value == 1
    assert all(row.ended is not None for rows in checking.recorded(tmp_path).values() for row in rows)


BUSY = "x = 0\ny = [1, 2]\nwhile True:\n    x = x + 1"


@pytest.mark.parametrize("sandbox", ["restricted", "wasi"])
async def test_a_cell_that_was_stopped_by_its_time_is_gone_on_from(tmp_path: Path, sandbox: str):
    limits = ExecLimits(wall_seconds=0.3, cpu_seconds=0.3)
    replies = [cell(BUSY), cell("before = x\nprint(x)"), DOWN]
    await failed(rlm(ScriptedModel(replies), tmp_path, sandbox=sandbox, exec_limits=limits))
    rows = checking.recorded(tmp_path)[last_run(tmp_path)]
    assert next(row.outcome["saved"] for row in rows if row.key == "1.0")
    result = await rlm(ScriptedModel([cell("FINAL([x == before, y])")]), tmp_path).aresume(last_run(tmp_path))
    assert result.value == [True, [1, 2]]


async def test_a_state_that_could_not_be_kept_is_no_answer_to_be_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A process that dies while the state of a stopped cell is kept has not ended the cell: it runs again."""

    async def dies(live: Live, **how: object) -> Any:
        scope.cancel()
        await anyio.sleep_forever()

    limits = ExecLimits(wall_seconds=0.3, cpu_seconds=0.3)
    engine = rlm(ScriptedModel(cells(BUSY)), tmp_path, sandbox="restricted", exec_limits=limits)
    with monkeypatch.context() as patched, anyio.CancelScope() as scope:
        patched.setattr(Live, "dump", dies)
        await engine.arun("q", "c")
    assert scope.cancelled_caught
    assert [row.ended for row in checking.recorded(tmp_path)[last_run(tmp_path)] if row.kind == "exec"] == [None]
    result = await rlm(ScriptedModel([cell("FINAL(y)")]), tmp_path).aresume(last_run(tmp_path))
    assert result.value == [1, 2]


async def test_a_told_run_makes_as_many_calls_as_its_story(tmp_path: Path):
    model = Told()
    await story_rlm(tmp_path, "monty", model).arun(story.QUESTION, story.CONTEXT)
    assert model.calls == story.CALLS


async def test_models_for_children_are_asked_again_by_their_own_names(tmp_path: Path):
    replies = [cell("x = rlm_query('child')"), DOWN]
    models = Models(
        root=ScriptedModel(replies, name="root"), children=[ScriptedModel([cell("FINAL(llm_query('p'))")], name="kid")], sub=Told("sub")
    )
    await failed(RLM(models, journal=tmp_path / "journal.db", secret=b"s" * 32, sandbox="restricted"))
    again = Models(root=ScriptedModel([cell("FINAL(x)")], name="root"), children=[ScriptedModel(name="kid")], sub=Told("sub"))
    result = await RLM(again, journal=tmp_path / "journal.db", secret=b"s" * 32, sandbox="restricted").aresume(last_run(tmp_path))
    assert result.value == "<P>"
    assert {(part.role, part.model, part.depth) for part in result.usage.parts} >= {("subcall", "sub", 1), ("sub_root_call", "kid", 1)}


async def test_a_run_whose_time_is_used_up_ends_with_all_that_it_had_done_counted(tmp_path: Path):
    await failed(story_rlm(tmp_path, "restricted", Down(28)), story.QUESTION, story.CONTEXT)
    use_up_the_time(tmp_path)
    model = Told()
    result = await story_rlm(tmp_path, "restricted", model).aresume(last_run(tmp_path))
    assert (result.ending, model.calls, result.usage.calls, result.subcalls) == ("budget", 0, 27, 20)
    assert result.error is not None and "wall_seconds=3600" in result.error


async def test_a_cell_that_was_cut_off_and_whose_time_is_used_up_is_not_run_again(tmp_path: Path):
    model = Stops([cell("x = llm_query('one')\nprint(rlm_query('child'))"), "one", cell("print(llm_query('two'))")], name="old")
    with anyio.CancelScope() as model.scope:
        await rlm(model, tmp_path, sandbox="restricted").arun("q", "c")
    use_up_the_time(tmp_path)
    result = await rlm(ScriptedModel(name="old"), tmp_path).aresume(last_run(tmp_path))
    assert (result.ending, result.usage.calls, result.subcalls) == ("budget", 3, 3)
    assert (await rlm(ScriptedModel(), tmp_path).recorded(result.run_id).areplay()).same


def use_up_the_time(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        database.execute("UPDATE leases SET active = 9999")


async def test_what_a_model_can_is_not_asked_again_because_a_child_run_had_found_it_out(tmp_path: Path):
    settings: dict[str, Any] = {"sandbox": "restricted", "prompt": PromptSettings(structured_replies="probe")}
    plain = [cell("x = [rlm_query('child')]"), DOWN]
    child = ["no JSON here", cell("FINAL('kid')")]
    models = Models(root=ScriptedModel(["none", *plain], name="root"), children=[ScriptedModel(child, name="kid")])
    await failed(rlm(models, tmp_path, **settings))
    again = ScriptedModel([cell("FINAL('more')")], name="kid")
    models = Models(root=ScriptedModel([cell("x.append(rlm_query('another'))\nFINAL(x)")], name="root"), children=[again])
    result = await rlm(models, tmp_path, **settings).aresume(last_run(tmp_path))
    assert result.value == ["kid", "more"]
    assert (await rlm(models, tmp_path, **settings).recorded(result.run_id).areplay()).same


async def test_a_run_branches_off_behind_a_cell_that_was_stopped_by_its_time(tmp_path: Path):
    limits = ExecLimits(wall_seconds=0.3, cpu_seconds=0.3)
    engine = rlm(ScriptedModel(cells(BUSY, "before = x", "FINAL(0)")), tmp_path, sandbox="restricted", exec_limits=limits)
    run_id = (await engine.arun("q", "c")).run_id
    other = rlm(ScriptedModel(), tmp_path).recorded(run_id)
    result = await other.abranch(3, cell("FINAL([x == before, y])"))
    assert result.value == [True, [1, 2]]
    assert (await engine.recorded(result.run_id).areplay()).same


async def test_a_fork_whose_worker_was_lost_is_not_run_after_all_when_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    taken: list[int] = []

    async def opened(worker: Any, *args: Any) -> Any:
        taken.append(worker.pid)
        if len(taken) == 2:
            worker.kill()
        return await _opened(worker, *args)

    monkeypatch.setattr("cellblock.repl.opening._opened", opened)
    forks = "fork.create('c1', 'f')\ntold = fork.run('f', 'y = 5')['error']"
    first = rlm(ScriptedModel([cell("y = 1\ncheckpoint.create('a')"), cell(forks), DOWN]), tmp_path, sandbox="restricted")
    await failed(first)
    assert len(taken) == 2
    assert all(row.ended is not None for rows in checking.recorded(tmp_path).values() for row in rows)
    result = await rlm(ScriptedModel([cell("strategy.commit('f')"), cell("FINAL(y)")]), tmp_path).aresume(last_run(tmp_path))
    assert result.value == 1
    assert (await first.recorded(result.run_id).areplay()).same
