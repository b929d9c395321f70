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

import itertools
import os
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from loopback import serving
from models.fake_provider import FakeProvider
from starlette.responses import RedirectResponse

from cellblock import ExecLimits, Guards, Models, Router, RunLimits, ScriptedModel
from cellblock.engine.policies import load_policy
from cellblock.errors import DeadlineExceeded, MaxTokensExceeded, ModelUnavailable
from cellblock.events import CellEnded, ModelAsked, RunStarted
from cellblock.models import CallableModel, Endpoint, OpenAIChat, Secret
from cellblock.models.cache import FileCache, SemanticCache
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.models.semantic import SemanticModel

from .stage import cell, engine, play, value_of

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
    started = time.monotonic()
    played = await play(sandbox, cell(code), "FINAL(over)", exec_limits=ExecLimits(wall_seconds=0.3))
    assert time.monotonic() - started < 0.3 + 2.5
    assert played.ended[0].limit == "wall_seconds"


@pytest.mark.parametrize("where", ["loop", "sub-call"])
async def test_fault_3_a_timeout_of_a_run_that_returns_long_after(where: str) -> None:
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


class Metered:
    """A model that uses what it is told to, obeys `max_tokens`, and adds up what it is owed."""

    def __init__(self, tokens: int, *, name: str = "metered") -> None:
        self.tokens, self.name = tokens, name
        self.calls = self.owed = self.now = self.most = 0

    async def complete(self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Any = None) -> ModelResponse:
        self.calls, self.now = self.calls + 1, self.now + 1
        self.most = max(self.most, self.now)
        await anyio.sleep(0.001)
        self.now -= 1
        prompt = sum(len(message.content) for message in messages) // 4
        used = Usage(input_tokens=prompt, output_tokens=min(self.tokens, max_tokens or self.tokens), calls=1)
        self.owed += used.input_tokens + used.output_tokens
        return ModelResponse(text="ok", usage=used, model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


class Both(Metered):
    """The only model of a run: it writes the cell, and answers the sub-calls."""

    def __init__(self, tokens: int, code: str) -> None:
        super().__init__(tokens)
        self.code = code

    async def complete(self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Any = None) -> ModelResponse:
        if messages[0].role == "system":
            return ModelResponse(text=cell(self.code), usage=Usage(input_tokens=500, output_tokens=9, calls=1), model=self.name)
        return await super().complete(messages, max_tokens=max_tokens)


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


# -- 6


async def test_fault_6_parallel_children_that_share_a_directory_or_stdout(sandbox: str) -> None:
    def reply(messages: Sequence[Message]) -> str:
        question = messages[1].content.splitlines()[1]
        if question == "q":
            return cell("FINAL(rlm_query_batched(['c' + str(n) for n in range(8)]))")
        return cell(
            f"name = '{question}'\nfor n in range(200):\n    print(name, n)\nllm_query(name)\nFINAL([name, SHOW_VARS().count('name')])"
        )

    played = await play(sandbox, *[reply] * 9, context="shared")
    assert played.result.value == [[f"c{number}", 1] for number in range(8)]
    children = [event for event in played.ended if event.depth == 1]
    names = sorted(event.stdout.split()[0] for event in children)
    assert names == [f"c{number}" for number in range(8)]
    assert all(event.stdout == "".join(f"{event.stdout.split()[0]} {n}\n" for n in range(200)) for event in children)


# -- 7


async def test_fault_7_streaming_that_ignores_depth_and_steps(sandbox: str) -> None:
    root = ScriptedModel(fallback=cell("print(rlm_query('p'))"))
    rlm = engine(
        sandbox, root, sub_model=ScriptedModel(fallback="flat"), limits=RunLimits(depth=0, steps=3), guards=Guards(forced_final=False)
    )
    async with rlm.stream("q", "c") as stream:
        events = [event async for event in stream]
    assert [event.depth for event in events if isinstance(event, RunStarted)] == [0]
    assert [event.step for event in events if isinstance(event, ModelAsked) and event.role == "root_call"] == [1, 2, 3]
    assert (stream.result.steps, stream.result.success, stream.result.answer) == (3, False, "flat")


async def test_fault_7_a_step_counter_that_never_resets(sandbox: str) -> None:
    root = ScriptedModel(fallback=cell("print(1)"))
    rlm = engine(sandbox, root, limits=RunLimits(steps=2), guards=Guards(forced_final=False))
    async with rlm.session("c") as session:
        runs = [await rlm.arun("q", "c"), await rlm.arun("q", "c"), await session.arun("q"), await session.arun("q")]
    assert [run.steps for run in runs] == [2] * 4
    assert [[event.step for event in run.trace if isinstance(event, CellEnded)] for run in runs] == [[1, 2]] * 4


# -- 8


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_fault_8_keys_forwarded_to_another_host(status: int) -> None:
    thief, home = FakeProvider(), FakeProvider()
    with serving(thief.app) as elsewhere, serving(home.app) as url:
        home.behaviours = [RedirectResponse(elsewhere.replace("127.0.0.1", "localhost") + "/chat/completions", status)]
        sub = OpenAIChat("m", Endpoint(provider="house", base_url=url, key=Secret(KEY)))
        root = ScriptedModel([cell("try:\n    llm_query('a')\nexcept RuntimeError as e:\n    FINAL(str(e))")])
        result = await engine("monty", Models(root=root, sub=sub)).arun("q", "c")
    assert "the call failed" in result.value and KEY not in result.value
    assert (len(home.seen), thief.seen) == (1, [])


async def test_fault_8_api_keys_visible_to_cells(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    sub = ScriptedModel(fallback=ModelUnavailable(f"401 with {KEY} at /home/me", status=401))
    code = """seen = []
try:
    import os
    seen.append(str(dict(os.environ)))
    seen.append(os.getcwd())
except Exception as e:
    seen.append(str(e))
try:
    llm_query('a')
except RuntimeError as e:
    seen.append(str(e))
seen += llm_query_batched(['b']) + [SHOW_VARS()]
FINAL(seen)"""
    seen = await value_of(sandbox, code, sub=sub)
    assert len(seen) >= 4
    assert not [text for text in seen if KEY in text or "/home" in text or str(Path.cwd()) in text]


def _listening(pid: int) -> set[str]:
    """Sockets of a process and its descendants that take connections, by their inodes."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    waiting = {row[9] for row in rows if row[3] == "0A"}
    own: set[str] = set()
    family = [pid]
    while family:
        one = Path(f"/proc/{family.pop()}")
        try:
            own |= {link.readlink().name.removeprefix("socket:[").rstrip("]") for link in one.glob("fd/*") if link.is_symlink()}
            family += [int(child) for task in one.glob("task/*/children") for child in task.read_text().split()]
        except OSError:
            continue
    return waiting & own


async def test_fault_8_a_helper_server_that_listens(sandbox: str) -> None:
    before, during = _listening(os.getpid()), []

    def looking(prompt: str) -> str:
        during.append(_listening(os.getpid()))
        return "ok"

    result = await engine(sandbox, Models(root=ScriptedModel([cell("FINAL(llm_query('a'))")]), sub=looking)).arun("q", "c")
    assert (result.value, during) == ("ok", [before])
    with serving(FakeProvider().app):
        assert len(_listening(os.getpid()) - before) == 1, "this test cannot see a server"


# -- 9

STEPS = 24


async def _seconds_per_step(sandbox: str, context: str, journal: Path) -> float:
    """The median from one question to the loop's model to the next."""
    replies = [cell(f"n{step} = len(P) + {step}") for step in range(STEPS)]
    played = await play(sandbox, *replies, "FINAL(1)", context=context, limits=RunLimits(steps=STEPS + 1), journal=journal)
    assert played.result.success
    assert len(played.told[-1]) < 1_000
    moments = [event.at for event in played.of(ModelAsked)]
    return statistics.median(after - before for before, after in itertools.pairwise(moments))


async def test_fault_9_a_10_mb_context_that_costs_time_at_each_step(sandbox: str, tmp_path: Path) -> None:
    small = await _seconds_per_step(sandbox, "é" * 5_000, tmp_path / "small.db")
    large = await _seconds_per_step(sandbox, "é" * 5_000_000, tmp_path / "large.db")
    # To send it again would take 10 ms at the very least; there is noise of a busy machine in both.
    assert large < small + 0.005
    assert sum(path.stat().st_size for path in tmp_path.glob("large.db*")) < 2_000_000


async def test_fault_9_byte_slicing_that_breaks_utf_8(sandbox: str) -> None:
    text = "aé€😀漢\u0301z" * 7
    code = (
        "n = len(P)\nFINAL([''.join([P[i:i + 1] for i in range(n)]), ''.join([t for s, e, t in ctx.chunk(3)]), peek(4), tail(3),"
        " [P[s:e] for s, e, t in ctx.find('€😀')][0], ctx.find('漢')[0][0], ctx.slice(3, 5), n])"
    )
    assert await value_of(sandbox, code, context=text) == [text, text, text[:4], text[-3:], "€😀", 4, "😀漢", len(text)]


# -- 10


async def test_fault_10_verify_that_verifies_nothing(sandbox: str) -> None:
    verifier = ScriptedModel(["REJECTED: the rows say 8", "VERIFIED", "REJECTED: worked out 9", "VERIFIED", "VERIFIED"], name="verifier")
    root = ScriptedModel([cell("print('rows', len(P))\nFINAL(7)"), cell("FINAL(8)"), cell("FINAL(9)")])
    result = await Router(engine(sandbox, Models(root=root, verifier=verifier)), baseline_threshold=0, profile="VERIFY").arun(
        "how many?", "c"
    )
    assert (result.output, result.result.verified, result.result.steps) == (9, True, 3)
    assert len({call.messages[0].content for call in verifier.calls}) == 2
    assert "Proposed answer:\n7" in verifier.calls[0].prompt and "rows 1" in verifier.calls[0].prompt
    assert "the rows say 8" in root.calls[1].prompt and "worked out 9" in root.calls[2].prompt


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bills over $500", "bills over $5000"),
        ("at most 3 items", "at least 3 items"),
        ("did it pass?", "did it not pass?"),
        ("say 'a'", "say 'b'"),
    ],
)
async def test_fault_10_semantic_cache_hits_on_different_amounts(one: str, other: str, tmp_path: Path) -> None:
    faq = SemanticModel(ScriptedModel(["first", "second"]), SemanticCache(FileCache(tmp_path), lambda text: [1.0]), tenant="t")
    root = ScriptedModel([cell(f"FINAL([llm_query(p, model='faq') for p in ({one!r}, {other!r}, {one!r})])")])
    result = await engine("monty", Models(root=root, named={"faq": faq})).arun("q", "c")
    assert result.value == ["first", "second", "first"]
