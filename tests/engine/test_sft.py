"""Training data from real runs' journals: what is rebuilt is what the model was shown, message by message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellblock.engine import sft
from cellblock.engine.guards import Guards
from cellblock.engine.history import History
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError, ModelRefused, StoreError
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.store.journal import EffectRow, Journal, RunRow

from .doubles import Stage

pytestmark = pytest.mark.anyio


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


async def recorded(model: ScriptedModel, **fields: Any) -> tuple[RunRow, list[EffectRow]]:
    """The rows of one run on a double of a session."""
    stage = Stage(model, **fields)
    await stage.answer()
    return stage.tree.journal.run("r"), stage.tree.journal.effects("r")


def as_pairs(messages: Sequence[Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) if isinstance(message, dict) else (message.role, message.content) for message in messages]


async def test_each_prompt_is_exactly_what_the_model_was_shown() -> None:
    model = ScriptedModel([cell("print(1)"), "no cell here", "", cell("print(P)"), "FINAL(done)"])
    lines = sft.lines(*await recorded(model), "prompt-completion")
    assert [as_pairs(line["prompt"]) for line in lines] == [as_pairs(model.calls[at].messages) for at in (0, 1, 3, 4)]
    assert [line["completion"] for line in lines][-1] == [{"role": "assistant", "content": "FINAL(done)"}]
    assert len(model.calls) == 5, "the empty reply is nobody's model answer"


@given(
    history=st.one_of(
        st.builds(History, keep_turns=st.booleans(), max_history_tokens=st.none() | st.integers(50, 4_000)),
        st.builds(History, compact_at=st.sampled_from([0.001, 0.01, 0.02]), window_tokens=st.just(128_000)),
    ),
    sizes=st.lists(st.integers(0, 3_000), min_size=1, max_size=8),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_was_left_out_or_summed_up_is_rebuilt_as_it_was(history: History, sizes: list[int]) -> None:
    def reply(messages: Sequence[Any]) -> str:
        if "Sum up the turns" in messages[0].content:
            return "  what is known  "
        at = sum(call.messages[0].content[:10] == messages[0].content[:10] for call in model.calls) - 1
        return cell(f"print({at} * 'x' + {size} * 'é')") if (size := [*sizes, -1][min(at, len(sizes))]) >= 0 else "FINAL(done)"

    model = ScriptedModel(fallback=reply, name="m")
    run, effects = await recorded(model, history=history)
    loop = [call for call in model.calls if "Sum up the turns" not in call.messages[0].content]
    assert [as_pairs(exchange.messages) for exchange in sft.exchanges(run, effects)] == [as_pairs(call.messages) for call in loop]
    if all(exchange.whole for exchange in sft.exchanges(run, effects)):
        assert as_pairs(sft.lines(run, effects, "chat")[0]["messages"][:-1]) == as_pairs(loop[-1].messages)
    else:
        with pytest.raises(ConfigError, match="run r: turns were left out"):
            sft.lines(run, effects, "chat")


async def test_a_chat_is_one_conversation_that_trainers_take() -> None:
    run, effects = await recorded(ScriptedModel([cell("print(1)"), "FINAL(done)"]))
    (line,) = sft.lines(run, effects, "chat")
    assert list(line) == ["messages"]
    roles = [message["role"] for message in line["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert all(set(message) == {"role", "content"} and message["content"].strip() for message in line["messages"])
    assert line["messages"][-1]["content"] == "FINAL(done)"


async def test_sharegpt_is_the_same_conversation_in_its_own_words() -> None:
    run, effects = await recorded(ScriptedModel([cell("print(1)"), "FINAL(done)"]))
    (chat,), (sharegpt,) = (sft.lines(run, effects, form) for form in ("chat", "sharegpt"))
    assert [turn["from"] for turn in sharegpt["conversations"]] == ["system", "human", "gpt", "human", "gpt"]
    assert [turn["value"] for turn in sharegpt["conversations"]] == [message["content"] for message in chat["messages"]]


async def test_a_forced_answer_s_call_belongs_to_the_conversation_and_a_verifier_s_does_not() -> None:
    model = ScriptedModel([cell("print(1)"), cell("print(2)"), "FINAL(done)"])
    model.add_rule("Proposed answer", "VERIFIED")
    lines = sft.lines(*await recorded(model, limits=RunLimits(steps=2), guards=Guards(verifications=2)), "prompt-completion")
    assert len(model.calls) == 5
    assert [as_pairs(line["prompt"]) for line in lines] == [as_pairs(call.messages) for call in model.calls[:3]]
    assert "All steps are used up" in lines[-1]["prompt"][-1]["content"]


async def test_steps_that_failed_or_were_refused_are_left_out_on_demand() -> None:
    run, effects = await recorded(ScriptedModel([cell("1 / 0"), "words alone", cell("print(1)"), "FINAL(done)"]))
    kept = sft.lines(run, effects, "prompt-completion", with_failed_steps=False)
    assert [line["completion"][0]["content"] for line in kept] == [cell("print(1)"), "FINAL(done)"]
    assert len(sft.lines(run, effects, "prompt-completion")) == 4
    with pytest.raises(ConfigError, match="take prompt-completion"):
        sft.lines(run, effects, "chat", with_failed_steps=False)


async def test_metadata_says_which_run_a_line_is_of() -> None:
    run, effects = await recorded(ScriptedModel(["FINAL(done)"], name="m"))
    about = {"run_id": "r", "parent": None, "model": "m", "success": True}
    assert sft.lines(run, effects, "chat", metadata=True)[0]["metadata"] == about
    assert sft.lines(run, effects, "prompt-completion", metadata=True)[0]["metadata"] == {**about, "step": 1}


async def test_an_ask_that_was_made_again_after_a_crash_counts_once() -> None:
    run, effects = await recorded(ScriptedModel([cell("print(1)"), "FINAL(done)"]))
    first, last = [row for row in effects if row.kind == "ask"]
    again = [first, replace(last, outcome=None, ended=None), replace(last, seq=99)]
    assert sft.lines(run, again, "chat") == sft.lines(run, effects, "chat")


async def test_a_call_that_failed_is_no_reply() -> None:
    stage = Stage(ScriptedModel([cell("print(1)"), ModelRefused("no quota")]))
    with pytest.raises(ModelRefused):
        await stage.answer()
    run, effects = stage.tree.journal.run("r"), stage.tree.journal.effects("r")
    assert not sft.succeeded(run)
    assert [message["role"] for message in sft.lines(run, effects, "chat")[0]["messages"]] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: replace(row, payload={**row.payload, "shown": 7}),
        lambda row: replace(row, payload={**row.payload, "messages": row.payload["messages"][:1]}),
        lambda row: replace(row, payload={**row.payload, "messages": row.payload["messages"] * 2}),
        lambda row: replace(row, payload={**row.payload, "messages": ["text"]}),
        lambda row: replace(row, payload={**row.payload, "messages": row.payload["messages"][::-1]}),
        lambda row: replace(row, payload=None),
        lambda row: replace(row, key="one"),
    ],
)
async def test_rows_that_do_not_come_to_what_was_shown_are_refused_in_one_line(spoil: Any) -> None:
    run, effects = await recorded(ScriptedModel([cell("print(1)"), "FINAL(done)"]))
    with pytest.raises(StoreError, match=r"^run r: what its model saw cannot be rebuilt \(.*\)$"):
        sft.lines(run, [spoil(effects[0]), *effects[1:]], "chat")


async def test_settings_of_a_newer_version_are_refused_in_one_line() -> None:
    run, effects = await recorded(ScriptedModel(["FINAL(done)"]))
    with pytest.raises(StoreError, match="cannot be rebuilt"):
        sft.lines(replace(run, task={**run.task, "history": {"keep_everything": True}}), effects, "chat")


async def test_a_question_of_a_session_and_a_direct_call_are_rebuilt_from_a_file(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    model = ScriptedModel(["FINAL(one)", "FINAL(two)"])
    async with RLM(model, journal=journal).session("c") as session:
        await session.arun("a")
        result = await session.arun("b")
    with Journal(journal) as opened:
        (line,) = sft.lines(opened.run(result.run_id), opened.effects(result.run_id), "prompt-completion")
    assert as_pairs(line["prompt"]) == as_pairs(model.calls[1].messages)
    assert "A: one" in line["prompt"][1]["content"]
