"""The engine over real sessions, behind both walls."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from cellblock.engine.run import RLM
from cellblock.events import CellEnded, ModelAsked, RunStarted
from cellblock.limits import ExecLimits, RunLimits
from cellblock.models import ScriptedModel
from cellblock.store.journal import Journal

from .test_driver import Stuck

pytestmark = pytest.mark.anyio


def cells(*codes: str, end: str = "FINAL(done)") -> ScriptedModel:
    return ScriptedModel([f"```repl\n{code}\n```" for code in codes] + [end], name="root")


async def test_a_question_is_answered_over_a_context_with_sub_calls() -> None:
    model = cells("parts = [text for start, end, text in ctx.chunk(4)]\nFINAL(llm_query_batched(parts))")
    sub = ScriptedModel(fallback=lambda messages: messages[-1].content.upper())
    result = await RLM(model, sub_model=sub, journal=":memory:").arun("shout", "abcdefghij")
    assert result.error is None
    assert result.value == ["ABCD", "EFGH", "IJ"]
    assert result.subcalls == 3


async def test_variables_persist_and_final_var_keeps_the_type() -> None:
    result = await RLM(cells("n = len(P)", "d = {'n': n, 'head': P[:3]}", end="FINAL_VAR(d)"), journal=":memory:").arun("q", "abcdef")
    assert result.value == {"n": 6, "head": "abc"}


async def test_a_missing_variable_is_told_to_the_model() -> None:
    model = ScriptedModel(["FINAL_VAR(nothing)", "FINAL(ok)"])
    await RLM(model, journal=":memory:").arun("q", "c")
    assert "Refused: there is no variable named nothing" in model.calls[-1].prompt


async def test_a_child_run_reads_its_own_context_in_its_own_session() -> None:
    model = ScriptedModel(
        [
            "```repl\nx = 1\nFINAL([rlm_query('how long?', ['ab', 'cde']), x, len(P)])\n```",
            "```repl\nx = 2\nFINAL(ctx.num_documents())\n```",
        ]
    )
    result = await RLM(model, journal=":memory:").arun("q", "parent")
    assert result.value == [2, 1, 6]
    assert [event.depth for event in result.trace if isinstance(event, RunStarted)] == [0, 1]


async def test_an_error_in_a_cell_is_read_by_the_model_with_its_line() -> None:
    model = cells("print('before')\n1 / 0")
    await RLM(model, journal=":memory:").arun("q", "c")
    assert "before\nError: ZeroDivisionError: division by zero (line 2)" in model.calls[-1].prompt


async def test_a_passed_limit_is_read_by_the_model() -> None:
    model = cells("while True: pass")
    await RLM(model, journal=":memory:", exec_limits=ExecLimits(wall_seconds=0.3)).arun("q", "c")
    assert "The cell was stopped by its limit wall_seconds." in model.calls[-1].prompt


async def test_a_used_up_budget_is_a_runtime_error_in_the_cell_and_ends_the_run() -> None:
    code = "try:\n    llm_query_batched(['a', 'b', 'c'])\nexcept RuntimeError as e:\n    print(e)"
    result = await RLM(cells(code, "never"), journal=":memory:", limits=RunLimits(subcalls=2)).arun("q", "c")
    assert (result.success, result.answer) == (False, "the run's budget is used up: the run's subcalls=2 exceeded: 3")


async def test_wrong_arguments_are_a_type_error_in_the_cell() -> None:
    model = cells("llm_query('x', temperature=2)")
    await RLM(model, journal=":memory:").arun("q", "c")
    assert "Error: TypeError: llm_query() got an unexpected keyword argument 'temperature'" in model.calls[-1].prompt


async def test_the_engines_names_are_all_there_in_a_cell() -> None:
    model = cells("FINAL([llm_query('a'), llm_batch(['b'])[0], llm_query_batch(['c'])[0], llm_query('d', 'task')])")
    result = await RLM(model, sub_model=ScriptedModel(fallback="y"), journal=":memory:").arun("q", "c")
    assert result.value == ["y"] * 4


def test_one_object_runs_twice_from_code_without_a_loop(tmp_path: Path) -> None:
    rlm = RLM(ScriptedModel(fallback="```repl\nFINAL(len(P))\n```"), journal=tmp_path / "j.db")
    assert [rlm.run("q", "x" * n).value for n in (3, 5)] == [3, 5]


async def test_leaving_a_stream_ends_the_cell_and_the_sub_call_in_flight(tmp_path: Path) -> None:
    stuck = Stuck()
    stream = RLM(cells("llm_query('x')"), sub_model=stuck, journal=tmp_path / "j.db").stream("q", "c")
    with anyio.fail_after(20):
        async with stream:
            async for event in stream:
                if isinstance(event, ModelAsked) and event.role == "subcall":
                    await stuck.asked.wait()
                    break
    assert stuck.cancelled == 1
    with Journal(tmp_path / "j.db") as journal:
        assert [run.status for run in journal.runs()] == ["cancelled"]


async def test_waiting_for_a_model_is_not_charged_to_the_cell() -> None:
    async def slow(prompt: str) -> str:
        await anyio.sleep(0.6)  # the latency under test
        return "late"

    result = await RLM(cells("FINAL(llm_query('x'))"), sub_model=slow, journal=":memory:", exec_limits=ExecLimits(wall_seconds=0.5)).arun(
        "q", "c"
    )
    assert result.value == "late"
    assert [event.limit for event in result.trace if isinstance(event, CellEnded)] == [None]
