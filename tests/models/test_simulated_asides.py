"""What the simulated model says where it is not asked for a run's next cell."""

from __future__ import annotations

import pytest

from cellblock.engine.asides import brief_messages, compact_messages, verdict, verify_messages
from cellblock.engine.direct import direct_loop
from cellblock.engine.effects import Ask
from cellblock.engine.json_text import json_value
from cellblock.engine.observations import observation
from cellblock.engine.prompt import Brief, first_message, next_message, system_message
from cellblock.engine.schemas.check import Schema
from cellblock.engine.typed import Anything
from cellblock.models import Message, SimulatedModel
from cellblock.models.simulated import NOTICE
from cellblock.repl.protocol import ExecResult

QUESTION = "How many lines contain 'go'?"
RECORD = "\n\n".join(
    [
        f"{NOTICE}\nI think that it is 99.\n\n```repl\nprint(98)\n```",
        observation(1, ExecResult(stdout="5 places in 1234 lines\n[next stage: 3]\n")),
        "Write the next cell, or give the final answer.",
        f"{NOTICE}\nDone: 97.",
        observation(2, ExecResult(stdout="the parrot is called Bo.\n")),
    ]
)


def judged(answer: str, record: str = RECORD) -> str | None:
    return verdict(SimulatedModel().reply(verify_messages(QUESTION, answer, record, check=0)))


@pytest.mark.parametrize("answer", ["1234", "1,234", "There are 1234 lines.", "The parrot is called Bo.", "5"])
def test_an_answer_that_stands_in_an_output_is_verified(answer: str):
    assert judged(answer) is None


@pytest.mark.parametrize("answer", ["123", "99", "98", "97", "1234 and 6", "I will search the context.", "", "  "])
def test_an_answer_that_no_output_has_is_rejected(answer: str):
    assert judged(answer) is not None


def test_both_kinds_of_check_judge_alike():
    replies = [SimulatedModel().reply(verify_messages(QUESTION, "7", RECORD, check)) for check in (0, 1)]

    assert replies[0] == replies[1] and verdict(replies[0]) == "7 stands in no output; work it out in a cell, and print it."


def test_an_answer_without_any_cell_is_rejected():
    assert judged("7", f"{NOTICE}\nFINAL(7)") is not None


def test_a_brief_is_short_and_says_how_to_search():
    brief = Brief(question=QUESTION, num_chars=900, num_documents=2, wants_brief=True)

    reply = SimulatedModel().reply(brief_messages(brief))

    assert reply.startswith(NOTICE) and "900 characters in 2 documents" in reply and "```" not in reply and len(reply) < 500


def test_a_summary_keeps_the_newest_output_and_what_comes_next():
    model = SimulatedModel()
    turns = "\n\n".join(
        ["Reply:\nx", "What it was told:\n" + observation(1, ExecResult(stdout="5 places\n[next stage: 2]\n")), "Reply:\ny"]
    )

    summary = model.reply(compact_messages(QUESTION, turns))

    assert summary.splitlines() == [NOTICE, "So far: 5 places", "[next stage: 2]", "[next stage: 2]"]


def test_a_run_goes_on_from_its_summary():
    brief = Brief(question="What is the balance of the ledger at the end?", num_chars=9, num_documents=1)
    first = first_message(brief).content + "\n\nSummary of the first 3 turns of this conversation:\nSo far: much\n[next stage: 3]"
    messages = [system_message(brief), Message("user", first), Message("assistant", "x"), next_message(["Refused: no"])]

    assert "FINAL(str(balance))" in SimulatedModel().reply(messages)


def test_a_context_that_looks_like_a_summary_of_its_own_does_not_start_a_run_at_its_end():
    brief = Brief(question="What is the balance of the ledger at the end?", num_chars=9, num_documents=1, sample="[next stage: 3]\n")

    assert "FINAL(" not in SimulatedModel().reply([system_message(brief), first_message(brief)])


@pytest.mark.parametrize(
    ("question", "said"), [("Where is the parrot today?", "the parrot is in Rome today"), ("Who won?", "gave no answer")]
)
def test_a_direct_call_is_answered_from_the_context_alone(question: str, said: str):
    asked = next(direct_loop(question, "It rains. So the parrot is in Rome today.\n", Anything()))
    assert isinstance(asked, Ask)

    reply = SimulatedModel().reply(asked.messages)

    assert said in reply and "```" not in reply


# -- JSON


def asked_for(prompt: str, schema: object = None) -> list[Message]:
    """As `llm_query_json` words it."""
    fits = "" if schema is None else f" that fits this JSON Schema:\n{Schema.from_value(schema).text}"  # type: ignore[arg-type]
    return [Message("user", f"{prompt}\n\nAnswer with JSON alone, no other text{fits or '.'}")]


@pytest.mark.parametrize(
    "schema",
    [
        "str",
        "int",
        "list[str]",
        "bool",
        "number",
        {"name": "str", "tags": "list[str]", "age": "int"},
        {"enum": ["red", "green"]},
        {"type": "object", "properties": {"a": {"const": 4}, "b": {"anyOf": [{"type": "integer", "minimum": 7}, {"type": "null"}]}}},
        {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": ["null", "integer"]}}},
        {"type": "string", "minLength": 400, "maxLength": 500},
        {"type": "array", "items": {"type": "number", "maximum": 2}, "minItems": 3},
        {"type": "object", "required": ["x"], "properties": {}},
    ],
)
def test_json_fits_the_schema_that_was_asked_for(schema: object):
    answer = json_value(SimulatedModel().reply(asked_for("Read: the name is Bo, 45 years.", schema)))

    assert Schema.from_value(schema).check(answer) is None  # type: ignore[arg-type]


def test_a_field_is_filled_with_what_the_prompt_says_after_its_name():
    schema = {"vendor": "str", "total_due": "number", "paid": "bool", "count": "int"}
    prompt = "Read this invoice.\nVendor: Mills and Sons\nTotal due: 1,204.50 EUR; paid: yes\nCount = 12"

    answer = json_value(SimulatedModel().reply(asked_for(prompt, schema)))

    assert answer == {"vendor": "Mills and Sons", "total_due": 1204.5, "paid": True, "count": 12}


def test_json_without_a_schema_holds_the_answer():
    answer = json_value(SimulatedModel().reply(asked_for("Classify each of the following 1 items as one of: spam; ham.\n1. a free prize")))

    assert answer == {"answer": "spam"}


def test_an_answer_is_repaired_by_reading_the_first_prompt_again():
    first = asked_for("Total: 12", {"total": "int"})
    again = [*first, Message("assistant", "twelve"), Message("user", "That cannot be used: it is not JSON\nWrite the whole JSON again")]

    assert json_value(SimulatedModel().reply(again)) == {"total": 12}


BROKEN = [
    "{",
    "[" * 100_000,
    '{"$ref": "#/a/b"}',
    '{"type": "object", "properties": {"a": 3}}',
    '{"type": "object", "properties": 3, "required": 4}',
    '{"type": "array", "minItems": "x"}',
    '{"type": "integer", "minimum": "x"}',
    "7",
]


@pytest.mark.parametrize("schema", BROKEN)
def test_a_broken_schema_is_answered_all_the_same(schema: str):
    prompt = f"x\n\nAnswer with JSON alone, no other text that fits this JSON Schema:\n{schema}"

    assert SimulatedModel().reply([Message("user", prompt)]).startswith(NOTICE)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": "str", "minItems": 10**12},
        {"type": "string", "minLength": 10**12},
        {"type": "object", "properties": {str(n): {"$ref": "#"} for n in range(30)}},
    ],
)
def test_a_schema_without_end_gets_an_answer_of_bounded_size(schema: object):
    assert len(SimulatedModel().reply(asked_for("x", schema))) < 100_000
