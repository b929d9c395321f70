"""Which model is asked for what, what that costs, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from cellblock.engine.guards import Guards
from cellblock.engine.prompt import PromptSettings
from cellblock.engine.roles import Models, Roles
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError
from cellblock.events import ModelAnswered
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.cache import SQLiteCache
from cellblock.models.prices import Price
from cellblock.models.protocol import Message, ModelResponse, Usage

pytestmark = pytest.mark.anyio


def named(name: str, *script: str, fallback: str | None = None) -> ScriptedModel:
    return ScriptedModel(script, name=name, fallback=fallback)


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def priced(name: str, text: str, *, tokens: tuple[int, int]) -> ScriptedModel:
    usage = Usage(input_tokens=tokens[0], output_tokens=tokens[1], calls=1)
    return ScriptedModel([ModelResponse(text=text, usage=usage, model=name)] * 9, name=name)


async def test_every_role_and_depth_has_its_own_model() -> None:
    root = named("root", cell("x = llm_query('a'); y = llm_query('b', model='fast'); FINAL(rlm_query('child'))"))
    child = named("child", cell("FINAL(llm_query('c') + rlm_query('grandchild'))"))
    grandchild = named("grandchild", cell("FINAL(llm_query('d'))"))
    sub, deep, fast = named("sub", fallback="s"), named("deep", fallback="d"), named("fast", fallback="f")
    engineer, verifier = named("engineer", fallback="brief"), named("verifier", fallback="VERIFIED")
    models = Models(root=root, sub=[sub, deep], children=[child, grandchild], named={"fast": fast}, engineer=engineer, verifier=verifier)
    rlm = RLM(
        models,
        limits=RunLimits(depth=2),
        journal=":memory:",
        guards=Guards(verifications=1),
        prompt=PromptSettings(context_brief="pre_loop"),
    )
    result = await rlm.arun("q", "text")
    assert result.value == "dd"
    calls = {(part.role, part.model, part.depth): part.usage.calls for part in result.usage.parts}
    assert calls == {
        ("engineer", "engineer", 0): 1,
        ("root_call", "root", 0): 1,
        ("subcall", "sub", 0): 1,
        ("subcall", "fast", 0): 1,
        ("sub_root_call", "child", 1): 1,
        ("subcall", "deep", 1): 1,
        ("sub_root_call", "grandchild", 2): 1,
        ("subcall", "deep", 2): 1,
        ("verifier", "verifier", 0): 1,
    }
    assert sum(usage.calls for usage in result.usage.by_role.values()) == result.usage.calls == 9


async def test_the_saving_by_a_cheaper_tier_is_shown() -> None:
    root = priced("big", cell("FINAL(llm_query('a'))"), tokens=(1_000, 100))
    sub = priced("small", "x", tokens=(10_000, 1_000))
    prices = {"big": Price(input_per_million=10, output_per_million=100), "small": Price(input_per_million=1, output_per_million=10)}
    usage = (await RLM(Models(root=root, sub=sub), prices=prices, journal=":memory:").arun("q", "t")).usage
    assert usage.cost_usd == pytest.approx(0.01 + 0.01 + 0.01 + 0.01)
    assert usage.by_model["small"].cost_usd == pytest.approx(0.02)
    assert usage.saved_usd == pytest.approx(0.2 - 0.02)
    assert usage.cost_usd == sum(part.cost_usd or 0 for part in usage.by_role.values())


async def test_an_unknown_price_stays_unknown() -> None:
    usage = (await RLM(named("mine", "FINAL(1)"), journal=":memory:").arun("q", "t")).usage
    assert (usage.cost_usd, usage.saved_usd) == (None, None)


def test_one_spec_is_one_adapter() -> None:
    model = named("m")
    assert list(Roles(Models(root=model, sub=model, children=[model, model], verifier=model))) == [model]
    assert len(list(Roles(Models(root="simulated", sub="simulated", engineer="simulated:seed=1")))) == 2


@pytest.mark.parametrize("settings", [{"sub": []}, {"children": ()}, {"named": {"root": "simulated"}}, {"named": {"a b": "simulated"}}])
def test_models_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="models: "):
        Models(root="simulated", **settings)  # type: ignore[arg-type]


def test_two_ways_to_name_the_sub_model_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="sub="):
        RLM(Models(root="simulated"), sub_model="simulated")


async def test_a_cell_is_told_the_names_that_it_may_use() -> None:
    models = Models(root=named("root", cell("llm_query('a', model='slow')"), "FINAL(1)"), named={"fast": named("f")})
    result = await RLM(models, journal=":memory:").arun("q", "t")
    shown = [event.error for event in result.trace if event.__class__.__name__ == "CellEnded"]
    assert shown == ["ValueError: llm_query(): no model named 'slow'; known: root, sub, fast (line 1)"]


# -- the cache of sub-calls


async def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    sub = named("sub", "one", "two")
    rlm = RLM(named("root", *[cell("FINAL(llm_query('a'))")] * 2), sub_model=sub, journal=":memory:")
    assert [(await rlm.arun("q", "t")).answer for _ in range(2)] == ["one", "two"]


@pytest.mark.parametrize("place", ["folder", "cache.db"])
async def test_a_kept_answer_costs_nothing_the_second_time(tmp_path: Path, place: str) -> None:
    sub = named("sub", "one", "two")
    rlm = RLM(named("root", *[cell("FINAL(llm_query('a'))")] * 2), sub_model=sub, journal=":memory:", cache=tmp_path / place)
    first, second = [await rlm.arun("q", "t") for _ in range(2)]
    assert (first.answer, second.answer) == ("one", "one")
    assert (first.usage.by_role["subcall"].calls, "subcall" in second.usage.by_role) == (1, False)
    assert [event.source for event in second.trace if isinstance(event, ModelAnswered) and event.role == "subcall"] == ["cache"]
    assert second.subcalls == 1


async def test_the_runs_own_replies_are_never_kept(tmp_path: Path) -> None:
    rlm = RLM(named("root", "FINAL(1)", "FINAL(2)"), journal=":memory:", cache=tmp_path)
    assert [(await rlm.arun("q", "t")).answer for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("other", ["tenant", "model", "max_tokens", "prompt"])
async def test_a_key_covers_everything_that_shapes_the_answer(tmp_path: Path, other: str) -> None:
    cache = SQLiteCache(tmp_path / "c.db")
    codes = {"max_tokens": "FINAL(llm_query('a', max_tokens=9))", "prompt": "FINAL(llm_query('a '))"}
    answers = []
    for turn, sub in enumerate((named("sub", "first"), named("other" if other == "model" else "sub", "second"))):
        code = codes.get(other, "FINAL(llm_query('a'))") if turn else "FINAL(llm_query('a'))"
        tenant = "t2" if turn and other == "tenant" else "t1"
        rlm = RLM(named("root", cell(code)), sub_model=sub, journal=":memory:", cache=cache, tenant=tenant)
        answers.append((await rlm.arun("q", "t")).answer)
    await cache.aclose()
    assert answers == ["first", "second"]


async def test_equal_calls_at_the_same_time_are_one(tmp_path: Path) -> None:
    calls = 0

    async def slow(messages: list[Message]) -> str:
        nonlocal calls
        calls += 1
        await anyio.sleep(0.05)
        return "x"

    code = "FINAL(rlm_query_batched(['one', 'two']))"
    rlm = RLM(named("root", cell(code), *[cell("FINAL(llm_query('same'))")] * 2), sub_model=slow, journal=":memory:", cache=tmp_path)
    result = await rlm.arun("q", "t")
    assert (result.value, calls) == (["x", "x"], 1)
    sources = {event.source for event in result.trace if isinstance(event, ModelAnswered) and event.role == "subcall"}
    assert sources in ({"call", "flight"}, {"call", "cache"})


async def test_a_store_that_fails_is_no_reason_for_a_call_to_fail(tmp_path: Path) -> None:
    cache = SQLiteCache(tmp_path / "c.db")
    await cache.aclose()
    rlm = RLM(named("root", cell("FINAL(llm_query('a'))")), sub_model=named("sub", "one"), journal=":memory:", cache=cache)
    assert (await rlm.arun("q", "t")).answer == "one"


async def test_a_listed_price_is_known_before_the_first_call() -> None:
    root = named("m", "FINAL(1)")
    prices = {"m": Price(input_per_million=1, output_per_million=2)}
    result = await RLM(root, prices=prices, journal=":memory:", limits=RunLimits(cost_usd=0.00001)).arun("q", "t")
    assert (result.success, result.ending, result.usage.calls, root.calls) == (False, "budget", 0, [])


async def test_with_a_listed_price_first_calls_are_made_side_by_side() -> None:
    at_once, most = 0, 0

    async def sub(messages: list[Message]) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await anyio.sleep(0.02)
        at_once -= 1
        return "x"

    prices = {"root": Price(input_per_million=1, output_per_million=1), "sub": Price(input_per_million=1, output_per_million=1)}
    root = named("root", cell("FINAL(len(llm_query_batched(['a', 'b', 'c'])))"))
    rlm = RLM(root, sub_model=sub, prices=prices, journal=":memory:", limits=RunLimits(cost_usd=1.0))
    assert (await rlm.arun("q", "t")).value == 3
    assert most == 3
