from __future__ import annotations

import pytest

from cellblock.engine.branch import Branch
from cellblock.engine.branches import Branches
from cellblock.engine.calls.asks import NO_ANSWER, read
from cellblock.engine.calls.externals import externals_of
from cellblock.engine.run import RLM
from cellblock.engine.tree import Run
from cellblock.engine.vocabulary import ALIASES, CALLS, OBJECTS
from cellblock.errors import MaxSubcallsExceeded, ModelUnavailable
from cellblock.host.context import Context
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.simulated.subcalls import answer

from .doubles import Stage, assert_refused, cells, value_of
from .test_subcalls import Crowd

pytestmark = pytest.mark.anyio

PASSAGES = ["The cat sleeps.", "Nothing here.", "The harbour was built in 1850 by Ada.", "The harbour burnt in 1900."]


def simulated() -> ScriptedModel:
    return ScriptedModel(fallback=lambda messages: answer(messages[-1].content))


@pytest.mark.parametrize(
    "reply",
    [
        "NO_ANSWER",
        " no_answer.\n",
        "'No_Answer'",
        "**NO_ANSWER**",
        "No answer.",
        "Answer: NO_ANSWER",
        "NO_ANSWER: the passage is about cats",
        "[simulated: no language model was called]\nNO_ANSWER",
        "NO_ANSWER\n\n(The passage does not say.)",
        "",
        "  \n",
    ],
)
def test_whatever_says_no_answer_is_exactly_that(reply: str) -> None:
    assert read(reply) == NO_ANSWER


@pytest.mark.parametrize(
    "reply", ["1850", "No answer came until 1990", "NO_ANSWERS is a table", "No", "Answer: 1850", "there is no answer key"]
)
def test_an_answer_stays_as_it_is(reply: str) -> None:
    assert read(f" {reply}\n") == reply


async def test_a_question_is_asked_in_the_form_that_the_simulated_model_knows() -> None:
    code = (
        f"FINAL([await ask('When was the harbour built?', {PASSAGES[2]!r}), await ask_chunk('When was the harbour built?', 'Cats sleep.')])"
    )
    found, none = await value_of(code, simulated())  # type: ignore[misc]
    assert "The harbour was built in 1850 by Ada." in str(found)
    assert none == NO_ANSWER


async def test_each_chunk_is_asked_in_order_and_equal_ones_once() -> None:
    sub = ScriptedModel(fallback=lambda messages: messages[-1].content.rpartition("\n")[2])
    stage = Stage(cells("FINAL(await ask_chunks('q', ['a', [3, 4, 'b'], 'a', [0, 1, ['c', 'd']]]))"), sub)
    assert (await stage.answer()).value == ["a", "b", "a", "d"]
    assert len(sub.calls) == 3
    assert sub.calls[-1].prompt.endswith("Passage:\nc\n\nd")


@pytest.mark.parametrize(("parallel", "most"), [("True", 6), ("False", 1), ("2", 2), ("99", 6)])
async def test_as_many_chunks_are_asked_at_once_as_the_cell_says(parallel: str, most: int) -> None:
    crowd = Crowd(together=most)
    code = f"FINAL(await ask_chunks('q', [str(i) for i in range(12)], parallel={parallel}))"
    await Stage(cells(code), crowd, limits=RunLimits(parallel_subcalls=6)).answer()
    assert (crowd.most, crowd.calls) == (most, 12)


async def test_a_chunk_that_cannot_be_asked_is_one_item() -> None:
    sub = ScriptedModel(fallback="fine").add_rule("bad", ModelUnavailable("no", status=503))
    assert await value_of("FINAL(await ask_chunks('q', ['a', 'bad']))", sub) == [
        "fine",
        "ERROR: ModelUnavailable: the call failed with status 503",
    ]


async def test_the_first_answer_in_the_order_of_chunks_is_given_and_later_waves_are_not_asked() -> None:
    sub = (
        ScriptedModel(fallback="NO_ANSWER")
        .add_rule(r"\n7$", "seven", regex=True)
        .add_rule(r"\n9$", "nine", regex=True)
        .add_rule(r"\n2$", ModelUnavailable("no"), regex=True)
    )
    assert await value_of("FINAL(await ask_chunks_first('q', [str(i) for i in range(100)]))", sub) == "seven"
    assert len(sub.calls) == 12


async def test_without_an_answer_all_chunks_were_asked_once() -> None:
    sub = ScriptedModel(fallback="no_answer")
    assert await value_of("FINAL(await ask_chunks_first('q', [str(i % 50) for i in range(100)]))", sub) == NO_ANSWER
    assert len(sub.calls) == 50


async def test_that_there_is_no_answer_is_not_said_of_chunks_that_could_not_be_asked() -> None:
    sub = ScriptedModel(fallback="NO_ANSWER").add_rule(r"\n1$", ModelUnavailable("no"), regex=True)
    got = await value_of("FINAL(await ask_chunks_first('q', ['0', '1']))", sub)
    assert got == "RuntimeError: 1 of 2 chunks could not be asked, the others have no answer: ERROR: ModelUnavailable: the call failed"


async def test_picking_an_answer_makes_no_call() -> None:
    sub = ScriptedModel(fallback="never")
    code = "FINAL([await pick_first_answer(['no answer', None, 'ERROR: x', '', ' b ', 'c']), await pick_first_answer([])])"
    assert await value_of(code, sub) == ["b", NO_ANSWER]
    assert sub.calls == []


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("ask('q')", "TypeError: ask(): text must be a str, not None"),
        ("ask_chunks('q', 'abc')", "TypeError: ask_chunks(): chunks must be a list of str or of (start, end, text), not str"),
        ("ask_chunks('q', ['a', 3])", "TypeError: ask_chunks(): chunks[1] must be a str, not int"),
        ("ask_chunks('q', [[1, 'a']])", "TypeError: ask_chunks(): chunks[0] must be a str or (start, end, text), not a list of 2"),
        ("ask_chunks('q', ['a'], parallel=0)", "ValueError: ask_chunks(): parallel must be at least 1"),
        ("ask_chunks('q', ['a'], parallel='all')", "TypeError: ask_chunks(): parallel must be a bool or an int, not str"),
        ("pick_first_answer('abc')", "TypeError: pick_first_answer(): answers must be a list of str, not str"),
    ],
)
async def test_wrong_arguments_raise_in_the_cell_and_cost_nothing(call: str, error: str) -> None:
    await assert_refused(call, error)


async def test_chunks_pass_no_budget() -> None:
    sub = ScriptedModel(fallback="NO_ANSWER")
    end = await Stage(cells("await ask_chunks_first('q', [str(i) for i in range(100)])"), sub, limits=RunLimits(subcalls=9)).answer()
    assert isinstance(end.failure, MaxSubcallsExceeded)
    assert len(sub.calls) == 4


async def test_a_cell_of_each_sandbox_asks_its_chunks(sandbox: str) -> None:
    code = (
        "q = 'When was the harbour built?'\nchunks = ctx.chunk(40)\n"
        "found = ask_chunks(q, chunks)\n"
        "FINAL([len(found), pick_first_answer(found) == ask_chunks_first(q, chunks), ask(q, 'x') == NO_ANSWER])"
    )
    result = await RLM(cells(code), sub_model=simulated(), sandbox=sandbox, journal=":memory:").arun("q", " ".join(PASSAGES))
    assert result.value == [3, True, True]


async def test_the_prompt_tells_every_function_that_a_cell_has_and_no_other() -> None:
    async def never(run: Run, question: str) -> None: ...

    stage = Stage(ScriptedModel([]))
    with Context.from_text("c") as context:
        run = Run(tree=stage.tree, run_id="r", budget=stage.budget, context=context)
        names = externals_of(run, never, Branches(run, lambda own, *_: Branch(own, {})))  # type: ignore[arg-type]
    methods = {name for name in names if "__" in name}
    assert set(names) - methods == {*CALLS, *ALIASES}
    told = "".join(one.full for one in OBJECTS.values())
    assert {name for name in methods if name.replace("__", ".") not in told} == {
        "checkpoint__list",
        "fork__switch",
        "fork__list",
        "vfs__promote",
        "strategy__status",
    }
    assert all(names[alias] == names[name] for alias, name in ALIASES.items())
    assert list(CALLS) == [
        name for name in CALLS if CALLS[name].full.startswith(f"- {name}(") and CALLS[name].short.startswith(f"- {name}(")
    ]
