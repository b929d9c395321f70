from __future__ import annotations

import pytest

from cellblock.engine.effects import Ask, Exec, GetVariable, Got, Outcome, Ran, Refuse, Stopped
from cellblock.engine.endings import answered
from cellblock.engine.guards import Guards
from cellblock.engine.value_texts import answer_text
from cellblock.errors import ConfigError, MaxStepsExceeded, MaxSubcallsExceeded, MaxTokensExceeded
from cellblock.limits import RunLimits
from cellblock.repl.protocol import ExecResult

from .play import CELL, asks, failed, play, ran, reply, told

TWO_CELLS = "```repl\na\n```\n```repl\nb\n```"
OVER = MaxTokensExceeded("tokens", allowed=100, used=101)


def test_a_final_in_a_cell_keeps_its_type() -> None:
    _, end = play([reply(CELL), ran(has_final=True, final=[1, "two"])])
    assert end == answered([1, "two"], [1, "two"])


@pytest.mark.parametrize("value", [0, "", None, False, [], 0.0])
def test_an_empty_value_is_an_answer(value: object) -> None:
    _, end = play([reply(CELL), ran(has_final=True, final=value)])
    assert (end.success, end.value) == (True, value)


@pytest.mark.parametrize(("text", "answer"), [("FINAL(42)", "42"), ('FINAL("")', ""), ("FINAL(0)", "0"), ("Well.\nFINAL: Paris", "Paris")])
def test_a_final_in_the_text_is_an_answer(text: str, answer: str) -> None:
    _, end = play([reply(text)])
    assert end == answered(answer, answer)


def test_a_final_var_in_the_text_reads_the_variable_with_its_type() -> None:
    effects, end = play([reply("FINAL_VAR(rows)"), Got(value=[1, 2])])
    assert effects[-1] == GetVariable(name="rows", step=1)
    assert end == answered([1, 2], [1, 2])


def test_a_missing_variable_is_explained() -> None:
    effects, end = play([reply("FINAL_VAR(rows)"), Got(missing="there is no rows"), reply("FINAL(1)")])
    assert "Refused: there is no rows" in told(effects)
    assert end.success


@pytest.mark.parametrize("name", ["rows[0]", "a b", "", "class", "x" * 300, "__import__('os')"])
def test_what_is_no_name_is_never_looked_up(name: str) -> None:
    effects, _ = play([reply(f"FINAL_VAR({name})"), reply("FINAL(1)")])
    assert not any(isinstance(effect, GetVariable) for effect in effects)
    assert "FINAL_VAR takes the name of one variable" in told(effects)


def test_the_name_of_a_variable_as_a_text_final_is_asked_about() -> None:
    effects, end = play([reply(CELL), ran(changed=("total",)), reply("FINAL(total)"), reply('FINAL("total")')])
    assert "write FINAL_VAR(total) for the variable" in told(effects)
    assert end.value == "total"


def test_the_name_of_a_variable_at_the_last_step_is_the_variable() -> None:
    _, end = play([reply(CELL), ran(changed=("total",)), reply("FINAL(total)"), Got(value=7)], steps=2)
    assert end == answered(7, 7)


def test_a_final_beside_a_cell_is_ignored_and_the_model_is_told() -> None:
    effects, end = play([reply(CELL + "\nFINAL(guess)"), ran("seen\n"), reply("FINAL(sure)")])
    assert "Refused: the FINAL in the text was ignored" in told(effects)
    assert "Output of cell 1:\nseen" in told(effects)
    assert end.value == "sure"


def test_cells_run_in_order_and_are_numbered_through_the_run() -> None:
    effects, _ = play([reply(TWO_CELLS), ran("1"), ran("2"), reply(CELL), ran("3"), reply("FINAL(x)")])
    assert [(e.code, e.step, e.index) for e in effects if isinstance(e, Exec)] == [("a\n", 1, 0), ("b\n", 1, 1), ("x = 1\n", 2, 0)]
    assert "Output of cell 3:\n3" in told(effects)


def test_cells_after_a_failed_one_do_not_run() -> None:
    effects, _ = play([reply(TWO_CELLS), failed(), reply("FINAL(x)")])
    assert sum(isinstance(effect, Exec) for effect in effects) == 1
    assert "The other 1 cells of the reply did not run" in told(effects)


def test_cells_after_a_final_do_not_run() -> None:
    effects, end = play([reply(TWO_CELLS), ran(has_final=True, final=1)])
    assert sum(isinstance(effect, Exec) for effect in effects) == 1
    assert end.success


def test_a_final_in_a_cell_that_failed_afterwards_is_refused() -> None:
    effects, end = play([reply(CELL), failed(has_final=True, final="early"), reply("FINAL(late)")])
    assert "Refused: the cell failed after FINAL" in told(effects)
    assert end.value == "late"


def test_replies_without_cell_or_answer_end_the_run_after_the_limit() -> None:
    effects, end = play([reply("Hm."), reply(""), reply("It is Paris.")], guards=Guards(forced_final=False))
    assert (end.success, end.value, end.ending) == (False, "It is Paris.", "last_output")
    assert end.error == "3 replies in a row had neither a cell nor a final answer"
    assert sum(isinstance(effect, Refuse) for effect in effects) == 3


def test_a_cell_starts_the_count_of_invalid_replies_anew() -> None:
    _, end = play([reply("Hm."), reply("Hm."), reply(CELL), ran(), reply("Hm."), reply("Hm."), reply("FINAL(1)")])
    assert end.success


def test_an_empty_reply_leaves_no_empty_turn() -> None:
    effects, _ = play([reply(""), reply("FINAL(1)")])
    assert all(message.content for effect in effects if isinstance(effect, Ask) for message in effect.messages)


def test_an_answer_before_any_cell_is_refused_if_a_cell_is_required() -> None:
    effects, end = play([reply("FINAL(1)"), reply(CELL), ran(), reply("FINAL(2)")], guards=Guards(require_repl_before_final=True))
    assert [effect.reason for effect in effects if isinstance(effect, Refuse)] == [
        "no cell has run yet; look at the context with a ```repl cell before the final answer"
    ]
    assert end.value == "2"


def test_an_answer_without_a_subcall_is_refused_if_one_is_required() -> None:
    with_call = Ran(result=ExecResult(has_final=True, final=2), subcalls=1)
    effects, end = play(
        [reply(CELL), ran(has_final=True, final=1), reply(CELL), with_call], guards=Guards(require_subcall_before_final=True)
    )
    assert sum(isinstance(effect, Refuse) for effect in effects) == 1
    assert end.value == 2


def test_an_answer_before_min_steps_is_refused() -> None:
    _, end = play([reply("FINAL(1)"), reply("FINAL(2)")], guards=Guards(min_steps=2))
    assert end.value == "2"


def test_min_steps_beyond_the_steps_are_refused_up_front() -> None:
    with pytest.raises(ConfigError, match="min_steps=3 with steps=2"):
        Guards(min_steps=3).check(RunLimits(steps=2))


def test_only_the_last_step_is_announced_as_such() -> None:
    effects, _ = play([reply(CELL), ran(), reply("FINAL(1)")], steps=2)
    first, second = [effect.messages[-1].content for effect in effects if isinstance(effect, Ask)]
    assert "last step" not in first
    assert "This is the last step: answer now with FINAL(...)" in second


def test_plain_words_at_the_last_step_are_the_answer() -> None:
    _, end = play([reply(CELL), ran("out"), reply("It is Paris.")], steps=2, guards=Guards(forced_final=False))
    assert end == answered("It is Paris.", "It is Paris.")


def test_plain_words_at_the_last_step_are_asked_about_where_one_more_call_may_be_made() -> None:
    effects, end = play([reply(CELL), ran("out"), reply("I will now count them."), reply("FINAL(7)")], steps=2)
    assert asks(effects)[-1].purpose == "final"
    assert (end.value, end.ending) == ("7", "forced_final")


def test_the_last_output_is_the_partial_answer_when_the_steps_are_used_up() -> None:
    _, end = play([reply(CELL), ran("first\n"), reply(CELL), ran("second\n")], steps=2, guards=Guards(forced_final=False))
    assert (end.success, end.value, end.ending) == (False, "second", "last_output")
    assert isinstance(end.failure, MaxStepsExceeded)
    assert end.error == "all 2 steps were taken without a final answer"


def test_a_refused_answer_at_the_last_step_is_the_partial_answer() -> None:
    _, end = play([reply("FINAL(guess)")], steps=1, guards=Guards(require_repl_before_final=True))
    assert (end.success, end.value) == (False, "guess")
    assert end.error is not None
    assert end.error.startswith("the final answer was refused: no cell has run")


@pytest.mark.parametrize(
    "outcomes", [[Stopped(error=OVER)], [reply(CELL), Stopped(error=OVER)], [reply("FINAL_VAR(x)"), Stopped(error=OVER)]]
)
def test_a_refused_effect_ends_the_run(outcomes: list[Outcome]) -> None:
    _, end = play(outcomes)
    assert (end.success, end.failure) == (False, OVER)


def test_a_budget_that_ends_within_a_cell_ends_the_run_after_it_with_its_output() -> None:
    over = MaxSubcallsExceeded("subcalls", allowed=1, used=2)
    effects, end = play([reply(TWO_CELLS), Ran(result=ExecResult(stdout="half\n"), stopped=over)])
    assert (end.success, end.value, end.failure) == (False, "half", over)
    assert sum(isinstance(effect, Exec) for effect in effects) == 1


def test_an_answer_given_in_the_cell_that_used_up_the_budget_counts() -> None:
    _, end = play([reply(CELL), Ran(result=ExecResult(has_final=True, final=3), stopped=OVER)])
    assert end == answered(3, 3)


def test_each_run_of_the_loop_counts_from_one() -> None:
    for _ in range(2):
        effects, _ = play([reply("FINAL(1)")], steps=1)
        assert [effect.step for effect in effects] == [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (0, "0"),
        (None, "None"),
        (True, "True"),
        (b"\xff", "\ufffd"),
        ([1, {"a": "é"}], '[1,{"a":"é"}]'),
        (10**40, "1" + "0" * 40),
    ],
)
def test_a_value_has_a_text(value: object, text: str) -> None:
    assert answer_text(value) == text  # type: ignore[arg-type]


def test_a_number_too_long_to_write_out_has_a_text_too() -> None:
    assert answer_text(1 << 14_333) == answer_text([1 << 14_333]) == "(a number of too many digits)"


def test_the_text_of_an_answer_is_made_once() -> None:
    conclusion = answered(["a"], None)
    assert conclusion.text == '["a"]' and conclusion.text is conclusion.text
