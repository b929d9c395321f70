"""What a replay says of a run whose record, or whose surroundings, have changed: the first difference, in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cellblock import RLM, Guards, RunLimits, ScriptedModel
from cellblock.engine import prompt
from cellblock.errors import ConfigError, StoreError
from cellblock.models.protocol import Message

from . import story
from .recorded import edit, outcome_of, rlm, story_rlm

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(tmp_path: Path) -> RLM:
    return story_rlm(tmp_path, "restricted")


@pytest.fixture
async def run_id(engine: RLM) -> str:
    return (await engine.arun(story.QUESTION, story.CONTEXT)).run_id


def task(**changed: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda recorded: recorded | changed


def with_stdout(outcome: dict[str, Any]) -> dict[str, Any]:
    return outcome | {"result": outcome["result"] | {"stdout": outcome["result"]["stdout"].replace("NAME 2", "NAME 5", 1)}}


CHANGES = {
    "the guards": (
        "runs",
        "number = 1",
        lambda old: old | {"guards": old["guards"] | {"min_steps": 9}},
        "/1: what was asked differs from its record, at guards.min_steps: 1 is now 9",
    ),
    "the seed": ("runs", "number = 1", task(seed=1), "/1: what was asked differs from its record, at seed: "),
    "the tools": ("runs", "number = 1", task(tools=[]), "ask 1 differs from its record, at messages[0].content["),
    "the question": ("runs", "number = 1", task(question="another"), "ask 1 differs from its record, at messages[1].content["),
    "what a cell did": (
        "outcomes",
        outcome_of("exec", "1.0"),
        with_stdout,
        "the outcome of exec 1.0 differs from its record, at result.stdout[",
    ),
    "a reply": (
        "outcomes",
        outcome_of("ask", "5"),
        lambda old: old | {"text": "```repl\nsolo = 1\n```"},
        "exec 5.0 differs from its record, at code[",
    ),
    "an answer to a sub-call": (
        "outcomes",
        outcome_of("call", "1.0.2"),
        lambda old: old | {"text": "<X>"},
        "the outcome of exec 1.0 differs from its record, at result.stdout[",
    ),
    "a cell's code": (
        "effects",
        "kind = 'exec' AND key = '3.0'",
        lambda old: old | {"code": old["code"] + " "},
        "exec 3.0 differs from its record, at code[",
    ),
    "an answer of a tool": (
        "outcomes",
        outcome_of("tool", "3.0.1"),
        lambda old: {"value": "nothing"},
        "call 3.0.2 differs from its record, at prompt[",
    ),
    "a child's answer": (
        "outcomes",
        outcome_of("run", "5.0.1"),
        lambda old: old | {"value": "changed"},
        "the outcome of run 5.0.1 differs from its record, at value[",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_by_hand_is_named_in_one_line(engine: RLM, run_id: str, tmp_path: Path, what: str):
    table, where, change, named = CHANGES[what]
    edit(tmp_path, table, where, change)
    again = await engine.recorded(run_id).areplay()
    assert not again.same
    assert again.difference is not None
    assert named in again.difference
    assert "\n" not in again.difference and len(again.difference) < 400


async def test_a_prompt_that_is_another_now_is_named(engine: RLM, run_id: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prompt, "next_message", lambda notes, *, last_step=False: Message("user", "Go on. " + str(notes)))
    again = await engine.recorded(run_id).areplay()
    assert again.difference is not None and "ask 2 differs from its record, at messages[1].content[" in again.difference


async def test_another_context_is_refused(engine: RLM, run_id: str):
    with pytest.raises(ConfigError, match="not the context that it was asked about"):
        await engine.recorded(run_id).areplay("another text")


async def test_models_tools_and_settings_are_those_on_record(tmp_path: Path, run_id: str):
    others = rlm(ScriptedModel(), tmp_path, sandbox="monty", seed=7, guards=Guards(min_steps=3), limits=RunLimits(steps=4))
    assert (await others.recorded(run_id).areplay()).same


@pytest.mark.parametrize(("written", "told"), [(99, "a newer version"), (1, "an older version")])
async def test_a_record_of_another_version_is_refused(engine: RLM, run_id: str, tmp_path: Path, written: int, told: str):
    edit(tmp_path, "runs", "number = 1", task(format=written))
    with pytest.raises(StoreError, match=told):
        await engine.recorded(run_id).areplay()


async def test_a_row_too_many_is_a_difference(engine: RLM, run_id: str, tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database, database:
        (run, seq), *_ = database.execute("SELECT run, seq FROM effects WHERE kind = 'ask' AND key = '8'")
        for sql in (
            "INSERT INTO effects SELECT run, 999, kind, '9', payload, started FROM effects WHERE run = ? AND seq = ?",
            "INSERT INTO outcomes SELECT run, 999, outcome, ended FROM outcomes WHERE run = ? AND seq = ?",
        ):
            database.execute(sql, (run, seq))
    again = await engine.recorded(run_id).areplay()
    assert again.difference == f"{run_id}: ask 9 is on record, and was not done this time"
