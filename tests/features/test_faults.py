"""Faults that other engines of this kind have had, each by its number: here they are not, on every sandbox where they could be.

Not yet in here, since what they belong to is not there yet:

| fault | comes with |
|---|---|
| 7: a resume that makes every call again | `resume` |
| 8: ids of threads used as paths | threads |
| 10: a commit that commits nothing | `strategy.commit` |
| 10: forks that never run in parallel | `fork.run_all` |
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from cellblock import ExecLimits, Models, RunLimits, ScriptedModel
from cellblock.engine.policies import load_policy
from cellblock.errors import DeadlineExceeded, MaxTokensExceeded
from cellblock.events import CellEnded
from cellblock.models import CallableModel
from cellblock.models.protocol import Message

from .metered import Both, Metered
from .stage import cell, engine, play, warm

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789"


# -- 1


async def test_fault_1_final_inside_code_or_strings(sandbox: str) -> None:
    code = '''text = """
FINAL(no)
FINAL_VAR(text)
"""
# FINAL(no)
print(text, "FINAL(no)")
def f():
    return FINAL(3)
'''
    played = await play(sandbox, cell(code), "I might say FINAL(no) here.", cell("f()"))
    assert (played.result.value, played.result.steps, len(played.refused)) == (3, 3, 1)


@pytest.mark.parametrize("given", ["[1, 2]", "{'a': None}", "'[1, 2]'", "'{\"a\": 1}'", "'  it\\'s\\n'", "b'x'", "1.0", "True"])
async def test_fault_1_final_returns_a_literal_or_repr(sandbox: str, given: str) -> None:
    value = eval(given)
    for reply in (cell(f"FINAL({given})"), cell(f"v = {given}\nFINAL_VAR('v')")):
        result = (await play(sandbox, reply)).result
        assert (result.value, type(result.value)) == (value, type(value))
    by_text = (await play(sandbox, cell(f"v = {given}"), "FINAL_VAR(v)")).result
    assert (by_text.value, type(by_text.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("said", "value"), [('FINAL("")', ""), ("FINAL(0)", 0), ("FINAL(None)", None), ("FINAL([])", []), ("FINAL(False)", False)]
)
async def test_fault_1_empty_and_zero_answers_ignored(sandbox: str, said: str, value: object) -> None:
    in_a_cell = (await play(sandbox, cell(said))).result
    assert (in_a_cell.success, in_a_cell.steps, in_a_cell.value) == (True, 1, value)
    in_text = (await play(sandbox, said)).result
    assert (in_text.success, in_text.steps, in_text.answer) == (True, 1, "" if said == 'FINAL("")' else said[6:-1])


@pytest.mark.parametrize("said", ["FINAL(Paris)", "FINAL: Paris", "Thoughts.\n\nFINAL(Paris)\n\nMore thoughts."])
async def test_fault_1_bare_final_text_counted_as_failure(sandbox: str, said: str) -> None:
    result = (await play(sandbox, said)).result
    assert (result.success, result.error, result.failure, result.ending, result.answer) == (True, None, None, "final", "Paris")


# -- 2


async def test_fault_2_output_before_an_exception_lost(sandbox: str) -> None:
    played = await play(sandbox, cell("def f():\n    print('two')\n    1 / 0\nprint('one')\nf()"), "FINAL(1)")
    assert played.ended[0].stdout == "one\ntwo\n"
    assert "one\ntwo\nError: ZeroDivisionError: division by zero (line 3)" in played.told[1]


async def test_fault_2_variables_of_a_failing_cell_lost(sandbox: str) -> None:
    played = await play(
        sandbox, cell("a = 1\nb = [2]\nb.append(3)\n1 / 0\nc = 4"), cell("try:\n    c\nexcept NameError:\n    FINAL([a, b])")
    )
    assert played.result.value == [1, [2, 3]]


async def test_fault_2_functions_seeing_stale_globals(sandbox: str) -> None:
    replies = [
        cell("x = 1\ndef f():\n    return x\ndef g():\n    return f()"),
        cell("x = 2"),
        cell("x = 3\n1 / 0"),
        cell("FINAL([f(), g(), x])"),
    ]
    assert (await play(sandbox, *replies)).result.value == [3, 3, 3]
    redefined = [cell("def f():\n    return 'old'\ndef g():\n    return f()"), cell("def f():\n    return 'new'"), cell("FINAL(g())")]
    assert (await play(sandbox, *redefined)).result.value == "new"


# -- 3


async def test_fault_3_a_wall_limit_that_counts_the_models_latency(sandbox: str) -> None:
    async def slow(messages: list[Message]) -> str:
        await anyio.sleep(0.4)  # the latency under test
        return "late"

    code = "FINAL([llm_query('a'), llm_query_batched(['b', 'c']), llm_query('d')])"
    root = ScriptedModel([cell(code)])
    started = time.monotonic()
    result = await engine(sandbox, Models(root=root, sub=slow), exec_limits=ExecLimits(wall_seconds=0.3)).arun("q", "c")
    assert result.value == ["late", ["late", "late"], "late"]
    assert time.monotonic() - started > 1.2
    assert [event.wall_seconds < 0.3 for event in result.trace if isinstance(event, CellEnded)] == [True]


@pytest.mark.parametrize("code", ["while True: pass", "sum(range(10**11))", "3 ** 30_000_000 % 7"])
async def test_fault_3_a_timeout_of_a_cell_that_returns_long_after(sandbox: str, code: str) -> None:
    await warm(sandbox)
    started = time.monotonic()
    played = await play(sandbox, cell(code), "FINAL(over)", exec_limits=ExecLimits(wall_seconds=0.3))
    assert time.monotonic() - started < 0.3 + 2.5
    assert played.ended[0].limit == "wall_seconds"


@pytest.mark.parametrize("where", ["loop", "sub-call"])
async def test_fault_3_a_timeout_of_a_run_that_returns_long_after(where: str) -> None:
    await warm("monty")
    released = threading.Event()

    def blocks(prompt: str) -> str:
        released.wait(20)
        return "FINAL(late)"

    models = Models(root=blocks if where == "loop" else ScriptedModel([cell("llm_query('a')")]), sub=blocks)
    started = time.monotonic()
    try:
        result = await engine("monty", models, limits=RunLimits(wall_seconds=0.5)).arun("q", "c")
        assert 0.5 <= time.monotonic() - started < 2.5
        assert isinstance(result.failure, DeadlineExceeded)
    finally:
        released.set()


async def test_fault_3_a_policy_object_that_breaks_the_second_run(sandbox: str) -> None:
    policy = load_policy("format_strict")
    root = ScriptedModel(["FINAL(guess)", cell("x = 1"), "FINAL(known)"] * 3)
    for rlm in (engine(sandbox, root, policy=policy), again := engine(sandbox, root, policy=policy), again):
        result = await rlm.arun("q", "c")
        assert (result.success, result.answer, result.steps, result.error) == (True, "known", 3, None)
    assert policy == load_policy("format_strict")


# -- 4


ONE_BY_ONE = "[llm_query(str(n)) for n in range(99)]"
BATCHED = "llm_query_batched([str(n) for n in range(99)])"


@pytest.mark.parametrize("code", [ONE_BY_ONE, BATCHED])
async def test_fault_4_sub_tokens_not_enforced_without_a_sub_model(sandbox: str, code: str) -> None:
    model = Both(1_000, code)
    result = await engine(sandbox, model, limits=RunLimits(sub_tokens=20_000)).arun("q", "c")
    assert isinstance(result.failure, MaxTokensExceeded) and result.failure.limit == "sub_tokens"
    assert abs(model.owed - 20_000) <= 1_001


@pytest.mark.parametrize("limit", ["tokens", "sub_tokens"])
@pytest.mark.parametrize("parallel", [1, 8, 64])
async def test_fault_4_sub_tokens_bypassed_by_batches(sandbox: str, limit: str, parallel: int) -> None:
    sub, root = Metered(1_000), ScriptedModel([cell(BATCHED)])
    limits: Any = {limit: 30_000, "parallel_subcalls": parallel}
    result = await engine(sandbox, Models(root=root, sub=sub), limits=RunLimits(**limits)).arun("q", "c")
    assert isinstance(result.failure, MaxTokensExceeded) and result.failure.limit == limit
    total = sub.owed if limit == "sub_tokens" else result.usage.input_tokens + result.usage.output_tokens
    assert abs(total - 30_000) <= 1_001
    paid = result.usage.by_role["subcall"]
    assert (paid.input_tokens + paid.output_tokens, paid.calls) == (sub.owed, sub.calls)


@pytest.mark.parametrize("answer", [5_000, 20_000])
async def test_fault_4_sub_tokens_bypassed_by_a_batch_of_long_answers(sandbox: str, answer: int) -> None:
    sub, root = Metered(answer), ScriptedModel([cell(BATCHED)])
    result = await engine(sandbox, Models(root=root, sub=sub), limits=RunLimits(sub_tokens=100_000)).arun("q", "c")
    assert isinstance(result.failure, MaxTokensExceeded)
    assert abs(sub.owed - 100_000) <= answer + 1
    assert result.usage.by_role["subcall"].output_tokens == answer * sub.calls


async def test_fault_4_a_batch_of_short_answers_waits_for_its_first_ones_alone() -> None:
    sub, root = Metered(10), ScriptedModel([cell(f"FINAL(len({BATCHED}))")])
    result = await engine("monty", Models(root=root, sub=sub), limits=RunLimits(sub_tokens=100_000)).arun("q", "c")
    assert (result.value, sub.calls) == (99, 99)
    assert sub.most > 20


async def test_fault_4_unbounded_batch_concurrency(sandbox: str) -> None:
    sub = Metered(1)
    code = "FINAL([len(llm_query_batched([str(n) for n in range(150)])), len(ask_chunks('q', ctx.chunk(2)))])"
    result = await engine(sandbox, Models(root=ScriptedModel([cell(code)]), sub=sub), limits=RunLimits(parallel_subcalls=7)).arun(
        "q", "c" * 50
    )
    assert (result.value, sub.calls, sub.most) == ([150, 25], 150 + 1, 7)


async def test_fault_4_child_tokens_missing_or_counted_twice(sandbox: str) -> None:
    root, sub = Both(0, "FINAL(rlm_query('p') if len(P) > 1 else llm_query('a'))"), Metered(90, name="sub")
    root.code = "FINAL([rlm_query('p', 'x'), rlm_query('p', 'x')] if len(P) > 1 else llm_query_batched(['a', 'bbbb', 'a']))"
    result = await engine(sandbox, Models(root=root, sub=sub)).arun("q", "two")
    assert result.value == [["ok"] * 3] * 2
    assert {role: usage.calls for role, usage in result.usage.by_role.items()} == {"root_call": 1, "sub_root_call": 2, "subcall": 4}
    assert result.usage.input_tokens + result.usage.output_tokens == 3 * 509 + sub.owed
    assert sub.calls == 4


# -- 5


async def test_fault_5_the_model_of_a_call_ignored(sandbox: str) -> None:
    def by(name: str) -> ScriptedModel:
        return ScriptedModel(fallback=f"by {name}", name=name)

    code = (
        "FINAL([llm_query('a', model='fast'), llm_query_batched(['a'], model='fast')[0], ask('q', 'a', model='fast'),"
        " ask_chunks('q', ['a'], model='fast')[0], llm_query('a', model='root'), llm_query('a')])"
    )
    root = ScriptedModel([cell(code)], fallback="by root")
    result = await engine(sandbox, Models(root=root, sub=by("sub"), named={"fast": by("fast")})).arun("q", "c")
    assert result.value == ["by fast"] * 4 + ["by root", "by sub"]


@pytest.mark.parametrize("other", ["model", "prompt", "adapter"])
async def test_fault_5_cache_keys_without_model_prompt_or_adapter(sandbox: str, other: str, tmp_path: Path) -> None:
    def answering(text: str, name: str = "m") -> CallableModel:
        return CallableModel(lambda prompt: text, name=name, version="1")

    second: Any = answering("second", "other" if other == "model" else "m")
    if other == "adapter":
        second = ScriptedModel(fallback="second", name="m")
    values = []
    for sub, prompt in ((answering("first"), "a"), (second, "b" if other == "prompt" else "a")):
        root = ScriptedModel([cell(f"FINAL(llm_query({prompt!r}))")])
        values.append((await engine(sandbox, Models(root=root, sub=sub), cache=tmp_path).arun("q", "c")).value)
    assert values == ["first", "second"]


async def test_fault_5_a_cache_that_is_on_by_default(sandbox: str) -> None:
    sub = ScriptedModel(["one", "two", "three"])
    rlm = engine(sandbox, ScriptedModel(fallback=cell("FINAL(llm_query('a'))")), sub_model=sub)
    assert [(await rlm.arun("q", "c")).value for _ in range(3)] == ["one", "two", "three"]
    assert not list(Path.home().rglob("*cache*"))
