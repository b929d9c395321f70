"""Faults 6 to 10 that other engines of this kind have had; see `test_faults`."""

from __future__ import annotations

import itertools
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
from loopback import serving
from models.fake_provider import FakeProvider
from starlette.responses import RedirectResponse

from cellblock import Guards, Models, Router, RunLimits, ScriptedModel
from cellblock.errors import ModelUnavailable
from cellblock.events import CellEnded, ModelAsked, RunStarted
from cellblock.models import Endpoint, OpenAIChat, Secret
from cellblock.models.cache import FileCache, SemanticCache
from cellblock.models.cache.model import SemanticModel
from cellblock.models.protocol import Message

from .stage import cell, engine, play, value_of

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789"


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
    faq = SemanticModel(ScriptedModel(["first", "second"]), SemanticCache(FileCache(tmp_path), lambda text: [1.0]), tenant="default")
    root = ScriptedModel([cell(f"FINAL([llm_query(p, model='faq') for p in ({one!r}, {other!r}, {one!r})])")])
    result = await engine("monty", Models(root=root, named={"faq": faq})).arun("q", "c")
    assert result.value == ["first", "second", "first"]
