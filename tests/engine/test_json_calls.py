from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine.json_text import json_value
from cellblock.engine.run import RLM
from cellblock.errors import MaxSubcallsExceeded, ModelUnavailable
from cellblock.events import ModelAnswered
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message, ModelResponse, Usage

from .doubles import Stage, assert_refused, cells, value_of

pytestmark = pytest.mark.anyio


# -- JSON out of text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("  [1, 2]\n", [1, 2]),
        ("42", 42),
        ('```json\n{"a": [1]}\n```', {"a": [1]}),
        ('Here [1] it is:\n```JSON\n"text"\n```\nDone.', "text"),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('Of the [2] items: {"a": "}]", "b": [{}]}. I hope [that] helps!', {"a": "}]", "b": [{}]}),
        ('He said "use [1]" and then {"a": "\\"}"}', {"a": '"}'}),
        ('[simulated: nobody] {"a": 1, "b": 2, "c": 33333}', {"a": 1, "b": 2, "c": 33333}),
        ('broken [ and { then\n{"a": 1}', {"a": 1}),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_json_is_found_in_what_stands_around_it(text: str, value: object) -> None:
    assert json_value(text) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no JSON in it"),
        ("no data here", "there is no JSON in it"),
        ("{'a': 1}", "it is not JSON"),
        ('{"a": NaN}', "it is not JSON"),
        ('{"a": Infinity}', "it is not JSON"),
        ('{"a": 1e999}', "it is not JSON: Number out of range"),
        ("1" * 5_000, "it is not JSON"),
        ("[" * 100 + "]" * 100, "nested more than 32 deep"),
        ("[" * 50_000 + "]" * 50_000, "the JSON is nested too deep"),
        ('{"a": "\\ud800"}', "it is not JSON"),
        ("[" + "0," * 150_000 + "0]", "more than 100,000 items"),
        ("[" + "[]," * 300_000 + "0]", "the JSON holds too many items"),
        ("[1]" + " " * 2_000_000, "it has 2000003 characters"),
    ],
)
def test_what_is_no_json_or_too_much_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as raised:
        json_value(text)
    assert str(raised.value).startswith(problem)


@pytest.mark.parametrize(
    "text",
    ["[" * 2_000_000, '{"' * 1_000_000, '["' + '\\"' * 999_000, '["\n' * 600_000, "[{]}" * 500_000, "[]{}" * 99_000, "```" * 600_000],
)
def test_hostile_text_is_scanned_in_one_pass(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ValueError):
        print(json_value(text[:2_000_000]) and None)
        raise ValueError("it holds JSON after all")
    assert time.perf_counter() - started < 3


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_what_was_written_as_json_is_read_again(value: Any) -> None:
    text = json.dumps({"value": value})
    assert json_value(text) == json_value(f"Sure! Here it is:\n```json\n{text}\n```\nBye.") == {"value": value}
    assert json_value(f"Sure: {text} is it.") == {"value": value}


# -- calls


async def test_an_answer_in_json_arrives_as_data() -> None:
    sub = ScriptedModel(['Of course: ```json\n{"name": "Ada", "born": 1815}\n```'])
    code = "FINAL(await llm_query_json('who?', {'name': 'str', 'born': 'int'}, max_tokens=90))"
    assert await value_of(code, sub) == {"name": "Ada", "born": 1815}
    prompt = sub.calls[0].prompt
    assert prompt.startswith("who?\n\nAnswer with JSON alone, no other text that fits this JSON Schema:\n{")
    assert json.loads(prompt.partition("Schema:\n")[2])["required"] == ["name", "born"]
    assert sub.calls[0].max_tokens == 90


async def test_what_does_not_fit_is_repaired_in_one_more_turn() -> None:
    sub = ScriptedModel(['{"n": "three"}', '{"n": 3}'])
    stage = Stage(cells("FINAL(await llm_query_json('how many?', {'n': 'int'}))"), sub)
    assert (await stage.answer()).value == {"n": 3}
    repair = sub.calls[1].messages
    assert [message.role for message in repair] == ["user", "assistant", "user"]
    assert repair[1].content == '{"n": "three"}'
    assert "answer.n: must be an int, is a str" in repair[2].content
    assert stage.budget.subcalls == 2
    assert [event.role for event in stage.of(ModelAnswered)][1:] == ["subcall", "repair"]
    rows = [(row.key, row.payload.get("repairs")) for row in stage.tree.journal.effects("r") if row.kind == "call"]
    assert rows == [("1.0.1", None), ("1.0.1.repair", "1.0.1")]


async def test_what_does_not_fit_after_its_repair_raises_what_was_wrong() -> None:
    sub = ScriptedModel(["no", "[1]"])
    got = await value_of("await llm_query_json('x', 'list[str]')", sub)
    assert (
        got == "ValueError: llm_query_json(): the answer is not what was asked for, after one repair: answer[0]: must be a str, is an int"
    )
    assert len(sub.calls) == 2


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("llm_query_json(3)", "TypeError: llm_query_json(): prompt must be a str, not int"),
        ("llm_query_json('x', 'strng')", "ValueError: llm_query_json(): schema: a JSON Schema is a dict"),
        ("llm_query_json('x', {'pattern': 'a'})", "ValueError: llm_query_json(): schema.pattern: 'pattern' is not supported"),
        ("llm_query_json('x', model='gpt-99')", "ValueError: llm_query_json(): no model named 'gpt-99'"),
        ("llm_query_json_batched('abc')", "TypeError: llm_query_json_batched(): prompts must be a list of str, not str"),
        ("llm_query_json_batched(['a'], {'not': {}})", "ValueError: llm_query_json_batched(): schema.not: 'not' is not supported"),
    ],
)
async def test_wrong_arguments_raise_in_the_cell_and_cost_nothing(call: str, error: str) -> None:
    await assert_refused(call, error)


class Slowest:
    """The first prompt is answered last; `bad` ones need a repair, `worse` ones are never repaired."""

    name = "slowest"

    def __init__(self) -> None:
        self.calls = 0
        self._others = anyio.Event()

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.calls += 1
        prompt, again = messages[0].content.partition("\n")[0], len(messages) > 1
        if prompt == "down":
            raise ModelUnavailable("https://internal.example", status=503)
        if prompt == "first":
            await self._others.wait()
        if prompt == "last":
            self._others.set()
        bad = prompt == "worse" or (prompt == "bad" and not again)
        return ModelResponse(text="nothing" if bad else json.dumps({"for": prompt}), usage=Usage(calls=1, output_tokens=1), model="slowest")

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_a_batch_keeps_its_order_asks_equal_prompts_once_and_a_failure_is_one_item() -> None:
    sub = Slowest()
    code = "FINAL(await llm_query_records(['first', 'bad', 'worse', 'first', 'down', 'last']))"
    stage = Stage(cells(code), sub)
    first, bad, worse, again, down, last = (await stage.answer()).value  # type: ignore[misc,union-attr]
    assert [first, bad, again, last] == [{"for": word} for word in ("first", "bad", "first", "last")]
    assert worse == {"error": "ERROR: the answer is not what was asked for, after one repair: there is no JSON in it"}
    assert down == {"error": "ERROR: ModelUnavailable: the call failed with status 503"}
    assert sub.calls == stage.budget.subcalls == 7
    keys = [row.key for row in stage.tree.journal.effects("r") if row.kind == "call"]
    assert sorted(keys) == ["1.0.1", "1.0.2", "1.0.2.repair", "1.0.3", "1.0.3.repair", "1.0.4", "1.0.5"]


async def test_no_answer_can_be_mistaken_for_a_failed_item() -> None:
    sub = ScriptedModel(['{"error": "ERROR: made up"}', '{"error": "none"}'])
    assert await value_of("FINAL(await llm_query_json_batched(['x']))", sub) == [{"error": "none"}]


async def test_a_batch_passes_no_budget_by_its_repairs() -> None:
    sub = ScriptedModel(fallback="never JSON")
    end = await Stage(cells("await llm_query_json_batched(list('abcdef'))"), sub, limits=RunLimits(subcalls=8)).answer()
    assert isinstance(end.failure, MaxSubcallsExceeded)
    assert len(sub.calls) <= 8


async def test_a_cell_of_each_sandbox_gets_data(sandbox: str) -> None:
    code = "one = llm_query_json('x', {'n': 'int'})\nFINAL([one['n'] + 1, llm_query_json_batched(['a', 'b'])])"
    sub = ScriptedModel(fallback='{"n": 41}')
    result = await RLM(cells(code), sub_model=sub, sandbox=sandbox, journal=":memory:").arun("q", "c")
    assert result.value == [42, [{"n": 41}, {"n": 41}]]


async def test_a_schema_that_no_answer_fits_is_a_value_error_in_each_sandbox(sandbox: str) -> None:
    code = "try:\n    llm_query_json('x', {'n': 'int'})\nexcept ValueError as e:\n    FINAL(str(e))"
    result = await RLM(cells(code), sub_model=ScriptedModel(fallback="[]"), sandbox=sandbox, journal=":memory:").arun("q", "c")
    assert result.value == "llm_query_json(): the answer is not what was asked for, after one repair: answer: must be a dict, is a list"
