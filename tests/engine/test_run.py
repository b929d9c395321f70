from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import cellblock.engine.answering
from cellblock.engine.guards import Guards
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError, MaxStepsExceeded, ModelRefused, StoreError
from cellblock.events import AnyEvent, CellStarted, ModelAsked, RunEnded
from cellblock.host.context import Context
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.store.journal import Journal

from .doubles import DictREPL, cells
from .test_driver import Stuck

pytestmark = pytest.mark.anyio


NO_ANSWER = "```repl\n1\n```"
"""Said where an answer alone was asked for."""


@pytest.fixture(autouse=True)
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[DictREPL]]:
    opened: list[DictREPL] = []

    async def open_dict(sandbox: str, *, externals: Any, context: Any, **_: object) -> DictREPL:
        opened.append(DictREPL(externals, context))
        return opened[-1]

    monkeypatch.setattr(cellblock.engine.answering, "open_session", open_dict)
    yield opened
    assert all(session.closed for session in opened)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_the_result_has_the_value_with_its_type_and_its_text(path: Path) -> None:
    result = await RLM(cells("FINAL([1, 'b'])"), journal=path).arun("q", "ctx")
    assert (result.value, result.answer, result.success, result.error) == ([1, "b"], '[1,"b"]', True, None)
    assert (result.steps, result.subcalls, result.usage.calls) == (1, 0, 1)
    assert result.trace.events[-1].run_id == result.run_id
    with Journal(path) as journal:
        assert journal.run(result.run_id).status == "ended"


def test_run_works_twice_on_one_object_and_counts_anew(path: Path) -> None:
    model = ScriptedModel(["```repl\n1\n```", "FINAL(a)", "```repl\n1\n```", "FINAL(b)"])
    rlm = RLM(model, journal=path, limits=RunLimits(steps=2))
    first, second = rlm.run("q", "ctx"), rlm.run("q", "ctx")
    assert [(r.answer, r.steps, r.usage.calls) for r in (first, second)] == [("a", 2, 2), ("b", 2, 2)]
    assert first.run_id != second.run_id


async def test_run_works_under_a_running_loop(path: Path) -> None:
    assert RLM(cells(end="FINAL(x)"), journal=path).run("q", "ctx").answer == "x"


async def test_runs_of_one_object_do_not_mix(path: Path) -> None:
    rlm = RLM(ScriptedModel(fallback=lambda messages: f"FINAL({messages[-1].content.splitlines()[1]})"), journal=path)
    answers: dict[str, str] = {}

    async def ask(question: str) -> None:
        answers[question] = (await rlm.arun(question, "ctx")).answer

    async with anyio.create_task_group() as group:
        for question in "abc":
            group.start_soon(ask, question)
    assert answers == {"a": "a", "b": "b", "c": "c"}


async def test_a_context_that_was_given_open_stays_open(path: Path) -> None:
    with Context.from_text("ctx") as context:
        await RLM(cells(end="FINAL(x)"), journal=path).arun("q", context)
        assert context.head(3) == "ctx"


async def test_out_of_steps_is_a_result_and_an_error_on_request(path: Path) -> None:
    result = await RLM(cells("print('part')", end=NO_ANSWER), journal=path, limits=RunLimits(steps=1)).arun("q", "ctx")
    assert (result.success, result.answer) == (False, "part")
    with pytest.raises(MaxStepsExceeded) as caught:
        result.raise_for_failure()
    assert pickle.loads(pickle.dumps(caught.value)).result.answer == "part"


async def test_a_result_without_failure_gives_itself(path: Path) -> None:
    result = await RLM(cells(end="FINAL(x)"), journal=path).arun("q", "ctx")
    assert result.raise_for_failure() is result


@pytest.mark.parametrize("settings", [{"model": "no-such-model-anywhere"}, {"guards": Guards(min_steps=9), "limits": RunLimits(steps=2)}])
def test_what_cannot_work_is_refused_before_any_run(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        RLM(**{"model": cells(), **settings})


@pytest.mark.parametrize(("question", "context"), [("", "c"), ("  ", "c"), (None, "c"), ("q", ""), ("q", 5)])
async def test_a_missing_question_or_context_is_refused(question: Any, context: Any, path: Path) -> None:
    with pytest.raises(ConfigError):
        await RLM(cells(), journal=path).arun(question, context)


async def test_the_default_journal_is_in_the_users_data_folder(empty_home: Path) -> None:
    result = await RLM(cells(end="FINAL(x)")).arun("q", "ctx")
    (found,) = empty_home.rglob("journal.db")
    with Journal(found) as journal:
        assert [run.run_id for run in journal.runs()] == [result.run_id]


async def test_a_stream_gives_events_while_the_run_goes_on(path: Path) -> None:
    stuck = Stuck()
    stream = RLM(cells("await llm_query('x')"), sub_model=stuck, journal=path).stream("q", "ctx")
    seen: list[AnyEvent] = []
    async with stream:
        async for event in stream:
            seen.append(event)
            if isinstance(event, ModelAsked) and event.role == "subcall":
                break
    assert any(isinstance(event, CellStarted) for event in seen)
    assert not any(isinstance(event, RunEnded) for event in seen)


async def test_a_stream_ends_with_run_ended_and_has_the_result(path: Path) -> None:
    stream = RLM(cells("print(1)", end=NO_ANSWER), journal=path, limits=RunLimits(steps=1)).stream("q", "ctx")
    events = [event async for event in stream]
    assert isinstance(events[-1], RunEnded)
    assert (stream.result.success, stream.result.steps) == (False, 1)
    assert tuple(events) == stream.result.trace.events


async def test_a_stream_obeys_the_depth(path: Path, sessions: list[DictREPL]) -> None:
    model = ScriptedModel(["```repl\nFINAL(await rlm_query('q'))\n```"], fallback="flat")
    stream = RLM(model, journal=path, limits=RunLimits(depth=0)).stream("q", "ctx")
    async for _ in stream:
        pass
    assert stream.result.answer == "flat"
    assert len(sessions) == 1


async def test_leaving_a_stream_early_cancels_the_run(path: Path) -> None:
    stuck = Stuck()
    async for event in RLM(stuck, journal=path).stream("q", "ctx"):
        if isinstance(event, ModelAsked):
            await stuck.asked.wait()
            break
    with anyio.fail_after(5):
        while _status(path) == "running":
            await anyio.lowlevel.checkpoint()
    assert (_status(path), stuck.cancelled) == ("cancelled", 1)


async def test_closing_a_stream_waits_until_the_run_is_gone(path: Path) -> None:
    stuck = Stuck()
    stream = RLM(stuck, journal=path).stream("q", "ctx")
    async for event in stream:
        if isinstance(event, ModelAsked):
            await stuck.asked.wait()
            await stream.aclose()
            break
    assert (_status(path), stuck.cancelled) == ("cancelled", 1)
    with pytest.raises(ConfigError, match="no result"):
        _ = stream.result


async def test_a_stream_raises_what_the_run_raised_after_its_last_event(path: Path) -> None:
    seen = []
    with pytest.raises(ModelRefused):
        async for event in RLM(ScriptedModel([ModelRefused("no")]), journal=path).stream("q", "ctx"):
            seen.append(event)
    assert isinstance(seen[-1], RunEnded)


async def test_a_stream_is_iterated_once(path: Path) -> None:
    stream = RLM(cells(end="FINAL(x)"), journal=path).stream("q", "ctx")
    with pytest.raises(ConfigError, match="no result"):
        _ = stream.result
    assert [event async for event in stream]
    with pytest.raises(ConfigError, match="once"):
        stream.__aiter__()


async def test_cancelling_arun_marks_the_run(path: Path) -> None:
    stuck = Stuck()
    task = asyncio.create_task(RLM(stuck, journal=path).arun("q", "ctx"))
    await stuck.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (_status(path), stuck.cancelled) == ("cancelled", 1)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals arrive in the main thread")
def test_ctrl_c_in_run_cancels_the_run_and_is_raised(path: Path) -> None:
    stuck = Stuck()

    def press(event: AnyEvent) -> None:
        if isinstance(event, ModelAsked):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        RLM(stuck, journal=path).run("q", "ctx", on_event=press)
    assert _status(path) == "cancelled"


def _status(path: Path) -> str:
    with Journal(path) as journal:
        (run,) = journal.runs()
        return run.status


def test_public_names_are_sorted_complete_and_documented() -> None:
    import cellblock

    assert cellblock.__all__ == sorted(cellblock.__all__)
    assert len(cellblock.__all__) <= 25
    assert set(cellblock.__all__) <= set(cellblock._HOME_OF)
    assert all(getattr(cellblock, name).__doc__ for name in cellblock._HOME_OF)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = cellblock.nope


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import asyncio, sys; before = set(sys.modules); import cellblock; print(len(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 3


def test_importing_the_engine_loads_no_provider_and_no_interpreter() -> None:
    heavy = "{'openai', 'anthropic', 'rich', 'uvicorn', 'pydantic_monty', 'typer'}"
    script = f"import sys; from cellblock import RLM; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


async def test_a_data_folder_that_cannot_be_written_is_told_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="name a file with journal="):
        await RLM(cells(end="FINAL(1)")).arun("q", "ctx")
