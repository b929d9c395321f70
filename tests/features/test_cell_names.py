"""What a cell can use beside the context: each name and each alias of it gives what it promises, in a whole run on every sandbox."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from cellblock import Models, RunLimits, ScriptedModel, Tool
from cellblock.engine.tools import ToolLimits
from cellblock.errors import ModelUnavailable
from cellblock.events import ModelAsked, RunStarted
from cellblock.models.protocol import Message

from .stage import ECHO, cell, engine, error_of, play, value_of

pytestmark = pytest.mark.anyio


# -- one question to a model


async def test_llm_query_is_one_call_and_returns_its_text(sandbox: str) -> None:
    played = await play(sandbox, cell("FINAL(llm_query('Why {x} %s?'))"))
    assert played.result.value == ECHO + "Why {x} %s?"
    assert played.asked == ["Why {x} %s?"]


async def test_llm_query_takes_a_model_and_a_bound(sandbox: str) -> None:
    fast = ScriptedModel(["from fast"], name="fast")
    root = ScriptedModel([cell("FINAL([llm_query('a', model='fast', max_tokens=7), llm_query('b', None, 9)])")])
    sub = ScriptedModel(["from sub"])
    models = Models(root=root, sub=sub, named={"fast": fast})
    assert (await engine(sandbox, models).arun("q", "c")).value == ["from fast", "from sub"]
    assert (fast.calls[0].max_tokens, sub.calls[0].max_tokens) == (7, 9)


async def test_llm_query_batched_takes_a_model_and_a_bound(sandbox: str) -> None:
    fast = ScriptedModel(fallback="from fast", name="fast")
    root = ScriptedModel([cell("FINAL(llm_query_batched(['a', 'b'], model='fast', max_tokens=7))")])
    assert (await engine(sandbox, Models(root=root, named={"fast": fast})).arun("q", "c")).value == ["from fast"] * 2
    assert [call.max_tokens for call in fast.calls] == [7, 7]


async def test_llm_query_understands_a_snippet_and_a_task(sandbox: str) -> None:
    played = await play(sandbox, cell("FINAL([llm_query('the snippet', 'the task'), llm_query('snippet', task='task')])"))
    assert played.asked == ["the task\n\nthe snippet", "task\n\nsnippet"]


@pytest.mark.parametrize("name", ["llm_query_batched", "llm_batch", "llm_query_batch"])
async def test_llm_query_batched_and_its_aliases_answer_in_order(sandbox: str, name: str) -> None:
    assert await value_of(sandbox, f"FINAL({name}([str(n) for n in range(30)]))") == [f"{ECHO}{n}" for n in range(30)]
    assert await value_of(sandbox, f"FINAL({name}([]))") == []


async def test_llm_query_batched_asks_in_parallel(sandbox: str) -> None:
    together, waiting = anyio.Event(), 0

    async def third_opens(messages: list[Message]) -> str:
        nonlocal waiting
        waiting += 1
        if waiting == 3:
            together.set()
        with anyio.fail_after(20):
            await together.wait()
        return "ok"

    code = "FINAL(llm_query_batched(['a', 'b', 'c']))"
    assert await value_of(sandbox, code, sub_model=third_opens) == ["ok"] * 3


async def test_llm_query_batched_asks_equal_prompts_once(sandbox: str) -> None:
    played = await play(sandbox, cell("FINAL(llm_query_batched(['a', 'b', 'a', 'a']))"))
    assert played.result.value == [ECHO + text for text in "abaa"]
    assert sorted(played.asked) == ["a", "b"]


async def test_llm_query_batched_has_one_error_item_for_one_failure(sandbox: str) -> None:
    sub = ScriptedModel(fallback="fine").add_rule("bad", ModelUnavailable("key sk-123 at /home/x", status=503))
    value = await value_of(sandbox, "FINAL(llm_query_batched(['a', 'bad', 'c']))", sub=sub)
    assert value == ["fine", "ERROR: ModelUnavailable: the call failed with status 503", "fine"]


async def test_llm_query_raises_where_its_call_fails(sandbox: str) -> None:
    sub = ScriptedModel([ModelUnavailable("key sk-123", status=503)])
    code = "try:\n    llm_query('a')\nexcept RuntimeError as e:\n    FINAL(str(e))"
    assert await value_of(sandbox, code, sub=sub) == "ModelUnavailable: the call failed with status 503"


# -- answers as data


PEOPLE = "{'type': 'object', 'properties': {'n': {'type': 'integer'}}, 'required': ['n']}"


async def test_llm_query_json_gives_data_that_fits_the_schema(sandbox: str) -> None:
    sub = ScriptedModel(['Here: ```json\n{"n": 3}\n```', "[1, 2.5, null]"])
    code = f"FINAL([llm_query_json('a', {PEOPLE}), llm_query_json('b')])"
    played = await play(sandbox, cell(code), sub=sub)
    assert played.result.value == [{"n": 3}, [1, 2.5, None]]
    assert '"integer"' in played.asked[0] and "Schema" not in played.asked[1]


async def test_llm_query_json_has_one_repair_turn(sandbox: str) -> None:
    sub = ScriptedModel(['{"n": "three"}', '{"n": 3}', "no", "no again"])
    code = f"r = llm_query_json('a', schema={PEOPLE})\ntry:\n    llm_query_json('b')\nexcept ValueError as e:\n    FINAL([r, str(e)])"
    played = await play(sandbox, cell(code), sub=sub)
    assert played.result.value[0] == {"n": 3}
    assert "after one repair" in played.result.value[1]
    assert [event.role for event in played.of(ModelAsked)] == ["root_call", "subcall", "repair", "subcall", "repair"]


@pytest.mark.parametrize("name", ["llm_query_json_batched", "llm_batch_json", "llm_query_records"])
async def test_llm_query_json_batched_and_its_aliases(sandbox: str, name: str) -> None:
    sub = ScriptedModel(fallback="prose").add_rule("pear", '{"n": 1}').add_rule("plum", '{"n": 2}')
    value = await value_of(sandbox, f"FINAL({name}(['pear', 'plum', 'bad', 'pear'], {PEOPLE}))", sub=sub)
    assert value[:2] + value[3:] == [{"n": 1}, {"n": 2}, {"n": 1}]
    assert value[2]["error"].startswith("ERROR: ")
    # The three prompts, and one repair of the one that failed.
    assert len(sub.calls) == 4


# -- child runs


async def test_rlm_query_is_a_run_of_its_own(sandbox: str) -> None:
    played = await play(
        sandbox,
        cell("x = 1\nFINAL([rlm_query('how long?', 'abcdé'), rlm_query('how long?', ['ab', 'c']), rlm_query('how long?'), x, len(P)])"),
        cell("x = 2\nFINAL({'n': ctx.len_chars(), 'docs': ctx.num_documents()})"),
        cell("x\nFINAL(0)"),
        cell("FINAL([ctx.document_lengths(), ctx.num_documents()])"),
        cell("FINAL(P[:])"),
        context="parent",
    )
    assert played.result.value == [{"n": 5, "docs": 1}, [[2, 1], 2], "parent", 1, 6]
    assert "NameError" in (played.ended[1].error or "")
    assert [event.depth for event in played.of(RunStarted)] == [0, 1, 1, 1]


async def test_rlm_query_at_the_depth_limit_is_llm_query(sandbox: str) -> None:
    code = "FINAL([rlm_query('p', 'the text'), rlm_query_batched(['a', 'b'], ['A', None])])"
    played = await play(sandbox, cell(code), limits=RunLimits(depth=0))
    assert played.result.value == [ECHO + "p\n\nthe text", [ECHO + "a\n\nA", ECHO + "b"]]
    assert [event.depth for event in played.of(RunStarted)] == [0]


async def test_rlm_query_draws_a_share_of_the_budget(sandbox: str) -> None:
    code = "try:\n    rlm_query('p', 'c')\nexcept RuntimeError as e:\n    FINAL(str(e))"
    limits = RunLimits(tokens=1_000_000, child_share=0.01)
    played = await play(sandbox, cell(code), cell("print('so far')\nllm_query('x' * 60_000)"), limits=limits)
    assert "child_share" in played.result.value and "so far" in played.result.value
    assert played.result.success


async def test_rlm_query_batched_runs_children_side_by_side(sandbox: str) -> None:
    together, waiting = anyio.Event(), 0

    async def root(messages: list[Message]) -> str:
        nonlocal waiting
        if "Question:\nq\n" in messages[1].content:
            return cell("FINAL(rlm_query_batched(['one', 'two', 'one'], ['A', 'BB', 'A']))")
        waiting += 1
        if waiting == 2:
            together.set()
        with anyio.fail_after(20):
            await together.wait()
        return cell("FINAL(len(P))")

    result = await engine(sandbox, root).arun("q", "c")
    assert (result.value, waiting) == ([1, 2, 1], 2)


async def test_rlm_query_batched_has_one_error_item_for_one_failure(sandbox: str) -> None:
    def reply(messages: Any) -> str:
        question = messages[1].content
        if "Question:\nq\n" in question:
            return cell("FINAL(rlm_query_batched(['good', 'bad']))")
        if "Question:\nbad\n" in question:
            raise ModelUnavailable("key sk-123", status=503)
        return cell("FINAL([1])")

    played = await play(sandbox, *[reply] * 3)
    assert played.result.value == [[1], "ERROR: ModelUnavailable: the call failed with status 503"]


# -- questions about passages


@pytest.mark.parametrize("name", ["ask", "ask_chunk"])
async def test_ask_answers_from_a_text_or_says_no_answer(sandbox: str, name: str) -> None:
    sub = ScriptedModel([" Paris \n", "no_answer.", ""])
    value = await value_of(sandbox, f"FINAL([{name}('Where?', 'It was Paris.') for _ in range(3)] + [NO_ANSWER])", sub=sub)
    assert value == ["Paris", "NO_ANSWER", "NO_ANSWER", "NO_ANSWER"]
    assert "Question: Where?" in sub.calls[0].prompt and sub.calls[0].prompt.endswith("It was Paris.")


@pytest.mark.parametrize("more", ["", ", parallel=True", ", parallel=False", ", parallel=2"])
async def test_ask_chunks_answers_for_each_chunk_in_order(sandbox: str, more: str) -> None:
    sub = ScriptedModel(fallback="NO_ANSWER").add_rule("Passage:\ncd", "from cd").add_rule("Passage:\nef", ModelUnavailable("no"))
    value = await value_of(sandbox, f"FINAL(ask_chunks('What?', ctx.chunk(2){more}))", sub=sub, context="abcdefg")
    assert value == ["NO_ANSWER", "from cd", "ERROR: ModelUnavailable: the call failed", "NO_ANSWER"]


async def test_ask_chunks_first_stops_at_an_answer(sandbox: str) -> None:
    sub = ScriptedModel(fallback="NO_ANSWER").add_rule("Passage:\nx3", "third").add_rule("Passage:\nx5", "fifth")
    code = "chunks = ['x' + str(n) for n in range(100)]\nFINAL([ask_chunks_first('What?', chunks), ask_chunks_first('What?', ['a', 'b'])])"
    assert await value_of(sandbox, code, sub=sub) == ["third", "NO_ANSWER"]
    assert len(sub.calls) < 12


async def test_pick_first_answer_asks_nobody(sandbox: str) -> None:
    code = "FINAL([pick_first_answer(['NO_ANSWER', 'ERROR: x', ' yes ', 'no']), pick_first_answer([NO_ANSWER]), pick_first_answer([])])"
    played = await play(sandbox, cell(code))
    assert played.result.value == ["yes", "NO_ANSWER", "NO_ANSWER"]
    assert played.asked == []


# -- the answer


VALUES = [0, "", None, False, 1.5, "text", "[1]", b"\x00\xff", [1, [2.0, "x"]], {"a": {"b": None}}, 10**40]


@pytest.mark.parametrize("name", ["FINAL", "SUBMIT"])
async def test_final_and_submit_keep_the_type(sandbox: str, name: str) -> None:
    for value in VALUES:
        given = await value_of(sandbox, f"{name}({value!r})")
        assert (given, type(given)) == (value, type(value))


async def test_final_var_gives_the_variable_with_its_type(sandbox: str) -> None:
    for value in VALUES:
        given = await value_of(sandbox, f"v = {value!r}\nFINAL_VAR('v')")
        assert (given, type(given)) == (value, type(value))


async def test_final_var_of_no_variable_is_an_error_and_no_answer(sandbox: str) -> None:
    assert "FINAL_VAR" in await error_of(sandbox, "FINAL_VAR('nothing')")


async def test_answer_is_given_once_it_is_ready(sandbox: str) -> None:
    replies = [cell("answer['content'] = [1, 'a']"), cell("answer['ready'] = True")]
    played = await play(sandbox, *replies)
    assert (played.result.value, played.result.steps) == ([1, "a"], 2)


# -- what there is besides


async def test_show_vars_tells_names_types_and_sizes(sandbox: str) -> None:
    shown = await value_of(sandbox, "rows = [1, 2, 3]\nname = 'abcd'\nn = 7\ndef f():\n    pass\nFINAL(SHOW_VARS())")
    lines = shown.splitlines()
    assert {"rows: list of 3", "name: str of 4", "n: int"} <= set(lines)
    assert not [line for line in lines if line.startswith(("P:", "ctx:", "_", "FINAL:"))]


async def test_modules_are_imported_already(sandbox: str) -> None:
    code = (
        "FINAL([re.findall('[a-z]', 'a1b'), json.loads('[1]'), math.floor(2.5), collections.Counter('aab')['a'],"
        " list(itertools.chain([1], [2])), datetime.date(2024, 2, 29).isoformat()])"
    )
    assert await value_of(sandbox, code) == [["a", "b"], [1], 2, 2, [1, 2], "2024-02-29"]


def lookup(name: str, times: int = 1) -> list[str]:
    """Names like this one."""
    return [name] * times


def only_children(n: int) -> int:
    """Twice."""
    return 2 * n


async def test_tools_are_one_set_for_the_root_and_one_for_children(sandbox: str) -> None:
    played = await play(
        sandbox,
        cell("out = [lookup('a', times=2), rlm_query('p')]\ntry:\n    only_children(1)\nexcept NameError:\n    FINAL(out)"),
        cell("try:\n    lookup('a')\nexcept NameError:\n    FINAL(only_children(4))"),
        tools=[lookup],
        child_tools=[only_children],
    )
    assert played.result.value == [["a", "a"], 8]
    systems = [call.messages[0].content for call in played.root.calls]
    assert ["lookup(" in text for text in systems] == [True, False]
    assert ["only_children(" in text for text in systems] == [False, True]


async def test_a_tool_checks_its_types_and_has_limits_of_its_own(sandbox: str) -> None:
    code = (
        "out = []\nfor times in ('many', 2, 3):\n    try:\n        out.append(lookup('a', times))\n"
        "    except Exception as e:\n        out.append(str(e))\nFINAL(out)"
    )
    value = await value_of(sandbox, code, tools=[Tool.of(lookup, limits=ToolLimits(calls=1))])
    assert "times" in value[0] and "integer" in value[0]
    assert value[1] == ["a", "a"]
    assert "all its 1 calls" in value[2]
