from __future__ import annotations

import pytest

from cellblock.engine.asides import LAST_CALL
from cellblock.engine.finals import TextFinal
from cellblock.engine.guards import Guards
from cellblock.engine.observations import observation, refusal
from cellblock.engine.parse import Parsed, parse_reply
from cellblock.engine.prompt import Brief, PromptSettings, first_message, next_message, system_message
from cellblock.errors import ConfigError
from cellblock.models import Message, SimulatedModel, resolve
from cellblock.models.simulated.faults import FAULTS, Shares
from cellblock.repl.protocol import ExecResult

LEDGER = "What is the balance of the ledger at the end?"
LINES = "How many lines contain 'go'?"
LOOKED = ExecResult(stdout="120 characters; entries up to '9999-12-31'\n[next stage: 2]\n")
ADDED = ExecResult(stdout="read 120 of 120 characters; 5 entries, 0 lines not understood; balance 12.30\n[next stage: 3]\n")


def conversation(*results: ExecResult, question: str = LEDGER, last_step: bool = False, **settings: object) -> list[Message]:
    """As many good replies as there are results, and what they were told."""
    brief = Brief(question=question, num_chars=120, num_documents=1, **settings)  # type: ignore[arg-type]
    messages = [system_message(brief), first_message(brief)]
    for number, result in enumerate(results, 1):
        messages.append(Message("assistant", SimulatedModel().reply(messages)))
        messages.append(next_message([observation(number, result)], last_step=last_step and number == len(results)))
    return messages


def parsed(messages: list[Message], **settings: float) -> Parsed:
    return parse_reply(SimulatedModel(**settings).reply(messages))  # type: ignore[arg-type]


def after_a_fault(fault: str, relapse: float, *, last_step: bool = False, seed: int = 0) -> tuple[str, str]:
    """A reply with a fault and the one after it, when the run is told that the first was no good."""
    model = SimulatedModel(seed, relapse=relapse, **{fault: 1.0})  # type: ignore[arg-type]
    messages = conversation()
    bad = model.reply(messages)
    told = next_message([refusal("no")], last_step=last_step)
    return bad, model.reply([*messages, Message("assistant", bad), told])


def test_every_share_has_its_fault_in_the_same_order():
    assert list(Shares.__annotations__) == list(FAULTS)


def test_a_plan_in_the_form_of_an_answer_comes_before_any_cell_alone():
    final = parsed(conversation(), final_plan=1).final

    assert final is not None and final.body.startswith("I will search the context")
    assert parsed(conversation(LOOKED), final_plan=1).final is None


def test_an_early_guess_comes_before_any_cell_alone():
    assert parsed(conversation(), final_early=1).final == TextFinal(body="100.00")
    assert parsed(conversation(LOOKED), final_early=1).final is None


def test_a_guess_before_the_work_is_done_comes_between_the_first_look_and_the_last_cell():
    finals = [parsed(conversation(*seen), final_unfinished=1).final for seen in ((), (LOOKED,), (LOOKED, ADDED))]

    assert finals == [None, TextFinal(body="100.00"), None]


def test_a_variables_name_is_given_as_text_once_the_variable_holds_the_answer():
    assert parsed(conversation(LOOKED), final_text_literal=1).final is None
    assert parsed(conversation(LOOKED, ADDED), final_text_literal=1).final == TextFinal(body="balance")


def test_a_forgotten_answer_is_put_into_a_variable_and_not_handed_over():
    reply = parsed(conversation(LOOKED, ADDED), final_forgotten=1)

    assert (reply.cells, reply.final) == (("final_answer = (str(balance))\n",), None)


def test_an_answer_beside_a_cell_leaves_the_cell_as_it_was():
    bad, good = parsed(conversation(LOOKED), final_beside_cell=1), parsed(conversation(LOOKED))

    assert bad.cells == good.cells and bad.final == TextFinal(body="100.00")


def test_prose_has_neither_a_cell_nor_an_answer():
    reply = parsed(conversation(), prose_only=1)

    assert reply.text and not reply.cells and reply.final is None and not reply.unbalanced_final


def test_a_repeated_cell_is_the_one_before_it():
    assert parsed(conversation(LOOKED), repeat_cell=1).cells == parsed(conversation()).cells
    assert parsed(conversation(), repeat_cell=1).cells == parsed(conversation()).cells, "there is nothing to repeat"


def test_without_relapse_a_fault_is_never_followed_by_another():
    bad, good = after_a_fault("prose_only", 0)

    assert "[simulated fault: prose_only]" in bad and "[simulated fault:" not in good


@pytest.mark.parametrize("fault", ["prose_only", "name_error", "final_early"])
def test_a_stuck_model_makes_the_same_fault_again_even_at_the_last_step(fault: str):
    assert f"[simulated fault: {fault}]" in after_a_fault(fault, 1, last_step=True)[1]


def test_a_model_relapses_at_the_asked_rate():
    again = sum("[simulated fault:" in after_a_fault("prose_only", 0.5, seed=seed)[1] for seed in range(120))

    assert 40 <= again <= 80


def test_faults_do_not_depend_on_the_system_message():
    model = SimulatedModel(2, name_error=0.5)
    replies = [
        [model.reply(conversation(question=f"How many lines contain 'x{n}'?", settings=prompt)) for n in range(30)]
        for prompt in (PromptSettings(), PromptSettings(supplements=("Be brief.",)), PromptSettings(system_prompt="You are a clerk."))
    ]

    assert replies[0] == replies[1] == replies[2]
    assert 5 <= sum("[simulated fault:" in reply for reply in replies[0]) <= 25


def test_a_run_is_recognised_whatever_its_system_message_says():
    reply = parsed(conversation(settings=PromptSettings(system_prompt="You are a clerk.")))

    assert "Decimal" in reply.cells[0]


def test_the_answer_goes_into_the_variable_that_the_prompt_names():
    cells = parsed(conversation(LOOKED, ADDED, guards=Guards(auto_finalize_var="total"))).cells

    assert cells == ("total = (str(balance))\nFINAL(total)\n",)


def test_the_forced_final_is_what_the_outputs_show():
    messages = conversation(LOOKED, ADDED)
    assert parsed(messages).cells
    messages[-1] = Message("user", f"{observation(2, ADDED)}\n\n{LAST_CALL}")

    assert parsed(messages).final == TextFinal(body="12.30")


@pytest.mark.parametrize(
    ("question", "output", "answer"),
    [
        (
            "What are all the special magic numbers for a?",
            "3 sentences, 2 distinct values; the first: ['30', '20']\n[next stage: 2]",
            "30, 20",
        ),
        (LINES, "5 places in 4 lines\n[next stage: 3]", "4"),
        (LINES, "read 9 of 9 characters; 77 lines so far\n[next stage: 3]", "77"),
        ("Labels: spam, ham. What is the most frequent label?", "[['ham', 9], ['spam', 2]]\n[next stage: 3]", "ham"),
        ("Labels: spam, ham. What is the least frequent label?", "[('ham', 9), ('spam', 2)]\n[next stage: 3]", "spam"),
        ("Labels: spam, ham. How many have the label 'spam'?", "[('ham', 9), ('spam', 2)]\n[next stage: 3]", "2"),
        ("What is the parrot called?", "1 sub-calls, 1 answers\nthe first: 'Bo.'\n[next stage: 3]", "Bo."),
    ],
)
def test_each_kinds_answer_is_read_off_its_outputs(question: str, output: str, answer: str):
    messages = conversation(ExecResult(stdout=output), question=question)
    messages[-1] = Message("user", f"{messages[-1].content}\n\n{LAST_CALL}")

    final = parsed(messages).final

    assert final is not None and final.body == answer


def test_a_forced_final_before_the_work_is_done_says_so():
    messages = conversation(LOOKED)
    messages[-1] = Message("user", f"{observation(1, LOOKED)}\n\n{LAST_CALL}")

    final = parsed(messages).final

    assert final is not None and final.body.startswith("No answer: the steps ran out")


def test_an_unknown_share_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"no setting 'final_late'; known: seed, .*final_early"):
        SimulatedModel(final_late=0.5)  # type: ignore[call-arg]


def test_every_setting_is_taken_back_from_the_name():
    model = SimulatedModel(4, relapse=0.5, latency_seconds=0.25, **dict.fromkeys(FAULTS, 0.125))  # type: ignore[arg-type]

    again = resolve(model.name)

    assert isinstance(again, SimulatedModel)
    assert (again.name, again.identity, again.shares, again.relapse) == (model.name, model.identity, model.shares, 0.5)


@pytest.mark.parametrize("setting", [*FAULTS, "relapse"])
@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(setting: str, share: float):
    with pytest.raises(ConfigError, match=setting):
        SimulatedModel(**{setting: share})  # type: ignore[arg-type]


def test_models_that_relapse_differently_are_different_to_a_cache():
    assert SimulatedModel(relapse=0.5).identity != SimulatedModel().identity
