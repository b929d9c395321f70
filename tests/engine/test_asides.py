"""What models are asked for beside the loop's replies, typed answers, structured replies, and what is shown again."""

from __future__ import annotations

import dataclasses

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine import asides
from cellblock.engine.effects import Outcome, Stopped
from cellblock.engine.guards import Guards
from cellblock.engine.history import History, Transcript
from cellblock.engine.parse import parse_reply
from cellblock.engine.prompt import PromptSettings
from cellblock.engine.run import RLM
from cellblock.engine.typed import answer_type
from cellblock.errors import ConfigError, MaxTokensExceeded
from cellblock.models.protocol import Message

from .play import CELL, asks, play, ran, refusals, reply, told

OVER = MaxTokensExceeded("tokens", allowed=100, used=101)
CHECKED = Guards(verifications=1)


# -- the verifier


def test_a_verified_answer_says_so() -> None:
    effects, end = play([reply(CELL), ran("the total is 7\n"), reply("FINAL(7)"), reply("VERIFIED")], guards=CHECKED)
    verify = asks(effects)[-1]
    assert verify.purpose == "verify"
    assert "Question:\nq\n\nProposed answer:\n7\n\nRecord:\n" in verify.messages[1].content
    assert "the total is 7" in verify.messages[1].content
    assert (end.success, end.verified) == (True, True)


def test_a_rejected_answer_is_refused_with_the_reason() -> None:
    outcomes = [reply("FINAL(7)"), reply("REJECTED: count the rows again"), reply("FINAL(8)"), reply("VERIFIED")]
    effects, end = play(outcomes, guards=CHECKED)
    assert refusals(effects) == ["the verifier turned it down: count the rows again"]
    assert (end.value, end.verified) == ("8", True)


def test_two_verifications_are_two_checks_in_two_ways() -> None:
    effects, _ = play([reply("FINAL(7)"), reply("VERIFIED"), reply("verified?"), reply("FINAL(7)"), reply("VERIFIED"), reply("VERIFIED")],
        guards=Guards(verifications=2))  # fmt: skip
    first, second = [ask.messages[0].content for ask in asks(effects) if ask.purpose == "verify"][:2]
    assert "bear out the answer" in first
    assert "work out your own answer first" in second
    assert refusals(effects) == ["the verifier turned it down: the verifier gave no verdict"]


def test_after_enough_rejections_an_answer_is_taken_unverified() -> None:
    outcomes = [reply("FINAL(1)"), reply("REJECTED: no"), reply("FINAL(2)"), reply("REJECTED: no")]
    _, end = play(outcomes, guards=Guards(verifications=1, verifier_rejections=1))
    assert (end.success, end.value, end.verified) == (True, "2", False)


def test_a_budget_that_ends_within_a_check_keeps_the_answer_as_partial() -> None:
    _, end = play([reply("FINAL(7)"), Stopped(error=OVER)], guards=CHECKED)
    assert (end.success, end.value, end.failure) == (False, "7", OVER)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("VERIFIED", None),
        ("  **VERIFIED**", None),
        ("VERIFIED.", None),
        ("Let me see.\nVERIFIED", None),
        ("REJECTED: no row says so", "no row says so"),
        ("REJECTED", "the verifier gave no reason"),
        ("The answer is VERIFIED", "the verifier gave no verdict"),
        ("", "the verifier gave no verdict"),
        ("VERIFIEDLY", "the verifier gave no verdict"),
    ],
)
def test_a_verdict_is_the_first_line_that_is_one(said: str, reason: str | None) -> None:
    assert asides.verdict(said) == reason


# -- the context engineer


@pytest.mark.parametrize(("brief", "root", "child"), [("off", 0, 0), ("pre_loop", 1, 0), ("per_query", 0, 1), ("both", 1, 1)])
def test_a_brief_is_written_where_it_is_wanted(brief: str, root: bool, child: bool) -> None:
    settings = PromptSettings(context_brief=brief)  # type: ignore[arg-type]
    assert (settings.wants_brief(0), settings.wants_brief(1), settings.wants_brief(2)) == (root, child, child)


def test_a_brief_stands_in_the_first_message() -> None:
    effects, end = play([reply("Rows of CSV. Search for 'overdue'."), reply("FINAL(1)")], brief={"wants_brief": True})
    assert [ask.purpose for ask in asks(effects)] == ["brief", "reply"]
    assert "Brief:\nRows of CSV. Search for 'overdue'.\n\nWrite the next cell" in told(effects)
    assert end.success


def test_a_budget_that_does_not_cover_the_brief_ends_the_run() -> None:
    assert play([Stopped(error=OVER)], brief={"wants_brief": True})[1].failure == OVER


# -- typed answers


class Invoice(pydantic.BaseModel):
    number: str
    amount: float = pydantic.Field(gt=0)


@dataclasses.dataclass
class Pair:
    a: int
    b: int


def test_an_answer_of_the_type_comes_back_as_that_type() -> None:
    _, end = play([reply(CELL), ran(has_final=True, final={"number": "7", "amount": 3})], answer_type=answer_type(Invoice))
    assert end.output == Invoice(number="7", amount=3.0)
    assert end.value == {"number": "7", "amount": 3.0}


def test_an_answer_of_another_type_is_refused_with_every_problem() -> None:
    outcomes = [reply(CELL), ran(has_final=True, final={"amount": -1}), reply('FINAL({"number": "7", "amount": 1})')]
    effects, end = play(outcomes, answer_type=answer_type(Invoice))
    assert refusals(effects) == [
        "the answer does not fit what was asked for: number: Field required; amount: Input should be greater than 0"
    ]
    assert end.output == Invoice(number="7", amount=1)


def test_the_schema_stands_in_the_prompt() -> None:
    wanted = answer_type(Invoice)
    effects, _ = play([reply('FINAL({"number": "7", "amount": 1})')], answer_type=wanted, brief={"answer_schema": wanted.told})
    assert '"exclusiveMinimum":0' in asks(effects)[0].messages[0].content


@pytest.mark.parametrize(
    ("wanted", "value", "output"),
    [
        (int, "7", 7),
        (str, "7", "7"),
        (list[int], "[1, 2]", [1, 2]),
        (Pair, {"a": 1, "b": 2}, Pair(1, 2)),
        ({"type": "array", "items": {"type": "integer"}}, "```json\n[1]\n```", [1]),
        ({"type": "string"}, "[1]", "[1]"),
    ],
)
def test_a_text_that_holds_the_type_as_json_fits(wanted: object, value: object, output: object) -> None:
    assert answer_type(wanted).check(value).output == output  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [{"type": "nonsense"}, {"pattern": "a+"}, object(), 3, "int"])
def test_what_cannot_be_checked_is_refused_up_front(wanted: object) -> None:
    with pytest.raises(ConfigError, match="output_type"):
        answer_type(wanted)


def test_an_answer_on_demand_has_to_fit_too() -> None:
    _, end = play([reply(CELL), ran("x"), reply("FINAL(none)")], steps=1, answer_type=answer_type(int))
    assert (end.success, end.value) == (False, "none")


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_value_is_checked_without_an_error(value: object) -> None:
    for wanted in (Invoice, list[int], {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}):
        checked = answer_type(wanted).check(value)  # type: ignore[arg-type]
        assert (checked.problem is None) or isinstance(checked.problem, str)


# -- structured replies


@pytest.mark.parametrize(
    ("text", "cells", "answer"),
    [
        ('{"reasoning": "look", "code": "print(1)", "is_final": false, "final_answer": null}', ("print(1)",), ()),
        ('{"code": "```python\\nprint(1)\\n```"}', ("print(1)\n",), ()),
        ('{"code": "", "is_final": true, "final_answer": [1, 2]}', (), ([1, 2],)),
        ('{"code": "", "is_final": true, "final_answer": null}', (), (None,)),
        ('```json\n{"final_answer": 0}\n```', (), (0,)),
        ('{"code": "x = 1", "is_final": true, "final_answer": 2}', ("x = 1",), (2,)),
        ('{"code": "x = 1", "final_answer": 2}', ("x = 1",), ()),
    ],
)
def test_a_structured_reply_is_taken_apart(text: str, cells: tuple[str, ...], answer: tuple[object, ...]) -> None:
    parsed = parse_reply(text)
    assert (parsed.cells, parsed.answer, parsed.structured) == (cells, answer, True)


@pytest.mark.parametrize(
    "text", ["{}", '{"other": 1}', '{"code": 3}', '{"code": "", "is_final": false}', "{'code': 'x'}", "[" * 100_000, '{"code"' * 50_000]
)
def test_other_json_is_an_ordinary_reply(text: str) -> None:
    assert not parse_reply(text).structured


def test_a_structured_answer_keeps_its_type() -> None:
    _, end = play([reply('{"reasoning": "r", "code": "", "is_final": true, "final_answer": {"a": [1]}}')])
    assert end.value == {"a": [1]}


def test_a_structured_answer_beside_code_is_ignored_and_the_model_is_told() -> None:
    effects, end = play([reply('{"code": "x", "is_final": true, "final_answer": 1}'), ran("o"), reply("FINAL(2)")])
    assert "Refused: the FINAL in the text was ignored" in told(effects)
    assert end.value == "2"


PROBED = {"settings": PromptSettings(structured_replies="probe")}
PASSED = '{"reasoning": "a test", "code": "", "is_final": true, "final_answer": 42}'


@pytest.mark.parametrize(
    ("said", "structured"), [(PASSED, True), (f"```json\n{PASSED}\n```", True), ("42", False), (PASSED.replace("42", '"42"'), False)]
)
def test_a_model_that_shows_that_it_can_is_asked_for_structured_replies(said: str, structured: bool) -> None:
    effects, end = play([reply(said), reply("FINAL(1)")], brief=PROBED)
    assert [ask.purpose for ask in asks(effects)] == ["probe", "reply"]
    assert ("one JSON object" in asks(effects)[1].messages[0].content) == structured
    assert end.success


def test_a_budget_that_does_not_cover_the_probe_ends_the_run() -> None:
    assert play([Stopped(error=OVER)], brief=PROBED)[1].failure == OVER


@pytest.mark.anyio
async def test_each_model_of_a_tree_is_probed_once() -> None:
    def answer(messages: list[Message]) -> str:
        if messages[0].content.startswith("Reply with this JSON"):
            return PASSED
        return "```repl\nFINAL([rlm_query('a'), rlm_query('b')])\n```" if "Question:\nroot" in messages[1].content else "FINAL(x)"

    result = await RLM(answer, prompt=PromptSettings(structured_replies="probe"), journal=":memory:").arun("root", "text")
    assert result.value == ["x", "x"]
    assert result.usage.by_role["probe"].calls == 1


# -- history


def _turns(count: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for number in range(count):
        outcomes += [reply(f"step {number}\n{CELL}"), ran(f"out {number} " + "." * 400 + "\n")]
    return outcomes


def test_all_turns_are_shown_again_by_default() -> None:
    effects, _ = play([*_turns(5), reply("FINAL(1)")])
    assert len(asks(effects)[-1].messages) == 12


def test_without_history_the_last_turn_alone_is_shown() -> None:
    effects, _ = play([*_turns(5), reply("FINAL(1)")], history=History(keep_turns=False))
    shown = asks(effects)[-1].messages
    assert [message.role for message in shown] == ["system", "user", "assistant", "user"]
    assert "[4 earlier turns of this conversation are left out; the variables are as they left them.]" in shown[1].content
    assert "out 4" in shown[3].content


def test_the_oldest_turns_are_dropped_to_fit_and_the_first_two_messages_stay() -> None:
    history = History(max_history_tokens=1500)
    effects, _ = play([*_turns(9), reply("FINAL(1)")], history=history)
    last = asks(effects)[-1].messages
    assert last[0].role == "system"
    assert last[1].content.startswith("Question:\nq")
    assert sum(len(message.content) for message in last) // 4 <= 1550
    assert "out 8" in last[-1].content
    assert 4 < len(last) < 20


def test_what_was_dropped_was_given_to_the_journal_once() -> None:
    effects, _ = play([*_turns(5), reply("FINAL(1)")], history=History(keep_turns=False))
    written = [message.content for ask in asks(effects) for message in ask.new]
    assert len(written) == len(set(written)) == 12
    assert sum("out 0 " in text for text in written) == 1


def test_old_turns_are_summed_up_when_they_fill_their_share_of_the_window() -> None:
    history = History(compact_at=0.5, window_tokens=2200)
    effects, end = play([*_turns(4), reply("Three rows seen."), reply("FINAL(1)")], history=history)
    compact = next(ask for ask in asks(effects) if ask.purpose == "compact")
    assert "out 0" in compact.messages[1].content
    last = asks(effects)[-1].messages
    assert "Summary of the first 3 turns of this conversation:\nThree rows seen." in last[1].content
    assert [message.role for message in last] == ["system", "user", "assistant", "user"]
    assert end.success


@given(lengths=st.lists(st.integers(0, 2000), max_size=12), tokens=st.integers(50, 3000), keep=st.booleans())
def test_what_is_shown_always_alternates_and_ends_with_the_newest(lengths: list[int], tokens: int, keep: bool) -> None:
    transcript = Transcript(History(keep_turns=keep, max_history_tokens=tokens))
    transcript.begin(Message("system", "s"), Message("user", "first"))
    for number, length in enumerate(lengths):
        transcript.said(f"r{number}" + "x" * length)
        transcript.told(Message("user", f"t{number}"))
    shown = transcript.messages()
    assert [message.role for message in shown] == ["system", "user", *["assistant", "user"] * ((len(shown) - 2) // 2)]
    if lengths:
        assert shown[-1].content == f"t{len(lengths) - 1}"


@pytest.mark.parametrize(
    "settings",
    [{"max_history_tokens": 10}, {"compact_at": 0}, {"compact_at": 1.5}, {"window_tokens": 1}, {"keep_turns": False, "compact_at": 0.5}],
)
def test_a_history_that_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        History(**settings)  # type: ignore[arg-type]
