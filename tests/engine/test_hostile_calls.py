"""What cells and sub-models can make the host do: bounded time on the event loop, bounded memory, whatever they send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio.lowlevel
import pytest
from responsive import holds_up_for, responsive_loop

from cellblock.engine.calls import arguments
from cellblock.engine.calls.asks import NO_ANSWER, Asks, read
from cellblock.engine.schemas.check import Schema
from cellblock.models import ScriptedModel
from cellblock.values import Value

from .doubles import Stage, cells, value_of

pytestmark = pytest.mark.anyio

DOUBLING = "{'$defs': {f'a{i}': {'anyOf': [{'$ref': f'#/$defs/a{i + 1}'}] * 2} for i in range(18)} | {'a18': False}, '$ref': '#/$defs/a0'}"
"""A schema whose references take twice as many steps at each level."""


def test_a_reply_of_a_million_lines_is_read_at_once() -> None:
    reply = "a\n" * 2_000_000
    assert holds_up_for(lambda: read(reply)) < 0.3


def test_no_answer_is_found_at_both_ends_of_a_long_reply() -> None:
    thoughts = "\n".join(f"thought {number}" for number in range(10_000))
    assert read(f"NO_ANSWER\n{thoughts}") == read(f"{thoughts}\nNO_ANSWER") == NO_ANSWER
    assert read(thoughts) == thoughts


async def test_many_answers_of_many_lines_are_picked_without_holding_up_the_loop() -> None:
    answers: list[Value] = ["a\n" * 150 + "NO_ANSWER"] * 90_000
    async with responsive_loop(1.0):
        await anyio.lowlevel.checkpoint()  # the clock runs from here on
        assert await Asks(None).pick_first_answer([*answers, "yes"]) == "yes"  # type: ignore[arg-type]
        await anyio.sleep(0.01)  # and is looked at once more


async def test_a_question_is_not_multiplied_by_its_chunks_beyond_what_may_go_at_once() -> None:
    sub = ScriptedModel(fallback="never")
    got = await value_of("FINAL(await ask_chunks('q' * 1_000_000, [str(i) for i in range(1_000)]))", sub)
    assert str(got).startswith("ValueError: ask_chunks(): question goes into each of 1000 prompts, which makes 1000002890 characters")
    first = await value_of("FINAL(await ask_chunks_first('q' * 1_000_000, [str(i) for i in range(1_000)]))", sub)
    assert str(first).startswith("ValueError: ask_chunks_first(): question goes into each")
    assert sub.calls == []


async def test_a_schema_is_not_multiplied_by_its_prompts_beyond_what_may_go_at_once() -> None:
    sub = ScriptedModel(fallback="never")
    code = "FINAL(await llm_query_json_batched([str(i) for i in range(1_000)], {'enum': ['x' * 190_000]}))"
    got = await value_of(code, sub)
    assert str(got).startswith("ValueError: llm_query_json_batched(): schema goes into each of 1000 prompts")
    assert sub.calls == []


def test_what_may_go_at_once_may_go() -> None:
    arguments.shared("ask_chunks", "question", 31_999_999, ["a"])


@pytest.mark.parametrize("value", [{"\n" * 2_000_000: 1}, ["\n" * 2_000_000]], ids=["a long key", "a long text"])
def test_long_texts_count_as_long_wherever_they_stand(value: object) -> None:
    schema = Schema.from_value({"anyOf": [{"const": number} for number in range(1_900)]})
    told: list[str | None] = []
    assert holds_up_for(lambda: told.append(schema.check(value)), tries=1) < 5  # type: ignore[arg-type]
    assert told[0] is not None
    assert "takes more than 400000 steps" in told[0]


@pytest.mark.parametrize(
    "given",
    [
        {f"k{number}": "list[" * 22 + "int" + "]" * 22 for number in range(900)},
        {f"k{number}": "list[" * 8 + "int" + "|int" * 30 + "]" * 8 for number in range(900)},
    ],
    ids=["deep", "many"],
)
def test_a_schema_of_many_words_is_refused_before_they_are_read(given: Value) -> None:
    def refused() -> None:
        with pytest.raises(ValueError, match=r"too large|a JSON Schema is a dict|no keyword"):
            Schema.from_value(given)

    assert holds_up_for(refused) < 0.3


def test_digits_count_where_a_number_is_divided() -> None:
    leaves = {f"a{number}": {"anyOf": [{"$ref": f"#/$defs/a{number + 1}"}] * 2} for number in range(16)}
    schema = Schema.from_value({"$ref": "#/$defs/a0", "$defs": {**leaves, "a16": {"multipleOf": 1.1e-300}}})  # type: ignore[dict-item]
    assert holds_up_for(lambda: schema.check(10**4_200 + 7) and None) < 3


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ("{'anyOf': [{'const': i} for i in range(1_900)]}", '{"' + "é\\n" * 9_000 + '": 1}'),
        ("{'items': {'anyOf': [{'const': i} for i in range(100)]}}", "[" + "99," * 9_000 + "1]"),
        ("{f'k{i}': 'list[' * 22 + 'int' + ']' * 22 for i in range(80)}", "1"),
        (DOUBLING, "1"),
    ],
    ids=["long keys", "many alternatives", "long to write out", "references that double"],
)
async def test_no_schema_of_a_cell_holds_up_the_loop(schema: str, answer: str) -> None:
    stage = Stage(cells(f"FINAL(await llm_query_json('q', {schema}))"), ScriptedModel(fallback=answer))
    async with responsive_loop(1.0):
        await anyio.lowlevel.checkpoint()
        await stage.answer()


async def test_a_large_batch_is_written_in_pieces_between_which_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(cells("FINAL(len(await llm_query_batched([str(i) + 'x' * 200_000 for i in range(20)])))"), ScriptedModel(fallback="s"))
    sizes: list[int] = []
    begin_many = stage.tree.journal.begin_many

    def seen(run_id: str, kind: str, effects: Sequence[tuple[str, Any]]) -> range:
        if kind == "call":
            sizes.append(len(effects))
        return begin_many(run_id, kind, effects)

    monkeypatch.setattr(stage.tree.journal, "begin_many", seen)
    assert (await stage.answer()).value == 20
    assert sizes == [2] * 10
    calls = [effect for effect in stage.tree.journal.effects("r") if effect.kind == "call"]
    assert [effect.payload["prompt"][:2].rstrip("x") for effect in calls] == [str(number) for number in range(20)]
    assert all(effect.outcome["text"] == "s" for effect in calls)


@pytest.mark.parametrize("given", [lambda words: {f"k{n}": word for n, word in enumerate(words)}, lambda words: {"anyOf": words}])
def test_the_types_of_a_schema_may_take_so_many_characters_together(given: Any) -> None:
    word = "int".ljust(200)
    Schema.from_value(given([word] * 100))
    with pytest.raises(ValueError, match="its types may take 20,000 characters"):
        Schema.from_value(given([word] * 101))
