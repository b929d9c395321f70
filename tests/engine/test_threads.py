"""Threads on real sessions and a real store: what a process leaves, any other goes on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellblock.engine.guards import Guards
from cellblock.engine.kept import place_of
from cellblock.engine.results import RunResult
from cellblock.engine.run import RLM
from cellblock.engine.threads import resuming
from cellblock.errors import ConfigError, LeaseHeld, ModelRefused, TamperedSnapshot
from cellblock.host.context import Context
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message
from cellblock.repl import registry
from cellblock.repl.registry import find_sandbox
from cellblock.repl.zygote import close_all
from cellblock.store.journal import Journal

pytestmark = pytest.mark.anyio


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "j.db"


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def rlm(journal: Path, *replies: str, sandbox: str = "restricted", **fields: Any) -> RLM:
    return RLM(ScriptedModel(replies), sandbox=sandbox, journal=journal, **fields)


async def test_variables_documents_and_history_are_there_in_another_process_s_engine(journal: Path, sandbox: str) -> None:
    first = cell("rows = [1, 2]\ndef double(x):\n    return 2 * x\nFINAL(len(P))")
    async with rlm(journal, first, sandbox=sandbox).thread("lease") as thread:
        assert (await thread.arun("how long?", {"a.txt": "abc"})).value == 3
    second = cell("FINAL([double(rows[1]), history, [file['name'] for file in FILES], ctx.num_documents()])")
    engine = rlm(journal, second, sandbox=sandbox)
    async with engine.thread("lease") as thread:
        result = await thread.arun("and now?", {"b.txt": "def"})
    assert result.value == [4, [{"question": "how long?", "answer": "3"}], ["a.txt", "b.txt"], 2]
    assert [question for question, _ in engine.thread("lease").turns] == ["how long?", "and now?"]
    assert [turn.run_id for turn in engine.thread("lease").history()][1] == result.run_id


async def test_a_thread_of_another_name_or_tenant_knows_nothing_of_it(journal: Path) -> None:
    await rlm(journal, cell("x = 1\nFINAL(x)")).thread("a").arun("q", "text")
    with pytest.raises(ConfigError, match="thread 'b' has no document yet"):
        await rlm(journal, "FINAL(1)").thread("b").arun("q")
    other = rlm(journal, cell("FINAL('x' in SHOW_VARS())"), tenant="other").thread("a")
    assert other.turns == [] and other.documents() == []
    assert (await other.arun("q", "text")).value is False


async def test_documents_add_up_and_known_ones_are_not_added_again(journal: Path) -> None:
    thread = rlm(journal, cell("FINAL([ctx.get_document(i) for i in range(ctx.num_documents())])")).thread("a")
    assert await thread.aupload({"a.txt": "one", "b.txt": ""}) == await rlm(journal).thread("z").aupload({"a.txt": "one", "b.txt": ""})
    added = await thread.aupload({"a.txt": "one", "c.txt": "é" * 10})
    assert (added.new, added.known) == (1, 1)
    with Context.from_text("mine") as mine:
        assert (await thread.arun("q", mine)).value == ["one", "", "é" * 10, "mine"]
        assert mine.head(4) == "mine", "a context of the caller's stays open"
    assert [(document.title, document.chars) for document in thread.documents()] == [("a.txt", 3), ("b.txt", 0), ("c.txt", 10), ("", 4)]


async def test_a_question_that_fails_is_not_in_the_history_and_changes_no_variable(journal: Path) -> None:
    thread = rlm(journal, cell("x = 1\nFINAL(x)"), cell("x = 2\nprint(x)")).thread("a")
    await thread.arun("first", "text")
    with pytest.raises(ModelRefused):
        await thread.arun("second", "more")
    again = rlm(journal, cell("FINAL([x, ctx.num_documents()])")).thread("a")
    assert [question for question, _ in again.turns] == ["first"]
    cut_off = again.cut_off()
    assert cut_off is not None and Journal(journal).run(cut_off).task["question"] == "second"
    assert (await again.arun("third")).value == [1, 2]
    assert again.cut_off() is None


@pytest.mark.parametrize("question", ["", " \n", None])
async def test_a_question_that_is_none_leaves_what_can_be_resumed(journal: Path, question: Any) -> None:
    thread = rlm(journal).thread("a")
    with pytest.raises(ModelRefused):
        await thread.arun("q", "text")
    before = thread.cut_off()
    with pytest.raises(ConfigError, match="question"):
        await thread.arun(question)
    assert before is not None and thread.cut_off() == before


async def test_two_questions_at_once_are_refused_with_the_process_that_is_at_it(journal: Path) -> None:
    asked, go_on = anyio.Event(), anyio.Event()

    async def slow(messages: Sequence[Message]) -> str:
        asked.set()
        await go_on.wait()
        return "FINAL(1)"

    thread = RLM(slow, sandbox="restricted", journal=journal).thread("a")
    async with anyio.create_task_group() as group:
        group.start_soon(thread.arun, "first", "text")
        await asked.wait()
        other = rlm(journal, "FINAL(2)").thread("a")
        assert other.cut_off() is None, "a question that is being answered is not cut off"
        for call in (lambda: other.arun("second"), lambda: other.aupload("more"), other.adelete):
            with pytest.raises(LeaseHeld, match=f"thread 'a': process {os.getpid()} on "):
                await call()
        await rlm(journal, "FINAL(3)").thread("b").arun("another thread", "text")
        go_on.set()
    assert thread.turns == [("first", "1")]
    assert (await rlm(journal, "FINAL(2)").thread("a").arun("third")).answer == "2", "nobody holds it between two questions"


async def test_a_closed_thread_lets_go_of_its_documents_once_the_question_is_answered(journal: Path) -> None:
    seen: list[Context] = []

    async def closing(messages: Sequence[Message]) -> str:
        assert thread._held is not None
        seen.append(thread._held[1])
        thread.close()
        assert seen[0].fd >= 0, "not under the hands of a run"
        return "FINAL(1)"

    thread = RLM(closing, journal=journal).thread("a")
    await thread.arun("q", "text")
    with pytest.raises(ConfigError, match="closed"):
        _ = seen[0].fd
    with pytest.raises(ConfigError, match="thread 'a' was closed here"):
        await thread.arun("q")


def test_a_thread_works_without_an_event_loop_and_streams(journal: Path) -> None:
    with rlm(journal, cell("x = 5\nFINAL(x)"), cell("FINAL(x + 1)")).thread("a") as thread:
        assert thread.upload("text").new == 1
        assert [thread.run("a").value, thread.run("b").value] == [5, 6]
        assert thread.delete() is True and thread.delete() is False
        assert thread.turns == []


async def test_a_thread_streams_its_events(journal: Path) -> None:
    async with rlm(journal, "FINAL(1)").thread("a") as thread, thread.stream("q", "text") as stream:
        events = [event async for event in stream]
    assert events and stream.result.answer == "1"


async def test_answers_are_typed_and_failed_ones_are_kept_as_partial(journal: Path) -> None:
    guards = Guards(forced_final=False)
    thread = rlm(journal, cell("FINAL(4)"), cell("print('so far')"), *["words"] * 9, guards=guards).thread("a")
    assert (await thread.arun("q", "text", output_type=int)).output == 4
    assert not (await thread.arun("q")).success
    assert [(turn.value, turn.success) for turn in thread.history()] == [(4, True), ("so far", False)]


@pytest.mark.parametrize("name", ["", "\0", "a\nb", "x" * 101, None])
def test_what_is_no_name_is_refused_before_anything_is_made(journal: Path, name: Any) -> None:
    with pytest.raises(ConfigError, match="thread"):
        rlm(journal).thread(name)
    assert not journal.exists()


def test_in_memory_nothing_is_kept_and_this_is_told() -> None:
    with pytest.raises(ConfigError, match="':memory:' keeps nothing"):
        RLM("simulated", journal=":memory:").thread("a")


async def test_a_hostile_name_reaches_no_file(journal: Path, tmp_path: Path) -> None:
    names = ["../../x", "/etc/passwd", "a/b", "'; DROP TABLE threads; --"]
    for name in names:
        await rlm(journal, "FINAL(1)").thread(name).arun("q", "text")
    assert {path.name for path in tmp_path.iterdir()} <= {"j.db", "j.db-wal", "j.db-shm"}
    with place_of(journal, "default").opened() as store:
        assert store.check() == []
    assert [rlm(journal).thread(name).turns for name in names] == [[("q", "1")]] * 4


async def test_variables_of_another_sandbox_are_not_given_up_without_a_word(journal: Path) -> None:
    await rlm(journal, "FINAL(1)").thread("a").arun("q", "text")
    with pytest.raises(ConfigError, match="thread 'a': its variables are in sandbox 'restricted', and this is 'monty'"):
        await rlm(journal, "FINAL(1)", sandbox="monty").thread("a").arun("q")
    assert len(rlm(journal).thread("a").turns) == 1


async def test_variables_of_another_version_are_given_up_and_the_model_is_told(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = replace(find_sandbox("restricted"), artefact="of last year")
    with monkeypatch.context() as patch:
        patch.setitem(registry._BUILT_IN, "restricted", lambda: older)
        await rlm(journal, cell("x = 1\nFINAL(1)")).thread("a").arun("q", "text")
    close_all()
    model = ScriptedModel([cell("FINAL('x' in SHOW_VARS())")])
    result = await RLM(model, sandbox="restricted", journal=journal).thread("a").arun("q")
    assert result.value is False
    assert "Not there any more: (all variables) (another version of the sandbox left them)." in model.calls[0].messages[1].content


async def test_another_user_s_secret_opens_no_thread(journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await rlm(journal, "FINAL(1)").thread("a").arun("q", "text")
    monkeypatch.setenv("HOME", str(tmp_path / "another home"))
    with pytest.raises(TamperedSnapshot):
        await rlm(journal, "FINAL(1)").thread("a").arun("q")


async def test_an_answer_that_came_while_it_was_cancelled_is_kept(journal: Path) -> None:
    thread = rlm(journal, "FINAL(1)").thread("a")
    await thread.aupload("text")

    def cancel(event: Any) -> None:
        if type(event).__name__ == "RunEnded":
            scope.cancel()

    with anyio.CancelScope() as scope:
        await thread.arun("q", on_event=cancel)
    assert scope.cancelled_caught or thread.turns
    assert thread.turns == [("q", "1")]


CHAT = """
import os, signal, sys
from cellblock import RLM
def answer(messages):
    os.kill(os.getpid(), signal.SIGKILL)
RLM(answer, sandbox="restricted", journal=sys.argv[1]).thread("a").run("second", {"b.txt": "two"})
"""


async def test_a_killed_process_leaves_the_thread_as_it_was_and_holds_up_nobody(journal: Path) -> None:
    await rlm(journal, cell("x = 1\nFINAL(x)")).thread("a").arun("first", {"a.txt": "one"})
    killed = subprocess.run([sys.executable, "-c", CHAT, str(journal)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    engine = rlm(journal, cell("FINAL([x, ctx.num_documents(), len(history)])"))
    thread = engine.thread("a")
    assert [question for question, _ in thread.turns] == ["first"]
    cut_off = thread.cut_off()
    assert cut_off is not None and Journal(journal).run(cut_off).status == "running"
    with anyio.fail_after(5):
        assert (await thread.arun("third")).value == [1, 2, 1]


ASKING = """
import sys
from cellblock import RLM
code = "try:\\n    count = count + 1\\nexcept NameError:\\n    count = 1\\nFINAL(count)"
rlm = RLM(lambda messages: f"```repl\\n{code}\\n```", sandbox="restricted", journal=sys.argv[1])
thread = rlm.thread("a")
thread.upload("text")
while True:
    thread.run("q", on_event=lambda event: print(type(event).__name__, flush=True))
    print("answered", flush=True)
"""


async def test_wherever_a_process_is_killed_the_variables_are_those_of_the_last_turn(journal: Path) -> None:
    for number, last_words in enumerate(("RunEnded", "answered", "RunEnded")):
        command = [sys.executable, "-c", ASKING, str(journal)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            heard = [line.strip() for line in iter(process.stdout.readline, f"{last_words}\n")]
            # Sooner or later: what comes after the run's end takes some milliseconds, and each of them may be the last.
            await anyio.sleep(number * 0.002)
            process.kill()
        assert "RunStarted" in heard
        before = rlm(journal).thread("a").turns
        result = await rlm(journal, COUNT).thread("a").arun("q")
        assert result.value == [len(before) + 1, 1]
        counts = [json.loads(answer) for _, answer in before]
        assert [count if isinstance(count, int) else count[0] for count in counts] == list(range(1, len(before) + 1))


async def resumed(engine: RLM, run_id: str, question: str, context: str | None = None) -> RunResult | None:
    """What resuming does, in short: the run's question is performed anew."""
    async with resuming(engine.engine, run_id) as pending:
        if pending is None:
            return None
        result = await engine.engine.answer(question, pending.context, pending.turn)
        await pending.answered(question, result)
        return result


async def test_a_resumed_run_s_answer_is_added_to_its_thread(journal: Path) -> None:
    await rlm(journal, cell("x = 1\nFINAL(x)")).thread("a").arun("first", "one")
    with pytest.raises(ModelRefused):
        await rlm(journal).thread("a").arun("second", "two")
    cut_off = rlm(journal).thread("a").cut_off()
    assert cut_off is not None
    await rlm(journal).thread("a").aupload("three")
    # Nothing that is resumed is begun: this stands for it.
    with Journal(journal) as opened:
        opened.delete_run(cut_off)
    engine = rlm(journal, cell("x += 1\nFINAL([x, ctx.num_documents()])"), cell("FINAL([x, ctx.num_documents()])"))
    result = await resumed(engine, cut_off, "second")
    assert result is not None
    assert (result.run_id, result.value) == (cut_off, [2, 2]), "the document that came later is none of its"
    thread = engine.thread("a")
    assert [question for question, _ in thread.turns] == ["first", "second"] and thread.cut_off() is None
    assert (await thread.arun("third")).value == [2, 3]
    assert await resumed(engine, cut_off, "second") is None, "it is answered"


async def test_a_run_that_is_no_thread_s_question_is_none_of_theirs(journal: Path) -> None:
    result = await rlm(journal, "FINAL(1)").arun("q", "text")
    assert await resumed(rlm(journal), result.run_id, "q") is None
    assert await resumed(RLM("simulated", journal=":memory:"), "r", "q") is None


async def test_what_the_cells_left_can_be_looked_at(journal: Path, sandbox: str) -> None:
    thread = rlm(journal, cell("total = 12\nFINAL(total)"), sandbox=sandbox).thread("a")
    await thread.aupload("text")
    assert await thread.avariables() == ""
    await thread.arun("q")
    assert "total: int" in await thread.avariables()


COUNT = cell("try:\n    count = count + 1\nexcept NameError:\n    count = 1\nFINAL([count, ctx.num_documents()])")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["upload", "ask", "ask", "ask_with", "fail", "delete"]),
        st.sampled_from(["a", "../b"]),
        st.sampled_from(["one", "two"]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=10,
)


def counting(messages: Sequence[Message]) -> str:
    if "fail please" not in messages[1].content:
        return COUNT
    if len(messages) > 2:
        raise ModelRefused("as it was told")
    return cell("count = 99")


class World:
    """Threads of two tenants, and what they should hold: of each its documents and its questions."""

    def __init__(self, journal: Path) -> None:
        self.engines = {tenant: RLM(counting, sandbox="restricted", journal=journal, tenant=tenant) for tenant in ("one", "two")}
        self.model: dict[tuple[str, str], tuple[set[int], list[str]]] = {}

    async def upload(self, name: str, tenant: str, text: int) -> None:
        await self.engines[tenant].thread(name).aupload({f"{text}.txt": f"text {text}"})
        documents, questions = self.model.get((name, tenant), (set(), []))
        self.model[name, tenant] = documents | {text}, questions

    async def ask(self, name: str, tenant: str, text: int, context: dict[str, str] | None = None) -> None:
        thread, (documents, questions) = self.engines[tenant].thread(name), self.model.get((name, tenant), (set(), []))
        if not documents:
            with pytest.raises(ConfigError, match="no document yet"):
                await thread.arun("q")
            return
        question = f"question {len(questions)} of {name} {tenant}"
        assert (await thread.arun(question, context)).value == [len(questions) + 1, len(documents)]
        questions.append(question)

    async def ask_with(self, name: str, tenant: str, text: int) -> None:
        documents, questions = self.model.get((name, tenant), (set(), []))
        self.model[name, tenant] = documents | {text}, questions
        await self.ask(name, tenant, text, {f"{text}.txt": f"text {text}"})

    async def fail(self, name: str, tenant: str, text: int) -> None:
        with pytest.raises((ConfigError, ModelRefused)):
            await self.engines[tenant].thread(name).arun("fail please")

    async def delete(self, name: str, tenant: str, text: int) -> None:
        was_there = self.model.pop((name, tenant), None) is not None
        assert await self.engines[tenant].thread(name).adelete() is was_there

    def check(self) -> None:
        for tenant, engine in self.engines.items():
            mine = {name: held for (name, whose), held in self.model.items() if whose == tenant}
            with place_of(engine.engine.journal, tenant).threads() as threads:
                assert [row.name for row in threads.all()] == sorted(mine)
            for name, (documents, questions) in mine.items():
                thread = engine.thread(name)
                assert {document.title for document in thread.documents()} == {f"{one}.txt" for one in documents}
                assert [question for question, _ in thread.turns] == questions


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_order_of_uploads_questions_and_deletions_comes_to_what_a_dict_says(steps: Any, tmp_path_factory: Any) -> None:
    world = World(tmp_path_factory.mktemp("model") / "j.db")
    for step, *where in steps:
        await getattr(world, step)(*where)
        world.check()
