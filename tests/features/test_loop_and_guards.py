"""The loop and its guards: what a reply may hold, what an answer must have behind it, and how a run ends, on every sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cellblock import Guards, History, Journal, Models, PromptSettings, RunLimits, ScriptedModel
from cellblock.errors import ConfigError, MaxStepsExceeded
from cellblock.events import ModelAsked, RunStarted

from .stage import cell, engine, play

pytestmark = pytest.mark.anyio

LOOK = cell("print('seen')")


# -- replies


async def test_blocks_marked_repl_python_py_or_not_at_all_run_in_order(sandbox: str) -> None:
    reply = "First\n```repl\nx = [1]\n```\nthen\n```python\nx.append(2)\n```\n~~~py\nx.append(3)\n~~~\n```\nx.append(4)\n```\n"
    played = await play(sandbox, reply + "```json\n[5]\n```\n```bash\nx.append(6)\n```", cell("FINAL(x)"))
    assert played.result.value == [1, 2, 3, 4]
    assert len(played.codes) == 5


async def test_the_rest_of_a_reply_does_not_run_after_an_error(sandbox: str) -> None:
    played = await play(sandbox, cell("x = 1\n1 / 0") + "\n" + cell("x = 2"), cell("FINAL(x)"))
    assert played.result.value == 1
    assert "The other 1 cells of the reply did not run" in played.told[1]


async def test_text_outside_fences_is_reasoning(sandbox: str) -> None:
    played = await play(sandbox, "x = 99\nI think that `x = 98` is right.\n    x = 97\n" + cell("x = 1") + "\nx = 96", cell("FINAL(x)"))
    assert played.result.value == 1


IMAGINED = ["tool_call", "function_calls", "invoke name='python'", "function=python", "tool_response", "function_results", "think"]


@pytest.mark.parametrize("tag", IMAGINED)
async def test_imagined_tool_calls_results_and_thoughts_are_stripped(sandbox: str, tag: str) -> None:
    closing = tag.replace("=", " ").split()[0]
    reply = f"<{tag}>\n" + cell("x = 2") + f"\nFINAL(3)\n</{closing}>\n" + cell("x = 1")
    played = await play(sandbox, reply, cell("FINAL(x)"))
    assert (played.result.value, played.refused, len(played.codes)) == (1, [], 2)


async def test_structured_replies_are_understood(sandbox: str) -> None:
    code = json.dumps({"reasoning": "look", "code": "n = len(P)\nprint(n)", "is_final": False, "final_answer": None})
    final = json.dumps({"reasoning": "so", "code": "", "is_final": True, "final_answer": {"n": [11]}})
    played = await play(sandbox, code, final, prompt=PromptSettings(structured_replies=True))
    assert played.result.value == {"n": [11]}
    assert "11" in played.told[1]
    assert '"final_answer"' in played.system


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("FINAL(forty (two))", "forty (two)"),
        ('FINAL("a ) b")', "a ) b"),
        ("FINAL: forty two", "forty two"),
        ("So:\nFINAL(it's 42)", "it's 42"),
        ("FINAL_VAR(v)", [4, 2]),
        ("FINAL_VAR: v", [4, 2]),
        ("FINAL_VAR('v')", [4, 2]),
    ],
)
async def test_a_final_in_the_text_is_an_answer(sandbox: str, said: str, value: object) -> None:
    played = await play(sandbox, cell("v = [4, 2]"), said)
    assert (played.result.success, played.result.value, played.result.ending) == (True, value, "final")


@pytest.mark.parametrize(
    "said", ["The answer is FINAL(no)", "```text\nFINAL(no)\n```", "~~~json\nFINAL: no\n~~~", "    FINAL(no)", "FINAL(no", "`FINAL(no)`"]
)
async def test_a_final_counts_only_outside_fences_at_the_start_of_a_line_and_closed(said: str) -> None:
    played = await play("monty", said, "FINAL(yes)")
    assert (played.result.value, played.result.steps) == ("yes", 2)
    assert len(played.refused) == 1


async def test_a_final_beside_a_cell_is_ignored_and_the_model_is_told(sandbox: str) -> None:
    played = await play(sandbox, cell("x = 5") + "\nFINAL(guess)", "FINAL_VAR(x)")
    assert (played.result.value, played.codes) == (5, ["x = 5"])
    assert "Refused: the FINAL in the text was ignored" in played.told[1]


# -- auto_finalize_var


async def test_auto_finalize_var_ends_the_run_as_soon_as_it_is_set(sandbox: str) -> None:
    played = await play(sandbox, cell("other = 1"), cell("total = {'n': [1, 2]}"), guards=Guards(auto_finalize_var="total"))
    assert (played.result.value, played.result.ending, played.result.steps) == ({"n": [1, 2]}, "auto_variable", 2)
    assert "variable total" in played.system


async def test_auto_finalize_min_length_and_reject_patterns(sandbox: str) -> None:
    guards = Guards(auto_finalize_var="t", auto_finalize_min_length=6, auto_finalize_reject_patterns=("do not know", "N/A"))
    cells = ["t = 'short'", "t = 'I do NOT know it'", "t = 'n/a, sorry'", "t = None", "t = 'long enough'"]
    played = await play(sandbox, *map(cell, cells), guards=guards)
    assert (played.result.value, played.result.steps) == ("long enough", 5)


# -- what an answer must have behind it


async def test_require_repl_before_final(sandbox: str) -> None:
    played = await play(sandbox, "FINAL(guess)", LOOK, "FINAL(known)", guards=Guards(require_repl_before_final=True))
    assert played.result.value == "known"
    assert "Refused: no cell has run yet" in played.told[1]


async def test_require_subcall_before_final(sandbox: str) -> None:
    replies = ["FINAL(guess)", cell("FINAL('guess')"), cell("x = llm_query('a')"), "FINAL(known)"]
    played = await play(sandbox, *replies, guards=Guards(require_subcall_before_final=True))
    assert played.result.value == "known"
    assert all("Refused: no sub-call was made yet" in told for told in played.told[1:3])


async def test_min_steps(sandbox: str) -> None:
    played = await play(sandbox, "FINAL(1)", cell("FINAL(2)"), "FINAL(3)", guards=Guards(min_steps=3))
    assert played.result.value == "3"
    assert ["an answer is taken from reply 3 on" in told for told in played.told] == [False, True, True]


async def test_invalid_response_limit() -> None:
    played = await play("monty", "Hm.", "Well.", guards=Guards(invalid_response_limit=2, forced_final=False))
    assert (played.result.success, played.result.answer, played.result.steps) == (False, "Well.", 2)
    assert "2 replies in a row" in (played.result.error or "")
    assert "the reply has neither a cell nor a final answer" in played.told[1]


async def test_repl_error_limit(sandbox: str) -> None:
    replies = [cell("1 / 0"), LOOK, cell("1 / 0"), cell("[][0]")]
    played = await play(sandbox, *replies, guards=Guards(repl_error_limit=2, forced_final=False))
    assert (played.result.success, played.result.error, played.result.steps) == (False, "2 cells in a row failed", 4)


async def test_fallback_code_runs_where_the_loop_would_give_up(sandbox: str) -> None:
    guards = Guards(fallback_code="FINAL(len(P) + x)", invalid_response_limit=1)
    played = await play(sandbox, cell("x = 1"), "Hm.", guards=guards, context="abc")
    assert (played.result.success, played.result.value) == (True, 4)


async def test_loop_collapse_limit(sandbox: str) -> None:
    played = await play(sandbox, LOOK, LOOK, LOOK, guards=Guards(loop_collapse_limit=3, forced_final=False))
    assert (played.result.success, played.result.answer, played.result.steps) == (False, "seen", 3)
    assert "gave the same output as in the reply before" in played.told[2]
    assert "3 replies in a row ran the same cells" in (played.result.error or "")


# -- depth

DEEP = cell("FINAL(rlm_query('deeper'))")


def _depth(enforcement: Any) -> dict[str, Any]:
    return {"guards": Guards(depth_enforcement=enforcement, require_min_depth=1, require_min_recursive_calls=1)}


async def test_depth_enforcement_soft_asks_for_it_in_the_prompt(sandbox: str) -> None:
    played = await play(sandbox, "FINAL(alone)", **_depth("soft"))
    assert (played.result.success, played.result.value) == (True, "alone")
    assert "at least one child run with rlm_query" in played.system


async def test_depth_enforcement_strict_refuses_an_answer_without_it(sandbox: str) -> None:
    played = await play(sandbox, "FINAL(alone)", DEEP, "FINAL(from below)", **_depth("strict"))
    assert (played.result.success, played.result.value) == (True, "from below")
    assert "Refused: 0 child runs were opened, and 1 are needed" in played.told[1]


async def test_depth_enforcement_strict_is_an_error_at_the_last_step(sandbox: str) -> None:
    played = await play(sandbox, LOOK, "FINAL(alone)", limits=RunLimits(steps=2), **_depth("strict"))
    assert (played.result.success, played.result.answer) == (False, "alone")
    assert "0 child runs were opened" in (played.result.error or "")


@pytest.mark.parametrize(
    ("guards", "limits"),
    [
        ({"require_min_depth": 2}, {"depth": 1}),
        ({"require_min_recursive_calls": 1}, {"depth": 0}),
        ({"require_min_recursive_calls": 3}, {"subcalls": 2}),
    ],
)
def test_depth_that_no_run_can_reach_is_refused_up_front(guards: dict[str, int], limits: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(guards))):
        engine("monty", ScriptedModel(), guards=Guards(depth_enforcement="strict", **guards), limits=RunLimits(**limits))  # type: ignore[arg-type]


# -- what the model is shown again


def _counting(steps: int) -> list[str]:
    return [cell(f"n = {step}\nprint('out', n, '.' * 400)") for step in range(steps)]


async def test_history_off_shows_the_last_turn_alone(sandbox: str) -> None:
    played = await play(sandbox, *_counting(4), "FINAL(1)", history=History(keep_turns=False))
    shown = played.root.calls[-1].messages
    assert [message.role for message in shown] == ["system", "user", "assistant", "user"]
    assert shown[1].content.startswith("Question:\nq")
    assert "out 3" in shown[3].content and "3 earlier turns" in shown[1].content


async def test_max_history_tokens_drops_the_oldest_turns_and_the_journal_keeps_them(sandbox: str, tmp_path: Path) -> None:
    history, path = History(max_history_tokens=1_500), tmp_path / "journal.db"
    played = await play(sandbox, *_counting(9), "FINAL(1)", history=history, journal=path)
    shown = played.root.calls[-1].messages
    assert (shown[0].role, shown[1].content.splitlines()[1]) == ("system", "q")
    assert "out 8" in shown[-1].content and not any("out 0" in message.content for message in shown)
    with Journal(path) as journal:
        kept = json.dumps([effect.payload for effect in journal.effects(played.result.run_id)], default=str)
    assert all(f"out {step} " in kept for step in range(9))


async def test_compaction_replaces_old_turns_at_a_share_of_the_window(sandbox: str) -> None:
    replies = [*_counting(4), "Three outputs were seen.", "FINAL(1)"]
    played = await play(sandbox, *replies, history=History(compact_at=0.5, window_tokens=2_400))
    assert "compaction" in [event.role for event in played.of(ModelAsked)]
    last = played.root.calls[-1].messages
    assert "Three outputs were seen." in last[1].content and "out 3" in last[-1].content
    assert not any("out 0" in message.content for message in last)


async def test_a_long_output_is_shown_by_head_and_tail(sandbox: str) -> None:
    played = await play(sandbox, cell("print('HEAD' + 'x' * 15_000 + 'TAIL')"), cell("print('y' * 30_000)"), "FINAL(1)")
    assert "HEADx" in played.told[1] and "xTAIL" in played.told[1]
    assert "characters left out" in played.told[1] and len(played.told[1]) < 11_000
    assert "characters of output were dropped" in played.told[2]


async def test_a_silent_cell_shows_the_variables_that_it_changed(sandbox: str) -> None:
    played = await play(sandbox, cell("a = 1\nb = [2]"), cell("b.append(3)\nc = a"), cell("pass"), "FINAL(1)")
    assert "Changed variables: a, b" in played.told[1]
    assert "c" in played.told[2].partition("Changed variables:")[2]
    assert "(no output, no variable changed)" in played.told[3]


# -- the last step


async def test_at_the_last_step_the_auto_variable_comes_first(sandbox: str) -> None:
    guards = Guards(auto_finalize_var="t", min_steps=2)
    played = await play(sandbox, cell("t = 7"), LOOK, limits=RunLimits(steps=2), guards=guards)
    assert (played.result.success, played.result.value, played.result.ending) == (True, 7, "auto_variable")
    assert "This is the last step" in played.told[1]


async def test_then_the_model_is_made_to_answer(sandbox: str) -> None:
    played = await play(sandbox, cell("t = [7]"), "FINAL_VAR(t)", limits=RunLimits(steps=1))
    assert (played.result.success, played.result.value, played.result.ending) == (True, [7], "forced_final")


async def test_then_the_last_output_is_a_partial_answer(sandbox: str) -> None:
    played = await play(sandbox, LOOK, LOOK, limits=RunLimits(steps=1))
    assert (played.result.success, played.result.answer, played.result.ending) == (False, "seen", "last_output")
    with pytest.raises(MaxStepsExceeded) as caught:
        played.result.raise_for_failure()
    assert caught.value.result.answer == "seen"


async def test_then_the_run_has_failed(sandbox: str) -> None:
    played = await play(sandbox, cell("x = 1"), limits=RunLimits(steps=1), guards=Guards(forced_final=False))
    assert (played.result.success, played.result.answer, played.result.ending) == (False, "", "failed")


# -- the prompt


async def test_system_prompt_compact_prompt_and_supplements(sandbox: str) -> None:
    own = await play(sandbox, "FINAL(1)", prompt=PromptSettings(system_prompt="You are Ada.", supplements=("Be brief.",)))
    plain, compact = await play(sandbox, "FINAL(1)"), await play(sandbox, "FINAL(1)", prompt=PromptSettings(compact=True))
    assert own.system.startswith("You are Ada.") and own.system.endswith("Be brief.")
    assert "llm_query_batched" in own.system
    assert len(compact.system) < 0.7 * len(plain.system)


@pytest.mark.parametrize("name", ["baseline", "format_strict", "depth_soft", "depth_strict", "format_plus_depth"])
async def test_policy_profiles_hold_what_their_names_say(name: str) -> None:
    strict, depth = name.startswith("format"), name if name.startswith("depth") else "depth_strict" * (name == "format_plus_depth")
    played = await play("monty", "FINAL(1)", DEEP, cell("FINAL(2)"), "FINAL(3)", policy=name)
    refused = " ".join(played.refused)
    assert ("no cell has run yet" in refused) == strict
    assert ("child runs were opened" in refused) == (depth == "depth_strict" and not strict)
    assert ("Split the question" in played.system) == bool(depth)


async def test_a_policy_comes_from_a_json_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"mine": {"guards": {"min_steps": 2}, "prompt": {"supplements": ["Be brief."]}}}))
    played = await play("monty", "FINAL(1)", "FINAL(2)", policy=path)
    assert played.result.value == "2" and played.system.endswith("Be brief.")


async def test_the_prompt_shows_the_question_the_sizes_the_files_and_a_sample(sandbox: str) -> None:
    context = {"a.txt": "START of it", "b.txt": "more"}
    shown = (await play(sandbox, "FINAL(1)", question="How many?", context=context)).told[0]
    assert shown.startswith("Question:\nHow many?\n\nContext: ") and "2 documents" in shown
    assert "Files: a.txt, b.txt" in shown and "START of it" in shown
    without = (await play(sandbox, "FINAL(1)", context=context, prompt=PromptSettings(sample_chars=0))).told[0]
    assert "START" not in without


BRIEFS = [("off", []), ("pre_loop", [0]), ("per_query", [1]), ("both", [0, 1])]


@pytest.mark.parametrize(("brief", "depths"), BRIEFS)
async def test_the_context_engineer_writes_a_brief(brief: Any, depths: list[int]) -> None:
    engineer = ScriptedModel(fallback="Rows of CSV.", name="engineer")
    root = ScriptedModel([cell("FINAL(rlm_query('p'))"), "FINAL(1)"])
    rlm = engine("monty", Models(root=root, engineer=engineer), prompt=PromptSettings(context_brief=brief))
    result = await rlm.arun("q", "c")
    assert [event.depth for event in result.trace if isinstance(event, ModelAsked) and event.role == "engineer"] == depths
    assert ["Brief:\nRows of CSV." in call.messages[1].content for call in root.calls] == [0 in depths, 1 in depths]


async def test_the_verifier_turns_an_answer_down_and_passes_the_next(sandbox: str) -> None:
    verifier = ScriptedModel(["REJECTED: count again", "VERIFIED"], name="verifier")
    root = ScriptedModel(["FINAL(7)", cell("FINAL(8)")])
    rlm = engine(sandbox, Models(root=root, verifier=verifier), guards=Guards(verifications=1))
    result = await rlm.arun("q", "c")
    assert (result.value, result.verified) == (8, True)
    assert "Refused: the verifier turned it down: count again" in root.calls[1].prompt


async def test_every_name_and_module_that_the_prompt_lists_is_there(sandbox: str) -> None:
    system = (await play(sandbox, "FINAL(1)")).system
    calls = {line[2:].partition("(")[0] for line in system.splitlines() if line.startswith("- ") and "(" in line.split(" ")[1]}
    modules = system.partition("Modules: ")[2].partition(".")[0].split(", ")
    assert {"llm_query", "rlm_query_batched", "ask", "SHOW_VARS"} <= calls and len(modules) > 10
    code = f"{chr(10).join('import ' + name for name in modules)}\nFINAL(len([{', '.join(sorted(calls))}]))"
    played = await play(sandbox, cell(code), "FINAL(over)")
    assert played.result.value == len(calls), played.told[-1]


async def test_the_prompt_tells_no_name_that_these_settings_do_not_allow(sandbox: str) -> None:
    bare = await play(sandbox, "FINAL(1)", limits=RunLimits(depth=0, steps=7))
    assert "rlm_query" not in bare.system and "7 replies" in bare.system
    child = await play(sandbox, cell("FINAL(rlm_query('p'))"), "FINAL(1)")
    assert ["- rlm_query(" in call.messages[0].content for call in child.root.calls] == [True, False]
    assert [event.depth for event in child.of(RunStarted)] == [0, 1]
