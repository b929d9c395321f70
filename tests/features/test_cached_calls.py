"""The cache of sub-calls: off by default, under a key of all that shapes the answer, and one call for equal ones at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loopback import serving
from models.fake_provider import TEXT, FakeProvider
from models.redis_servers import SmallRedis, small_server

from cellblock import Models, ScriptedModel
from cellblock.events import ModelAnswered, RunEnded
from cellblock.limits import RunLimits
from cellblock.models import CallableModel, ModelAdapter, OpenAIChat, OpenAIResponses
from cellblock.models.cache import FileCache, SemanticCache, SQLiteCache
from cellblock.models.cache.model import SemanticModel

from .served import QUERY, Counted, asked, chat
from .stage import cell, engine

pytestmark = pytest.mark.anyio


async def _requests(fake: FakeProvider, *runs: tuple[ModelAdapter, Mapping[str, Any]], code: str = QUERY) -> int:
    fake.seen.clear()
    for sub, settings in runs:
        await asked(sub, **{"code": code} | dict(settings))
    return len(fake.seen)


async def test_without_a_cache_equal_calls_of_two_runs_are_two(fake: FakeProvider, address: str) -> None:
    assert await _requests(fake, (chat(address), {}), (chat(address), {})) == 2


@pytest.mark.parametrize("where", ["folder", "calls.db"])
async def test_with_a_cache_on_disk_they_are_one(where: str, tmp_path: Path, fake: FakeProvider, address: str) -> None:
    cached = {"cache": tmp_path / where}
    assert await _requests(fake, (chat(address), cached), (chat(address), cached)) == 1
    result = await asked(chat(address), **cached)
    assert [event.source for event in result.trace if isinstance(event, ModelAnswered) and event.role == "subcall"] == ["cache"]
    assert (result.value, result.usage.by_role.get("subcall")) == (TEXT, None)


async def test_a_limit_of_each_sub_call_does_not_keep_them_out_of_the_cache(tmp_path: Path, fake: FakeProvider, address: str) -> None:
    cached = {"cache": tmp_path, "limits": RunLimits(subcall_tokens=8_000)}
    assert await _requests(fake, (chat(address), cached), (chat(address), cached)) == 1
    assert await _requests(fake, (chat(address), cached | {"limits": RunLimits(subcall_tokens=1_000)})) == 1


async def test_a_cache_that_cannot_be_used_costs_no_answer_and_is_told_of(tmp_path: Path, fake: FakeProvider, address: str) -> None:
    cache = SQLiteCache(tmp_path / "calls.db")
    told = [event.cache_error for event in (await asked(chat(address), cache=cache)).trace if isinstance(event, RunEnded)]
    await cache.aclose()
    result = await asked(chat(address), cache=cache)
    told += [event.cache_error for event in result.trace if isinstance(event, RunEnded)]
    assert result.value == TEXT
    assert told == [None, f"{tmp_path / 'calls.db'}: this cache was closed"]


async def test_with_a_cache_in_redis_they_are_one(fake: FakeProvider, address: str) -> None:
    with small_server(SmallRedis()) as port:
        cached = {"cache": f"redis://127.0.0.1:{port}"}
        assert await _requests(fake, (chat(address), cached), (chat(address), cached)) == 1


@pytest.mark.parametrize("kind", [FileCache, SQLiteCache])
async def test_the_key_covers_all_that_shapes_the_answer(kind: Any, tmp_path: Path, fake: FakeProvider, address: str) -> None:
    cache = kind(tmp_path / "calls")
    base, same = chat(address), {"cache": cache}
    others: dict[str, tuple[ModelAdapter, dict[str, Any]]] = {
        "tenant": (base, same | {"tenant": "other"}),
        "model": (OpenAIChat("n", base.endpoint), same),
        "address": (OpenAIChat("m", replace(base.endpoint, base_url=address + "/v2")), same),
        "provider": (chat(address, provider="inn"), same),
        "sampling": (chat(address, sampling={"temperature": 0.5}), same),
        "adapter": (OpenAIResponses("m", base.endpoint), same),
        "max_tokens": (base, same | {"code": "FINAL(llm_query('Hello', max_tokens=9))"}),
        "prompt": (base, same | {"code": "FINAL(llm_query('Hello '))"}),
        "schema": (base, same | {"code": "FINAL(llm_query_json_batched(['Hello'], {'a': 'int'}))"}),
    }
    assert await _requests(fake, (base, same), (chat(address, key="another-key"), same)) == 1
    for name, other in others.items():
        assert await _requests(fake, other) >= 1, name
        assert await _requests(fake, (base, same)) == 0
    await cache.aclose()


async def test_equal_calls_at_the_same_time_are_one_request(tmp_path: Path) -> None:
    counted = Counted()
    with serving(counted.app) as url:
        root = ScriptedModel([cell("FINAL(rlm_query_batched(['a', 'b', 'c']))")], fallback=cell(QUERY))
        rlm = engine("monty", Models(root=root, sub=chat(url)), cache=tmp_path)
        result = await rlm.arun("q", "c")
    assert (result.value, len(counted.seen)) == ([TEXT] * 3, 1)


async def test_a_semantic_cache_serves_only_the_model_that_is_named_for_it(tmp_path: Path) -> None:
    calls: list[str] = []

    def answer(prompt: str) -> str:
        calls.append(prompt)
        return f"answer {len(calls)}"

    model = CallableModel(answer)
    known = SemanticModel(model, SemanticCache(FileCache(tmp_path), lambda text: [1.0, 0.0]), tenant="default")
    code = (
        "FINAL([llm_query(p, model=m) for m in ('faq', 'sub') for p in ('tell me about cats', 'please talk about cats', 'cats over 50')])"
    )
    root = ScriptedModel([cell(code)])
    result = await engine("monty", Models(root=root, sub=model, named={"faq": known})).arun("q", "c")
    assert result.value == ["answer 1", "answer 1", "answer 2", "answer 3", "answer 4", "answer 5"]
