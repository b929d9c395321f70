"""Models: what is said of each provider and of what lies around it, tried in whole runs against a real server on loopback."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from loopback import serving
from models.fake_claude import install
from models.fake_provider import CACHED, INPUT, OUTPUT, TEXT, FakeProvider
from starlette.responses import JSONResponse

from cellblock import RLM, Models, RunLimits, ScriptedModel
from cellblock.errors import ConfigError, DeadlineExceeded, ModelRefused
from cellblock.models import (
    PROVIDERS,
    AnthropicMessages,
    Endpoint,
    GenericChat,
    HeaderAuth,
    Message,
    OpenAIChat,
    OpenAIResponses,
    Rates,
    Secret,
    resolve,
)
from cellblock.models.prices import Price

from .served import KEY, Counted, asked, chat
from .stage import cell, engine, warm

pytestmark = pytest.mark.anyio

SERVED_OVER_HTTP = [(name, api) for name, provider in PROVIDERS.items() for api in provider.apis if api != "claude-cli"]
PATHS = {"chat": "/chat/completions", "responses": "/responses", "messages": "/v1/messages", "bedrock": "/invoke-with-response-stream"}


# -- the table of providers


def test_the_table_has_every_provider_that_is_promised() -> None:
    promised = "openai anthropic azure bedrock vertex gemini xai ollama openrouter huggingface vllm lmstudio litellm portkey vercel"
    assert {*promised.split(), "claude-cli"} <= set(PROVIDERS)
    assert {"chat", "responses"} <= set(PROVIDERS["openai"].apis)


@pytest.mark.parametrize(("provider", "api"), SERVED_OVER_HTTP)
async def test_each_provider_answers_a_sub_call(
    provider: str, api: str, fake: FakeProvider, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    result = await asked(resolve(f"{provider}+{api}:m", base_url=address + "/v1", api_key=KEY))
    assert result.value == TEXT
    assert fake.seen[0].path.endswith(PATHS[api])
    assert sum(KEY in value for value in fake.seen[0].headers.values()) == 1


async def test_a_run_of_a_providers_name_takes_address_and_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeProvider()
    with serving(fake.app) as url:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", url)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
        assert (await asked("azure:gpt-5")).value == TEXT
    assert (fake.seen[0].path, fake.seen[0].headers["api-key"]) == ("/openai/v1/chat/completions", KEY)


async def test_the_claude_command_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{install(tmp_path)}:/usr/bin:/bin")
    result = await asked("claude-cli:sonnet")
    assert (result.value, result.usage.by_role["subcall"].cost_usd) == ("four", 0.25)


async def test_generic_chat_has_a_payload_builder_and_a_response_parser(fake: FakeProvider, address: str) -> None:
    model = GenericChat(
        Endpoint(provider="house", base_url=address + "/v1/chat/completions", key=Secret(KEY), auth=HeaderAuth(header="x-key", prefix="")),
        payload=lambda messages, max_tokens, sampling: {"said": [turn.content for turn in messages], "limit": max_tokens},
        parse=lambda answer: answer["choices"][0]["message"]["content"].upper(),
    )
    assert (await asked(model, "FINAL(llm_query('Hello', max_tokens=5))")).value == TEXT.upper()
    assert (fake.seen[0].body, fake.seen[0].headers["x-key"]) == ({"said": ["Hello"], "limit": 5}, KEY)


async def test_any_callable_is_a_model() -> None:
    async def later(messages: list[Message], max_tokens: int | None = None) -> str:
        return f"{messages[-1].content} {max_tokens}"

    assert (await asked(lambda prompt: prompt.upper())).value == "HELLO"
    assert (await asked(later, "FINAL(llm_query('Hello', max_tokens=7))")).value == "Hello 7"


async def test_a_scripted_model_answers_by_rule_then_by_script() -> None:
    sub = ScriptedModel(["first", "second"]).add_rule("a.c", "literal").add_rule("x[0-9]+", "by pattern", regex=True)
    code = "FINAL([llm_query(p) for p in ('has a.c', 'abc', 'x12', 'other')])"
    assert (await asked(sub, code)).value == ["literal", "first", "by pattern", "second"]


# -- names and keys


@pytest.mark.parametrize(
    ("name", "kind", "full"),
    [
        ("gpt-5", OpenAIChat, "openai:gpt-5"),
        ("o3-mini", OpenAIChat, "openai:o3-mini"),
        ("claude-sonnet-9", AnthropicMessages, "anthropic:claude-sonnet-9"),
        ("gemini-3-pro", OpenAIChat, "gemini:gemini-3-pro"),
        ("grok-5", OpenAIChat, "xai:grok-5"),
        ("openai+responses:gpt-5", OpenAIResponses, "openai:gpt-5"),
        ("openrouter:qwen/qwen3", OpenAIChat, "openrouter:qwen/qwen3"),
        ("ollama:qwen3-coder:32b", OpenAIChat, "ollama:qwen3-coder:32b"),
    ],
)
def test_a_name_finds_its_provider(name: str, kind: type, full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        for variable in provider.key_variables:
            monkeypatch.setenv(variable, KEY)
    model = resolve(name)
    assert (type(model), model.name) == (kind, full)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("qwen/qwen3", "openrouter:qwen/qwen3"),
        ("qwen3-coder:32b", "ollama:qwen3-coder:32b"),
        ("gpt-oss-20b", "ollama:gpt-oss-20b"),
        ("gpt-5", "OPENAI_API_KEY"),
    ],
)
def test_a_name_that_could_be_several_and_a_missing_key_are_refused_with_what_to_do(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        RLM(name, journal=":memory:")


@pytest.mark.parametrize("name", ["gpt-5", "openai:gpt-5", "anthropic:claude-x", "gemini:g", "openrouter:a/b"])
async def test_a_key_of_the_environment_goes_to_no_other_host(
    name: str, fake: FakeProvider, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in PROVIDERS.values():
        for variable in provider.key_variables:
            monkeypatch.setenv(variable, KEY)
    assert (await asked(resolve(name, base_url=address))).value == TEXT
    seen = fake.seen[0]
    assert KEY not in repr((seen.headers, seen.query)) and KEY.encode() not in seen.raw


# -- retries and rates


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_a_passing_failure_is_tried_again(status: int, fake: FakeProvider, address: str) -> None:
    fake.behaviours = [JSONResponse({"error": {"message": "busy"}}, status, {"retry-after-ms": "1"}), "good"]
    assert (await asked(chat(address))).value == TEXT
    assert len(fake.seen) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_lasting_failure_is_not(status: int, fake: FakeProvider, address: str) -> None:
    fake.behaviours = [status]
    code = "try:\n    llm_query('Hello')\nexcept RuntimeError as e:\n    FINAL(str(e))"
    assert (await asked(chat(address), code)).value == f"ModelRefused: the call failed with status {status}"
    assert len(fake.seen) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_retry_after_is_waited_for(stream: bool, fake: FakeProvider, address: str) -> None:
    fake.behaviours = [JSONResponse({"error": {"message": "busy"}}, 429, {"retry-after": "0.4"}), "good"]
    started = time.monotonic()
    assert (await asked(chat(address, stream=stream))).value == TEXT
    assert 0.4 <= time.monotonic() - started < 3


async def test_rates_bound_the_requests_in_flight_of_a_key_over_all_its_adapters() -> None:
    counted, rates = Counted(), Rates(parallel=2)
    with serving(counted.app) as url:
        named = {"other": chat(url, rates=rates)}
        code = "FINAL(llm_query_batched([str(n) for n in range(6)]) + rlm_query_batched(['a', 'b', 'c']))"
        root = ScriptedModel([cell(code)], fallback=cell("FINAL(llm_query_batched(['x', 'y', 'z'], model='other'))"))
        result = await engine("monty", Models(root=root, sub=chat(url, rates=rates), named=named)).arun("q", "c")
    assert result.value[:6] == [TEXT] * 6
    assert (len(counted.seen), counted.most) == (6 + 9, 2)


async def test_rates_bound_the_requests_of_a_minute(fake: FakeProvider, address: str) -> None:
    await warm("monty")
    model = chat(address, rates=Rates(requests_per_minute=2))
    result = await asked(model, "llm_query_batched(['a', 'b', 'c'])", limits=RunLimits(wall_seconds=1.0))
    assert isinstance(result.failure, DeadlineExceeded)
    assert len(fake.seen) == 2


# -- streams, usage, costs


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", [OpenAIChat, OpenAIResponses, AnthropicMessages])
async def test_a_stream_gives_the_same_answer_and_usage(kind: Any, stream: bool, fake: FakeProvider, address: str) -> None:
    result = await asked(kind("m", Endpoint(provider="house", base_url=address, key=Secret(KEY)), stream=stream))
    used = result.usage.by_role["subcall"]
    assert result.value == TEXT
    assert (used.input_tokens, used.output_tokens, used.cached_tokens, used.estimated) == (INPUT, OUTPUT, CACHED, False)
    assert bool(fake.seen[0].body.get("stream")) == stream


async def test_a_cost_is_known_by_the_price_table_and_cached_tokens_cost_less(address: str) -> None:
    result = await asked(OpenAIChat("gpt-4o", Endpoint(provider="openai", base_url=address, key=Secret(KEY))))
    # Per million: 2.50 for input, 1.25 for cached input, 10 for output.
    expected = ((INPUT - CACHED) * 2.5 + CACHED * 1.25 + OUTPUT * 10) / 1_000_000
    assert result.usage.by_role["subcall"].cost_usd == pytest.approx(expected)


async def test_own_prices_win_and_an_unknown_price_stays_unknown(address: str) -> None:
    prices = {"house:m": Price(input_per_million=1_000, output_per_million=0, cached_per_million=0)}
    assert (await asked(chat(address), prices=prices)).usage.by_role["subcall"].cost_usd == pytest.approx((INPUT - CACHED) / 1_000)
    assert (await asked(chat(address))).usage.by_role["subcall"].cost_usd is None


async def test_a_lost_attempt_is_paid_for_once(fake: FakeProvider, address: str) -> None:
    fake.behaviours = ["cut", "good"]
    used = (await asked(chat(address, stream=True))).usage.by_role["subcall"]
    assert (used.input_tokens, used.output_tokens) == (2 * INPUT, 2 * OUTPUT)


# -- roles


async def test_each_role_and_depth_has_its_own_model() -> None:
    def named(name: str, *script: str) -> ScriptedModel:
        return ScriptedModel(script, name=name, fallback=f"by {name}")

    child = cell("FINAL([llm_query('x'), rlm_query('deeper')])")
    models = Models(
        root=named("root", cell("FINAL([llm_query('x'), llm_query('x', model='fast'), rlm_query('deep')])")),
        sub=[named("sub0"), named("sub1")],
        children=[named("child1", child), named("child2", cell("FINAL(llm_query('x'))"))],
        named={"fast": named("fast")},
    )
    result = await engine("monty", models, limits=RunLimits(depth=2)).arun("q", "c")
    assert result.value == ["by sub0", "by fast", ["by sub1", "by sub1"]]
    loops = {(part.model, part.depth) for part in result.usage.parts if part.role.endswith("root_call")}
    assert loops == {("root", 0), ("child1", 1), ("child2", 2)}


async def test_a_model_that_refuses_the_loops_own_call_is_raised(fake: FakeProvider, address: str) -> None:
    fake.behaviours = [401]
    with pytest.raises(ModelRefused) as caught:
        await engine("monty", chat(address)).arun("q", "c")
    assert caught.value.status == 401 and KEY not in str(caught.value)
