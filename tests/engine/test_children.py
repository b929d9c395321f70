from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
import pytest

from cellblock.engine.performing import perform_run
from cellblock.engine.run import RLM
from cellblock.engine.tree import Run
from cellblock.errors import MaxSubcallsExceeded, ModelRefused
from cellblock.events import AnyEvent, RunEnded, RunStarted
from cellblock.host.context import Context
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message, ModelResponse, Usage

from .doubles import Stage, cells

pytestmark = pytest.mark.anyio


class Minds:
    """A model for a tree of runs: what it replies goes by the question that a run was asked, and it notes who asks at once."""

    name = "minds"

    def __init__(self, replies: Callable[[str, int], str], *, hold: str = "") -> None:
        self._replies, self._hold = replies, hold
        self.now = self.most = self.calls = 0
        self.go_on = anyio.Event()
        """What the held one waits for."""

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.now, self.calls = self.now + 1, self.calls + 1
        self.most = max(self.most, self.now)
        found = re.search(r"Question:\n(.*)", messages[1].content) if len(messages) > 1 else None
        question = found[1] if found else messages[0].content
        if question == self._hold:
            await self.go_on.wait()
        await anyio.sleep(0.001)
        self.now -= 1
        if question == "refused":
            raise ModelRefused("key sk-123", status=403)
        reply = self._replies(question, sum(message.role == "assistant" for message in messages))
        return ModelResponse(text=reply, usage=Usage(calls=1, input_tokens=1, output_tokens=1), model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


def root_cell(code: str) -> Callable[[str, int], str]:
    return lambda question, turn: f"```repl\n{code}\n```" if question == "q" else f"```repl\nFINAL([{question!r}, P])\n```"


async def test_answers_come_in_order_and_ids_go_by_the_prompts_whichever_child_ends_first() -> None:
    code = "FINAL(await rlm_query_batched(['first', 'b', 'last'], ['A', None, ['C', 'D']]))"
    minds = Minds(root_cell(code), hold="first")
    stage = Stage(minds)

    def emit(event: AnyEvent) -> None:
        stage.events.append(event)
        if isinstance(event, RunEnded) and event.run_id == "r/3":
            minds.go_on.set()

    stage.tree.emit = emit
    first, second, last = (await stage.answer(context="shared")).value  # type: ignore[misc,union-attr]
    assert (first, second) == (["first", "A"], ["b", "shared"])
    assert (last[0], last[1][0], last[1][-1]) == ("last", "C", "D")
    assert sorted((event.run_id, event.question) for event in stage.of(RunStarted)) == [
        ("r", "q"),
        ("r/1", "first"),
        ("r/2", "b"),
        ("r/3", "last"),
    ]
    assert [event.run_id for event in stage.of(RunEnded)].index("r/1") > [event.run_id for event in stage.of(RunEnded)].index("r/3")
    rows = [(row.key, row.payload["child"], row.outcome["success"]) for row in stage.tree.journal.effects("r") if row.kind == "run"]
    assert rows == [("1.0.1", 1, True), ("1.0.2", 2, True), ("1.0.3", 3, True)]
    assert stage.budget.subcalls == 3


async def test_equal_pairs_of_prompt_and_context_run_once() -> None:
    code = "FINAL(len(await rlm_query_batched(['a', 'a', 'a', 'a'], ['x', 'x', ['x'], None])))"
    stage = Stage(Minds(root_cell(code)))
    assert (await stage.answer()).value == 4
    assert len(stage.of(RunStarted)) == 1 + 3


async def test_a_failed_child_is_one_item_and_nothing_of_the_failure_is_told() -> None:
    code = "FINAL(await rlm_query_batched(['a', 'refused', 'b', 'c'], ['x', 'y', '', 'z']))"
    stage = Stage(Minds(root_cell(code)))
    assert (await stage.answer()).value == [
        ["a", "x"],
        "ERROR: ModelRefused: the call failed with status 403",
        "ERROR: rlm_query(): the context is empty",
        ["c", "z"],
    ]
    outcomes = [row.outcome for row in stage.tree.journal.effects("r") if row.kind == "run"]
    assert [outcome.get("error") for outcome in outcomes] == [None, "ModelRefused", "ValueError", None]


async def test_a_child_that_finds_no_answer_is_one_item() -> None:
    def replies(question: str, turn: int) -> str:
        return (
            root_cell("FINAL(await rlm_query_batched(['lost', 'b']))")(question, turn)
            if question != "lost"
            else "```repl\nprint('half')\n```"
        )

    lost, found = (await Stage(Minds(replies), limits=RunLimits(steps=2)).answer()).value  # type: ignore[misc]
    assert str(lost).startswith("ERROR: the child run ended without an answer: ")
    assert found == ["b", "the context"]


async def test_children_share_neither_output_nor_variables() -> None:
    def replies(question: str, turn: int) -> str:
        if question == "q":
            return "```repl\nx = 'root'\nfound = await rlm_query_batched([str(i) for i in range(8)])\nprint(x)\nFINAL(found)\n```"
        return [f"```repl\nx = {question!r}\nprint('out of ' + x)\n```", "```repl\nFINAL(x)\n```"][turn]

    model = Minds(replies)
    stage = Stage(model)
    assert (await stage.answer()).value == [str(i) for i in range(8)]
    outputs = {
        event.run_id: event.stdout
        for event in stage.events
        if getattr(event, "stdout", "").startswith("out of") or (event.run_id == "r" and hasattr(event, "stdout"))
    }
    assert outputs == {"r": "root\n", **{f"r/{i + 1}": f"out of {i}\n" for i in range(8)}}


async def test_at_the_depth_limit_a_batch_of_children_is_a_batch_of_sub_calls() -> None:
    sub = ScriptedModel(fallback=lambda messages: messages[-1].content)
    stage = Stage(cells("FINAL(await rlm_query_batched(['a', 'b', 'a'], ['x', ['y', 'z'], 'x']))"), sub, limits=RunLimits(depth=0))
    assert (await stage.answer()).value == ["a\n\nx", "b\n\ny\n\nz", "a\n\nx"]
    assert len(sub.calls) == 2
    assert len(stage.sessions) == 1


@pytest.mark.parametrize("at_once", [1, 3])
async def test_no_more_children_are_open_at_each_depth_than_may_be(at_once: int) -> None:
    code = "FINAL(len(await rlm_query_batched([str(i) for i in range(12)])))"
    stage = Stage(Minds(root_cell(code)), limits=RunLimits(parallel_children=at_once))
    assert (await stage.answer()).value == 12
    assert most_open(stage) == at_once


def most_open(stage: Stage, depth: int = 1) -> int:
    open_now = most = 0
    for event in stage.events:
        if event.depth == depth:
            open_now += isinstance(event, RunStarted)
            open_now -= isinstance(event, RunEnded)
            most = max(most, open_now)
    return most


@pytest.mark.parametrize("call", ["rlm_query_batched(['x', 'y'])", "[await rlm_query('x'), await rlm_query('y')]"])
async def test_children_of_children_do_not_wait_for_their_parents(call: str) -> None:
    def replies(question: str, turn: int) -> str:
        awaited = call if call.startswith("[") else f"await {call}"
        return f"```repl\nFINAL({awaited})\n```"

    stage = Stage(Minds(replies), ScriptedModel(fallback="leaf"), limits=RunLimits(depth=3, parallel_subcalls=1, parallel_children=1))
    with anyio.fail_after(20):
        value = (await stage.answer()).value
    # The fourth level is sub-calls: both of each deepest run.
    assert str(value).count("leaf") == 16
    assert max(event.depth for event in stage.events) == 3


async def test_the_deepest_run_is_known_above() -> None:
    def replies(question: str, turn: int) -> str:
        return f"```repl\nFINAL(await rlm_query_batched(['{question}x', 'leaf']))\n```" if question in ("q", "qx") else "FINAL(done)"

    stage = Stage(Minds(replies), limits=RunLimits(depth=5))
    with Context.from_text("c") as context:
        run = Run(tree=stage.tree, run_id="r", budget=stage.budget, context=context)
        assert (await perform_run(run, "q")).value == [["done", "done"], "done"]
    assert (run.deepest, run.children, run.calls) == (2, 2, 2)


async def test_the_places_of_a_depth_are_those_of_the_whole_tree() -> None:
    def replies(question: str, turn: int) -> str:
        children = {"q": "['a', 'b', 'c']", "a": list("1234"), "b": list("5678"), "c": list("9xyz")}.get(question)
        return f"```repl\nFINAL(await rlm_query_batched({children}))\n```" if children else "FINAL(leaf)"

    stage = Stage(Minds(replies), limits=RunLimits(depth=2, parallel_children=2))
    assert (await stage.answer()).value == [["leaf"] * 4] * 3
    assert [most_open(stage, depth) for depth in (1, 2)] == [2, 2]


async def test_children_pass_no_budget() -> None:
    stage = Stage(cells("await rlm_query_batched([str(i) for i in range(20)])"), limits=RunLimits(subcalls=10))
    end = await stage.answer()
    assert isinstance(end.failure, MaxSubcallsExceeded)
    assert len(stage.of(RunStarted)) == 1


async def test_a_budget_that_ends_in_one_child_ends_the_batch() -> None:
    def replies(question: str, turn: int) -> str:
        return (
            "```repl\nawait rlm_query_batched(['a', 'b', 'c', 'd'])\n```"
            if question == "q"
            else "```repl\nawait llm_query_batched(list('xyz'))\n```"
        )

    stage = Stage(Minds(replies), ScriptedModel(fallback="fine"), limits=RunLimits(subcalls=6, parallel_children=1))
    end = await stage.answer()
    assert isinstance(end.failure, MaxSubcallsExceeded)
    assert len(stage.of(RunStarted)) == 2


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("rlm_query_batched('abc')", "TypeError: rlm_query_batched(): prompts must be a list of str, not str"),
        (
            "rlm_query_batched(['a'], 'abc')",
            "ValueError: rlm_query_batched(): contexts must be None or a list of 1, one for each prompt; it is a str",
        ),
        (
            "rlm_query_batched(['a'], ['b', 'c'])",
            "ValueError: rlm_query_batched(): contexts must be None or a list of 1, one for each prompt; it is a list of 2",
        ),
        ("rlm_query_batched(['a'], [3])", "TypeError: rlm_query_batched(): contexts[0] must be a str or a list of str, not int"),
        ("rlm_query_batched(['a'], [['b', 3]])", "TypeError: rlm_query_batched(): contexts[0] must hold str only"),
    ],
)
async def test_wrong_arguments_raise_in_the_cell_and_open_no_run(call: str, error: str) -> None:
    code = f"try:\n    await {call}\nexcept Exception as e:\n    FINAL(f'{{type(e).__name__}}: {{e}}')"
    stage = Stage(cells(code))
    got = (await stage.answer()).value
    assert isinstance(got, str)
    assert got.startswith(error)
    assert len(stage.of(RunStarted)) == 1


async def test_cancelling_the_run_closes_the_sessions_of_all_children() -> None:
    never = Minds(root_cell("await rlm_query_batched(['hold', 'hold2', 'hold3'])"), hold="hold")
    stage = Stage(never)
    async with anyio.create_task_group() as group:
        group.start_soon(stage.answer)
        while len(stage.sessions) < 4:
            await anyio.sleep(0.005)
        group.cancel_scope.cancel()
    assert all(session.closed for session in stage.sessions)


async def test_children_run_in_each_sandbox(sandbox: str) -> None:
    code = "x = 'root'\nprint('root prints')\nfound = rlm_query_batched(['a', 'b', 'c'], ['A', None, ['B', 'C']])\nFINAL([x, found])"

    def replies(question: str, turn: int) -> str:
        return (
            f"```repl\n{code}\n```"
            if question == "q"
            else f"```repl\nx = {question!r}\nprint(x)\nFINAL([x, len(P), ctx.num_documents()])\n```"
        )

    result = await RLM(Minds(replies), sandbox=sandbox, journal=":memory:").arun("q", "shared")
    assert result.value == ["root", [["a", 1, 1], ["b", 6, 1], ["c", result.value[1][2][1], 2]]]  # type: ignore[index]
    printed = {event.run_id.rpartition("/")[2]: event.stdout for event in result.trace if hasattr(event, "stdout")}
    assert {key: printed[key] for key in ("1", "2", "3")} == {"1": "a\n", "2": "b\n", "3": "c\n"}
