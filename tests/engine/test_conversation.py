"""Several questions to one REPL, on every sandbox."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from cellblock.engine.conversation import Conversation
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError, ModelRefused
from cellblock.host.context import Context
from cellblock.host.joining import assembled, documents_of, joined
from cellblock.limits import ExecLimits
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message

pytestmark = pytest.mark.anyio


def memory_files() -> int:
    links = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum("memfd" in os.readlink(link) for link in links)


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def chat(sandbox: str, *replies: str, context: object = None, **settings: object) -> tuple[Conversation, ScriptedModel]:
    model = ScriptedModel(replies)
    rlm = RLM(model, sandbox=sandbox, journal=":memory:", **settings)  # type: ignore[arg-type]
    return rlm.session(context), model  # type: ignore[arg-type]


async def test_variables_functions_and_history_stay_from_question_to_question(sandbox: str) -> None:
    session, model = chat(
        sandbox,
        cell("rows = [1, 2]\ndef double(x):\n    return 2 * x\nFINAL(len(P))"),
        cell("FINAL([double(rows[1]), history])"),
        context="abc",
    )
    async with session:
        assert (await session.arun("how long?")).value == 3
        second = await session.arun("and doubled?")
    assert second.value == [4, [{"question": "how long?", "answer": "3"}]]
    assert "Q: how long?\nA: 3" in model.calls[1].messages[1].content


async def test_contexts_add_up(sandbox: str) -> None:
    session, _ = chat(sandbox, cell("FINAL(P[:])"), cell("FINAL([ctx.num_documents(), ctx.get_document(2), [f['name'] for f in FILES]])"))
    async with session:
        assert (await session.arun("q", "one")).value == "one"
        assert (await session.arun("q", {"b.txt": "zwei €", "c.txt": "three"})).value == [3, "three", ["b.txt", "c.txt"]]


@pytest.mark.parametrize("use", ["str(P)", "P.lower()", "len(P.split())", "f'{P}'", "sorted('ab', key=lambda letter: P.count(letter))"])
async def test_a_text_that_an_earlier_question_used_whole_is_the_new_one_now(sandbox: str, use: str) -> None:
    session, _ = chat(sandbox, cell(f"FINAL({use})"), cell(f"FINAL([{use}, len(P), P[:], 'two' in P])"), context="one")
    async with session:
        await session.arun("q")
        value = (await session.arun("q", "two")).value
    whole = "one\n\n---\n\ntwo"
    assert value == [eval(use, {"P": whole}), len(whole), whole, True]


async def test_what_a_cell_made_of_the_text_s_name_stays_where_the_context_grows(sandbox: str) -> None:
    session, _ = chat(sandbox, cell("x = str(P)\nP = 'mine'\nFINAL(1)"), cell("FINAL([P, context[:3]])"), context="one")
    async with session:
        await session.arun("q")
        assert (await session.arun("q", "two")).value == ["mine", "one"]


async def test_files_that_an_earlier_question_read_are_all_there(sandbox: str) -> None:
    names = cell("FINAL([file['name'] for file in FILES])")
    session, _ = chat(sandbox, names, names, context={"a.txt": "one"})
    async with session:
        await session.arun("q")
        assert (await session.arun("q", {"b.txt": "two"})).value == ["a.txt", "b.txt"]


async def test_every_question_has_all_of_the_limits_and_a_run_of_its_own(sandbox: str) -> None:
    session, _ = chat(sandbox, cell("FINAL(1)"), cell("FINAL(2)"), context="c")
    async with session:
        first, second = await session.arun("a"), await session.arun("b")
    assert (first.steps, second.steps) == (1, 1)
    assert first.run_id != second.run_id


async def test_a_question_that_fails_leaves_the_variables_as_they_were(sandbox: str) -> None:
    session, _ = chat(sandbox, cell("x = 1\nFINAL(x)"), cell("x = 2"), context="c")
    async with session:
        await session.arun("a")
        with pytest.raises(ModelRefused):
            await session.arun("b")
        session._perform = RLM(ScriptedModel([cell("FINAL(x)")]), sandbox=sandbox, journal=":memory:").engine.answer
        assert (await session.arun("c")).value == 1
        assert [question for question, _ in session.turns] == ["a", "c"]


async def test_what_cannot_be_kept_is_told(sandbox: str) -> None:
    # Monty keeps everything; the other two cannot keep a generator of the first kind or none at all.
    session, model = chat(sandbox, cell("x = 1\nFINAL(x)"), cell("FINAL(x)"), context="c")
    async with session:
        await session.arun("a")
        session._carry.left_out = {"rows": "a generator"}
        await session.arun("b")
    assert "Not there any more: rows (a generator)." in model.calls[1].messages[1].content


async def test_a_state_too_large_to_keep_is_told_and_the_one_before_stays() -> None:
    session, model = chat(
        "monty",
        cell("x = 1\nFINAL(x)"),
        cell("big = 'ab' * 20_000_000\nFINAL(2)"),
        cell("FINAL(x)"),
        context="c",
        exec_limits=ExecLimits(memory_bytes=64 * 2**20),
    )
    async with session:
        await session.arun("a")
        await session.arun("b")
        assert (await session.arun("c")).value == 1
    assert "Not there any more: (all that the last question added)" in model.calls[2].messages[1].content


async def test_two_questions_at_once_are_refused() -> None:
    asked, go_on = anyio.Event(), anyio.Event()

    async def slow(messages: list[Message]) -> str:
        asked.set()
        await go_on.wait()
        return "FINAL(1)"

    session = RLM(slow, journal=":memory:").session("c")
    async with session, anyio.create_task_group() as group:
        group.start_soon(session.arun, "a")
        await asked.wait()
        with pytest.raises(ConfigError, match="answering another question"):
            await session.arun("b")
        go_on.set()
    with pytest.raises(ConfigError, match="this session is closed"):
        await session.arun("c")


async def test_a_question_without_any_context_is_refused() -> None:
    session, _ = chat("monty", "FINAL(1)")
    with pytest.raises(ConfigError, match="no context yet"):
        await session.arun("a")


async def test_a_context_that_cannot_be_read_leaves_no_memory_of_the_others_behind(tmp_path: Path) -> None:
    session, _ = chat("monty", "FINAL(1)", context="one")
    before = memory_files()
    with pytest.raises(ConfigError) as caught:
        await session.arun("a", tmp_path / "missing")
    assert caught.tb is not None, "which would keep what its frames hold"
    assert memory_files() == before


async def test_a_context_of_the_callers_stays_open() -> None:
    with Context.from_text("mine") as mine:
        session, _ = chat("monty", "FINAL(1)", "FINAL(2)", context=mine)
        async with session:
            await session.arun("a")
            await session.arun("b", "more")
        assert mine.head(4) == "mine"


def test_a_session_works_without_an_event_loop() -> None:
    session, _ = chat("monty", cell("x = 5\nFINAL(x)"), cell("FINAL(x + 1)"), context="c")
    with session:
        assert [session.run("a").value, session.run("b").value] == [5, 6]


async def test_a_session_streams() -> None:
    session, _ = chat("monty", "FINAL(1)", context="c")
    async with session, session.stream("a") as stream:
        events = [event async for event in stream]
    assert stream.result.answer == "1"
    assert events


@pytest.mark.parametrize("texts", [["a", "b"], ["é" * 300_000, "x" * 300_000, "€"], ["", "b"]])
def test_joined_contexts_are_the_documents_in_order(texts: list[str], tmp_path: Path) -> None:
    parts = [Context.from_documents([text, f"tail of {number}"], names=[f"{number}.txt", ""]) for number, text in enumerate(texts)]
    whole = joined(parts)
    expected = Context.from_documents([text for number, first in enumerate(texts) for text in (first, f"tail of {number}")])
    assert whole.head(whole.num_chars) == expected.head(expected.num_chars)
    assert (whole.num_chars, whole.num_documents) == (expected.num_chars, expected.num_documents)
    assert [entry.name for entry in whole.files] == [f"{number}.txt" for number in range(len(texts))]


async def test_a_question_that_fails_does_not_add_its_context() -> None:
    session, _ = chat("monty", cell("FINAL(1)"), "```repl\nx\n```")
    async with session:
        await session.arun("a", "one")
        with pytest.raises(ModelRefused):
            await session.arun("b", "two")
        session._perform = RLM(ScriptedModel([cell("FINAL(ctx.num_documents())")]), journal=":memory:").engine.answer
        assert (await session.arun("b", "two")).value == 2


async def test_the_first_context_is_there_again_after_a_first_question_that_failed() -> None:
    session, _ = chat("monty", context="one")
    async with session:
        with pytest.raises(ModelRefused):
            await session.arun("a")
        session._perform = RLM(ScriptedModel([cell("FINAL(P[:])")]), journal=":memory:").engine.answer
        assert (await session.arun("a")).value == "one"


async def test_a_long_history_fits_into_a_small_worker() -> None:
    session, _ = chat(
        "monty", cell("FINAL([len(history), history[-1]['question']])"), context="c", exec_limits=ExecLimits(bytes_in=100_000)
    )
    session.turns = [(f"q{number}", "a" * 5_000) for number in range(50)]
    async with session:
        assert (await session.arun("q")).value == [1, "q49"]


@pytest.mark.parametrize("letter", ["a", "漢"])
async def test_a_long_history_fits_into_little_memory(letter: str, sandbox: str) -> None:
    limits = ExecLimits(memory_bytes=2**25)
    session, _ = chat(sandbox, cell("FINAL([len(history) > 10, history[-1]['question']])"), context="c", exec_limits=limits)
    session.turns = [(f"q{number}", letter * 20_000) for number in range(300)]
    async with session:
        assert (await session.arun("q")).value == [True, "q299"]


@pytest.mark.parametrize("texts", [{"a.txt": "one", "b.txt": ""}, {"": "é" * 300_000 + "€"}, {"x": "a\n\n---\n\nb", "y": "c"}])
def test_documents_taken_out_of_a_context_make_the_same_one_again(texts: dict[str, str]) -> None:
    with Context.coerce(texts) as context, assembled(documents_of(context, 1_000)) as again:
        assert again.sha256 == context.sha256
        assert again.files == tuple(entry for entry in context.files if entry.name)
        assert [b"".join(parts).decode() for _, parts in documents_of(context, 1_000)] == list(texts.values())
