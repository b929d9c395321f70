"""Where an answer comes from when the model gives none by itself, and when the loop gives up."""

from __future__ import annotations

import pytest

from cellblock.engine.effects import Exec, GetVariable, Got, Outcome, Stopped
from cellblock.engine.guards import Guards
from cellblock.errors import ConfigError, MaxStepsExceeded, MaxTokensExceeded
from cellblock.limits import RunLimits

from .play import CELL, asks, failed, play, ran, refusals, reply, told

OVER = MaxTokensExceeded("tokens", allowed=100, used=101)
AUTO = Guards(auto_finalize_var="total")


# -- auto_finalize_var


def test_the_answer_is_ready_as_soon_as_the_variable_is_set() -> None:
    effects, end = play([reply(CELL), ran(changed=("total",)), Got(value=[1, 2])], guards=AUTO)
    assert effects[-1] == GetVariable(name="total", step=1)
    assert (end.success, end.value, end.ending) == (True, [1, 2], "auto_variable")


def test_other_variables_are_not_looked_at() -> None:
    effects, end = play([reply(CELL), ran(changed=("other",)), reply("FINAL(1)")], guards=AUTO)
    assert not any(isinstance(effect, GetVariable) for effect in effects)
    assert end.ending == "final"


@pytest.mark.parametrize(
    ("value", "guards"),
    [
        (None, AUTO),
        ("", AUTO),
        ("short", Guards(auto_finalize_var="total", auto_finalize_min_length=6)),
        ("I do NOT know it", Guards(auto_finalize_var="total", auto_finalize_reject_patterns=("not know",))),
    ],
)
def test_a_variable_that_is_no_answer_yet_is_passed_over(value: str | None, guards: Guards) -> None:
    _, end = play([reply(CELL), ran(changed=("total",)), Got(value=value), reply("FINAL(1)")], guards=guards)
    assert (end.value, end.ending) == ("1", "final")


def test_zero_in_the_variable_is_an_answer() -> None:
    _, end = play([reply(CELL), ran(changed=("total",)), Got(value=0)], guards=AUTO)
    assert (end.success, end.value) == (True, 0)


def test_the_variable_waits_for_what_the_other_guards_demand() -> None:
    guards = Guards(auto_finalize_var="total", require_subcall_before_final=True)
    # The second cell does not bind it anew.
    effects, end = play([reply(CELL), ran(changed=("total",)), Got(value=3), reply(CELL), ran(subcalls=1), Got(value=3)], guards=guards)
    assert (end.value, end.ending) == (3, "auto_variable")
    assert "sub-call" in refusals(effects)[0]


def test_a_variable_that_is_filled_in_place_is_looked_at_again() -> None:
    guards = Guards(auto_finalize_var="total", auto_finalize_min_length=3)
    _, end = play([reply(CELL), ran(changed=("total",)), Got(value=[]), reply(CELL), ran(), Got(value=[1, 2])], guards=guards)
    assert (end.value, end.ending) == ([1, 2], "auto_variable")


def test_a_variable_that_had_to_wait_is_the_partial_answer() -> None:
    guards = Guards(auto_finalize_var="total", min_steps=3)
    _, end = play([reply(CELL), ran(changed=("total",)), Got(value=3), Stopped(error=OVER)], guards=guards)
    assert (end.value, end.ending) == (3, "budget")


def test_at_the_last_step_the_variable_comes_first() -> None:
    guards = Guards(auto_finalize_var="total", auto_finalize_min_length=3)
    outcomes = [reply(CELL), ran(changed=("total",)), Got(value="1"), reply(CELL), ran(), Got(value="long")]
    _, end = play(outcomes, steps=2, guards=guards)
    assert (end.success, end.value, end.ending) == (True, "long", "auto_variable")


def test_reject_patterns_are_plain_texts() -> None:
    guards = Guards(auto_finalize_var="total", auto_finalize_reject_patterns=("a.*b",))
    _, end = play([reply(CELL), ran(changed=("total",)), Got(value="a---b")], guards=guards)
    assert end.value == "a---b"


# -- the forced final call, the last output, nothing


def test_after_the_last_step_the_model_is_asked_for_an_answer_alone() -> None:
    effects, end = play([reply(CELL), ran("seen\n"), reply("FINAL(42)")], steps=1)
    assert [ask.purpose for ask in asks(effects)] == ["reply", "final"]
    assert "seen" in told(effects)
    assert "All steps are used up" in told(effects)
    assert (end.success, end.value, end.ending) == (True, "42", "forced_final")


@pytest.mark.parametrize("said", ["It is Paris.", "FINAL: It is Paris."])
def test_the_answer_on_demand_may_be_plain_words(said: str) -> None:
    _, end = play([reply(CELL), ran(), reply(said)], steps=1)
    assert (end.success, end.value) == (True, "It is Paris.")


def test_the_answer_on_demand_may_be_a_variable() -> None:
    _, end = play([reply(CELL), ran(changed=("rows",)), reply("FINAL_VAR(rows)"), Got(value=[1])], steps=1)
    assert (end.value, end.ending) == ([1], "forced_final")


def test_a_cell_in_the_answer_on_demand_does_not_run() -> None:
    effects, end = play([reply(CELL), ran("seen\n"), reply(CELL)], steps=1)
    assert sum(isinstance(effect, Exec) for effect in effects) == 1
    assert (end.success, end.value, end.ending) == (False, "seen", "last_output")
    assert isinstance(end.failure, MaxStepsExceeded)


def test_a_budget_that_is_over_leaves_no_call_for_an_answer() -> None:
    _, end = play([reply(CELL), ran("seen\n"), Stopped(error=OVER)], steps=1)
    assert (end.success, end.value, end.failure, end.ending) == (False, "seen", OVER, "budget")


def test_without_the_forced_call_and_without_output_there_is_nothing() -> None:
    _, end = play([reply(CELL), ran()], steps=1, guards=Guards(forced_final=False))
    assert (end.success, end.value, end.ending) == (False, "", "failed")


def test_no_answer_is_asked_for_that_the_guards_would_refuse() -> None:
    effects, end = play([reply(CELL), ran("out")], steps=1, guards=Guards(require_subcall_before_final=True))
    assert len(asks(effects)) == 1
    assert (
        end.error == "all 1 steps were taken without a final answer; no sub-call was made yet; use llm_query, llm_query_batched or "
        "rlm_query in a cell before the final answer"
    )


# -- giving up


def test_cells_that_fail_in_a_row_end_the_loop() -> None:
    guards = Guards(repl_error_limit=2, forced_final=False)
    _, end = play([reply(CELL), failed(), reply(CELL), failed()], guards=guards)
    assert (end.success, end.error, end.failure) == (False, "2 cells in a row failed", None)


def test_a_cell_that_works_starts_the_count_of_errors_anew() -> None:
    outcomes: list[Outcome] = [reply(CELL), failed(), reply(CELL), ran(), reply(CELL), failed(), reply("FINAL(1)")]
    assert play(outcomes, guards=Guards(repl_error_limit=2))[1].success


def test_the_same_cells_with_the_same_output_end_the_loop() -> None:
    outcomes = [reply(CELL), ran("a"), reply(CELL), ran("a"), reply(CELL), ran("a"), reply("FINAL(x)")]
    effects, end = play(outcomes, guards=Guards(loop_collapse_limit=3))
    assert "These cells gave the same output as in the reply before" in asks(effects)[2].messages[-1].content
    assert asks(effects)[-1].purpose == "final"
    assert end.ending == "forced_final"


def test_the_same_cell_with_another_output_is_progress() -> None:
    outcomes: list[Outcome] = []
    for number in range(6):
        outcomes += [reply(CELL), ran(str(number))]
    assert play([*outcomes, reply("FINAL(1)")])[1].ending == "final"


def test_the_fallback_cell_runs_where_the_loop_would_give_up() -> None:
    guards = Guards(fallback_code="FINAL(tally())", invalid_response_limit=2)
    effects, end = play([reply("Hm."), reply("Hm."), ran(has_final=True, final=9)], guards=guards)
    fallback = effects[-1]
    assert isinstance(fallback, Exec)
    assert (fallback.code, fallback.origin) == ("FINAL(tally())", "fallback")
    assert (end.success, end.value) == (True, 9)


def test_after_a_fallback_without_an_answer_the_loop_goes_on_once() -> None:
    guards = Guards(fallback_code="print(1)", invalid_response_limit=1, forced_final=False)
    effects, end = play([reply("Hm."), ran("1\n"), reply("Hm.")], guards=guards)
    assert "A cell that was prepared for this case ran in your place:\n\nOutput of cell 1:\n1" in asks(effects)[1].messages[-1].content
    assert (end.success, end.value, end.error) == (False, "1", "1 replies in a row had neither a cell nor a final answer")


def test_what_the_fallback_cell_showed_is_not_what_the_next_reply_showed() -> None:
    guards = Guards(fallback_code="print(0)", repl_error_limit=1, loop_collapse_limit=2, forced_final=False)
    same = [reply(CELL), ran("1\n")]
    effects, end = play([reply(CELL), failed(), ran("0\n"), *same, *same], guards=guards)
    assert [type(effect) for effect in effects].count(Exec) == 4
    assert end.error == "2 replies in a row ran the same cells, with the same output"


# -- depth


STRICT = Guards(depth_enforcement="strict", require_min_depth=2, require_min_recursive_calls=2)


def test_strict_depth_refuses_an_answer_without_the_child_runs() -> None:
    outcomes = [
        reply(CELL), ran(has_final=True, final=1, children=1, deepest=2),
        reply(CELL), ran(has_final=True, final=2, children=2, deepest=1),
        reply(CELL), ran(has_final=True, final=3, children=2, deepest=2),
    ]  # fmt: skip
    effects, end = play(outcomes, guards=STRICT)
    assert [text.partition(",")[0] for text in refusals(effects)] == ["1 child runs were opened", "child runs reached depth 1"]
    assert end.value == 3


def test_strict_depth_is_an_error_at_the_last_step() -> None:
    effects, end = play([reply("FINAL(1)")], steps=1, guards=STRICT)
    assert (end.success, end.value) == (False, "1")
    assert end.error is not None
    assert end.error.startswith("the final answer was refused: 0 child runs were opened, and 2 are needed")
    assert len(asks(effects)) == 1


def test_soft_depth_only_asks_for_it() -> None:
    guards = Guards(depth_enforcement="soft", require_min_depth=2, require_min_recursive_calls=3)
    effects, end = play([reply("FINAL(1)")], guards=guards)
    assert end.success
    assert "at least 3 child runs with rlm_query and let them open child runs of their own, 2 deep" in asks(effects)[0].messages[0].content


@pytest.mark.parametrize(
    ("guards", "limits", "message"),
    [
        (STRICT, RunLimits(depth=1), "require_min_depth=2 with depth=1"),
        (STRICT, RunLimits(depth=2, subcalls=1), "require_min_recursive_calls=2 with subcalls=1"),
        (Guards(depth_enforcement="soft", require_min_recursive_calls=1), RunLimits(depth=0), "with depth=0"),
        (Guards(require_min_depth=1), RunLimits(), "need depth_enforcement='soft' or 'strict'"),
    ],
)
def test_what_no_run_can_satisfy_is_refused_up_front(guards: Guards, limits: RunLimits, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        guards.check(limits)


@pytest.mark.parametrize(
    "settings",
    [
        {"depth_enforcement": "hard"},
        {"auto_finalize_var": "a b"},
        {"auto_finalize_reject_patterns": ("x",)},
        {"auto_finalize_var": "a", "auto_finalize_reject_patterns": "x"},
        {"auto_finalize_var": "a", "auto_finalize_reject_patterns": ("",)},
        {"repl_error_limit": 0},
        {"loop_collapse_limit": 1},
        {"verifications": -1},
        {"min_steps": True},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(reversed(settings)))):
        Guards(**settings)  # type: ignore[arg-type]


def test_child_runs_keep_the_limits_and_are_spared_the_demands() -> None:
    guards = Guards(require_repl_before_final=True, min_steps=3, invalid_response_limit=7, verifications=2, auto_finalize_var="x")
    assert guards.for_child() == Guards(invalid_response_limit=7)
