"""The simulated model's cells in a real, jailed session, driven by the real engine."""

from __future__ import annotations

import pytest

from cellblock.engine.guards import Guards
from cellblock.engine.history import History
from cellblock.engine.prompt import PromptSettings
from cellblock.engine.results import RunResult
from cellblock.engine.run import RLM
from cellblock.host.context import Context
from cellblock.limits import ExecLimits
from cellblock.models import DEMO_QUESTION, ScriptedModel, SimulatedModel
from cellblock.models.simulated import LEXICON

pytestmark = pytest.mark.anyio

FILLER = "The grass is green. The sky is blue. Here we go.\n"
NOTICE = 'import warnings\nwarnings.warn("old() is deprecated; use new() instead", DeprecationWarning)\n'


async def run(question: str, context: object, guards: Guards | None = None, **settings: float) -> RunResult:
    model = SimulatedModel(**settings)  # type: ignore[arg-type]
    rlm = RLM(model, guards=guards, journal=":memory:", exec_limits=ExecLimits(wall_seconds=2.0))
    return await rlm.arun(question, Context.coerce(context))


@pytest.mark.parametrize(
    ("question", "context", "answer"),
    [
        (
            "What are all the special magic numbers for a-1?",
            FILLER + "One of the special magic numbers for a-1 is: 42.\n" + FILLER,
            "42",
        ),
        ("How many lines contain 'it's é'?", "it's é\nno\n" * 40, "40"),
        ("How many lines contain 'green'?", FILLER * 700, "700"),
        ("What is the balance of the ledger on 2024-01-02?", "2024-01-02 deposit 1.10 x\n2024-01-03 deposit 9 y\n" * 3, "3.30"),
        (
            "Each row has the form Date || User || Instance. Labels: spam, ham, world. What is the most frequent label?",
            "".join(f"Date: Jan 1 || User: {n} || Instance: {LEXICON['ham' if n % 3 else 'spam'][n % 5]} it is\n" for n in range(90)),
            "ham",
        ),
        ("What is the keeper's parrot called?", FILLER * 9 + "The keeper's parrot is called Bo.\n", "The keeper's parrot is called Bo."),
    ],
    ids=["needles", "few lines", "many lines", "ledger", "labels", "unknown"],
)
async def test_every_kind_of_question_is_answered(question: str, context: str, answer: str):
    result = await run(question, context)

    assert (result.answer, result.error) == (answer, None)


async def test_the_demo_names_modules_and_what_to_use():
    result = await run(DEMO_QUESTION, {"pkg/one.py": NOTICE * 3, "two.py": "x = 1\n", "three.py": NOTICE})

    assert result.answer.startswith("pkg.one warns most often: 3 of 4 warnings")
    assert "| three | 1 | use new() |" in result.answer
    # Three distinct notices, since equal prompts are asked once, and one sub-call for each of the two modules.
    assert result.subcalls == 5


STEPS = {
    **dict.fromkeys(("syntax_error", "name_error", "final_misuse", "runaway_loop", "prose_only"), 4),
    **dict.fromkeys(("final_text_literal", "final_forgotten", "repeat_cell"), 3),
    "final_beside_cell": 2,
}
"""Of a question that takes two good replies: a fault comes before both, only once there is a cell before it, or costs nothing."""


@pytest.mark.parametrize("fault", STEPS)
async def test_every_injected_fault_is_survived(fault: str):
    result = await run("How many lines contain 'green'?", FILLER * 3, **{fault: 1.0})

    assert (result.answer, result.success, result.steps) == ("3", True, STEPS[fault])


@pytest.mark.parametrize(("fault", "steps"), [("final_plan", 1), ("final_early", 1), ("final_unfinished", 2)])
async def test_an_answer_before_the_work_is_done_costs_the_run_unless_a_guard_refuses_it(fault: str, steps: int):
    question, ledger = "What is the balance of the ledger at the end?", "2024-01-02 deposit 1.10 x\n" * 3

    lost = await run(question, ledger, **{fault: 1.0})
    kept = await run(question, ledger, guards=Guards(min_steps=3), **{fault: 1.0})

    assert (lost.answer != "3.30", lost.success, lost.steps) == (True, True, steps)
    assert (kept.answer, kept.success) == ("3.30", True)


async def test_a_verified_answer_is_checked_against_the_outputs():
    result = await run("How many lines contain 'green'?", FILLER * 3, guards=Guards(verifications=2), final_early=1.0)

    assert (result.answer, result.verified, result.steps) == ("3", True, 3)


async def test_a_run_with_a_brief_a_prompt_of_ones_own_and_summaries_ends_with_the_same_answer():
    rlm = RLM(
        SimulatedModel(name_error=1.0),
        prompt=PromptSettings(system_prompt="You are a clerk.", context_brief="pre_loop"),
        history=History(compact_at=0.1, window_tokens=5_000),
        journal=":memory:",
    )

    result = await rlm.arun("What is the balance of the ledger at the end?", "2024-01-02 deposit 1.10 x\n" * 3)

    assert result.answer == "3.30"
    assert {role: used.calls for role, used in result.usage.by_role.items()} == {"root_call": 6, "engineer": 1, "compaction": 4}


async def test_a_cell_gets_data_from_a_sub_call():
    code = "FINAL(llm_query_json_batched(['total: 12', 'total: 7'], {'total': 'int'}))"
    rlm = RLM(ScriptedModel([f"```repl\n{code}\n```"]), sub_model=SimulatedModel(), journal=":memory:")

    assert (await rlm.arun("How much?", "x")).value == [{"total": 12}, {"total": 7}]
