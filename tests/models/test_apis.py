"""Every API, whole and streamed, against a real server on the loopback interface: the real SDKs and our own transport."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from loopback import serving

from cellblock.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from cellblock.models import (
    AnthropicMessages,
    AwsAuth,
    BedrockMessages,
    Endpoint,
    HeaderAuth,
    Message,
    ModelAdapter,
    ModelResponse,
    OpenAIChat,
    OpenAIResponses,
    Rates,
    RetryPolicy,
    Secret,
    Usage,
)
from cellblock.models.generic import GenericChat

from .fake_provider import CACHED, INPUT, OUTPUT, TEXT, FakeProvider, FakeProviders

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789abcdef"
QUICK = RetryPolicy(attempts=3, wait_initial_seconds=0.001, wait_max_seconds=0.5, total_seconds=20)
ASK = [Message("system", "Be brief."), Message("user", "Hello, world")]
Open = Callable[..., tuple[str, FakeProvider]]
SDKS = {"chat": OpenAIChat, "responses": OpenAIResponses, "messages": AnthropicMessages, "bedrock": BedrockMessages}
EVERY = [(api, stream) for api in SDKS for stream in (False, True)] + [("generic", False)]
STREAMS = [(api, True) for api in SDKS]
ONCE = Usage(input_tokens=INPUT, output_tokens=OUTPUT, cached_tokens=CACHED, calls=1)


def each(cases: list[tuple[str, bool]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("api", "stream"), cases, ids=[f"{api}-{'streamed' if stream else 'whole'}" for api, stream in cases])


def read_chat(answer: Any) -> ModelResponse | str:
    message = answer["choices"][0]["message"]
    usage = answer["usage"]
    used = Usage(input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"], cached_tokens=CACHED, calls=1)
    return ModelResponse(text=message["content"], usage=used, model=answer["model"], raw={"id": answer["id"]})


def write_chat(messages: Any, max_tokens: int | None, sampling: Any) -> dict[str, Any]:
    return {"turns": [turn.content for turn in messages], "limit": max_tokens, **sampling}


def adapter(api: str, base: str, *, stream: bool = False, retry: RetryPolicy = QUICK, **more: Any) -> ModelAdapter:
    sampling = more.pop("sampling", None)
    path = {"chat": "/v1", "responses": "/v1", "generic": "/any/chat/completions"}.get(api, "")
    endpoint = Endpoint(**{"provider": "here", "base_url": base + path, "key": Secret(KEY), "retry": retry, "timeout_seconds": 20} | more)
    if api == "generic":
        return GenericChat(endpoint, payload=write_chat, parse=read_chat, model="m", sampling=sampling)
    return SDKS[api]("m", endpoint, stream=stream, sampling=sampling)


@pytest.fixture(scope="module")
def provider() -> Iterator[Open]:
    fakes = FakeProviders()
    with serving(fakes.app) as base:

        def opened(*behaviours: Any) -> tuple[str, FakeProvider]:
            path, fake = fakes.open(*behaviours)
            return base + path, fake

        yield opened


async def answer(model: ModelAdapter, **more: Any) -> ModelResponse:
    try:
        return await model.complete(ASK, **more)
    finally:
        await model.aclose()


async def failure(model: ModelAdapter) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await answer(model)
    assert len(str(caught.value)) <= 300 and str(caught.value).isprintable() and KEY not in str(caught.value)
    # A function of the user's own is to be found by its traceback; the key was taken out of what it got.
    assert caught.value.__context__ is None or " parse raised " in str(caught.value)
    return caught.value


@each(EVERY)
async def test_a_good_answer_has_text_usage_with_cached_tokens_and_model_and_no_thoughts(provider: Open, api: str, stream: bool):
    base, fake = provider()
    said = await answer(adapter(api, base, stream=stream), max_tokens=77, sampling={"temperature": 0.5, "stop": ["END"]})

    assert (said.text, said.usage, said.model) == (TEXT, ONCE, "served")
    assert "THOUGHT" not in repr(said)
    (seen,) = fake.seen
    assert 77 in seen.body.values() and seen.body["temperature"] == 0.5
    assert "Hello, world" in str(seen.body) and "Be brief." in str(seen.body)


@each(EVERY)
async def test_a_long_answer_may_be_asked_for_whole(provider: Open, api: str, stream: bool):
    base, _ = provider()

    assert (await answer(adapter(api, base, stream=stream, timeout_seconds=600), max_tokens=1_000_000)).text == TEXT


@each(EVERY)
@pytest.mark.parametrize("status", [429, 500, 503, 408])
async def test_a_passing_http_error_is_tried_again(provider: Open, api: str, stream: bool, status: int):
    base, fake = provider(status, "good")
    said = await answer(adapter(api, base, stream=stream))

    assert (said.text, said.usage, len(fake.seen)) == (TEXT, ONCE, 2)


@each(EVERY)
async def test_a_wait_that_the_provider_asks_for_is_kept(provider: Open, api: str, stream: bool):
    from starlette.responses import JSONResponse

    later = JSONResponse({"error": {"message": "slow down"}}, status_code=429, headers={"retry-after": "0.3"})
    base, fake = provider(later, "good")
    started = time.monotonic()
    await answer(adapter(api, base, stream=stream))

    assert time.monotonic() - started >= 0.3
    assert len(fake.seen) == 2


@each(EVERY)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_no_is_not_tried_again(provider: Open, api: str, stream: bool, status: int):
    base, fake = provider(status)
    error = await failure(adapter(api, base, stream=stream))

    assert (type(error), error.status, error.provider, len(fake.seen)) == (ModelRefused, status, "here", 1)


@each(EVERY[:-1])
async def test_a_refusal_is_an_error_that_tells_what_it_cost(provider: Open, api: str, stream: bool):
    base, _ = provider("refusal")
    error = await failure(adapter(api, base, stream=stream))

    assert isinstance(error, ModelRefused) and "gave no text" in str(error)
    assert error.usage == ONCE


@each(STREAMS)
async def test_a_broken_stream_is_tried_again_and_what_it_used_is_not_lost(provider: Open, api: str, stream: bool):
    base, fake = provider("cut", "cut", "good")
    said = await answer(adapter(api, base, stream=stream))

    assert (said.text, len(fake.seen), said.usage.calls) == (TEXT, 3, 3)
    assert said.usage.input_tokens == 3 * INPUT and said.usage.cached_tokens == 3 * CACHED
    assert not said.usage.estimated and said.usage.cost_usd is None


@each(STREAMS)
async def test_a_stream_that_stays_broken_is_an_error_with_the_usage_of_all_attempts(provider: Open, api: str, stream: bool):
    base, fake = provider("cut")
    error = await failure(adapter(api, base, stream=stream))

    assert isinstance(error, ModelUnavailable) and len(fake.seen) == 3
    assert (error.usage.input_tokens, error.usage.calls) == (3 * INPUT, 3)


@each(EVERY)
async def test_attempts_of_which_nothing_is_known_add_no_usage(provider: Open, api: str, stream: bool):
    base, _ = provider(500)
    assert (await failure(adapter(api, base, stream=stream))).usage is None


@each(EVERY)
async def test_hostile_json_is_one_clear_error(provider: Open, api: str, stream: bool):
    base, _ = provider("hostile")
    error = await failure(adapter(api, base, stream=stream))

    assert isinstance(error, ModelUnavailable)
    assert str(error).startswith("here:m's parse raised") if api == "generic" else "JSON of another shape" in str(error)


@each(EVERY)
async def test_cancelling_a_call_closes_its_connection(provider: Open, api: str, stream: bool):
    base, fake = provider("hang")
    model = adapter(api, base, stream=stream)
    async with anyio.create_task_group() as group:
        group.start_soon(model.complete, ASK)
        assert await anyio.to_thread.run_sync(fake.began.wait, 20)
        group.cancel_scope.cancel()
    gone = await anyio.to_thread.run_sync(fake.left.wait, 20)
    await model.aclose()

    assert gone


@each(EVERY)
async def test_no_answer_in_time_is_unavailable(provider: Open, api: str, stream: bool):
    base, _ = provider("hang")
    error = await failure(adapter(api, base, stream=stream, timeout_seconds=0.2, retry=RetryPolicy(attempts=1)))

    assert isinstance(error, ModelUnavailable)


@each(EVERY)
@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (HeaderAuth(), "authorization", f"Bearer {KEY}"),
        (HeaderAuth(header="api-key", prefix=""), "api-key", KEY),
        (HeaderAuth(header="x-api-key", prefix=""), "x-api-key", KEY),
        (HeaderAuth(header="x-portkey-api-key", prefix=""), "x-portkey-api-key", KEY),
    ],
)
async def test_the_key_goes_out_in_its_one_header(
    provider: Open, api: str, stream: bool, auth: HeaderAuth, header: str, value: str, monkeypatch: pytest.MonkeyPatch
):
    leak_everything(monkeypatch)
    base, fake = provider()
    await answer(adapter(api, base, stream=stream, auth=auth, headers=(("x-portkey-provider", "openai"),), api_version="2024-10-21"))

    (seen,) = fake.seen
    assert seen.headers[header] == value and str(seen).count(KEY) == 1
    assert seen.headers["x-portkey-provider"] == "openai" and seen.query == "api-version=2024-10-21"
    plain = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent", "anthropic-version"}
    assert set(seen.headers) <= plain | {header, "x-portkey-provider"}
    assert "leak" not in str(seen)


def leak_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]
    names += ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    for name in names:
        monkeypatch.setenv(name, f"leak-{name}")
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "Authorization: Bearer leak-custom\nX-Leak: leak-custom")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_BEDROCK_BASE_URL", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/leak")


@each(EVERY)
async def test_a_signed_request_shows_no_secret(provider: Open, api: str, stream: bool):
    auth = AwsAuth(access_key_id=Secret("AKIDEXAMPLE"), region="eu-west-1", session_token=Secret("session/token=="))
    base, fake = provider()
    await answer(adapter(api, base, stream=stream, auth=auth))

    (seen,) = fake.seen
    assert KEY not in str(seen)
    assert seen.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert (
        "/eu-west-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=" in seen.headers["authorization"]
    )
    assert seen.headers["x-amz-security-token"] == "session/token=="


@each(EVERY)
async def test_default_sampling_is_used_unless_a_call_has_its_own(provider: Open, api: str, stream: bool):
    base, fake = provider()
    model = adapter(api, base, stream=stream, sampling={"temperature": 0.25})
    for sampling in (None, {"top_p": 0.5}, {}):
        await model.complete(ASK, sampling=sampling)
    await model.aclose()

    assert [(seen.body.get("temperature"), seen.body.get("top_p")) for seen in fake.seen] == [(0.25, None), (None, 0.5), (None, None)]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("max_tokens", "RunLimits(tokens=…)"),
        ("max_total_tokens", "RunLimits(tokens=…)"),
        ("max_completion_tokens", "RunLimits"),
        ("timeout", "Endpoint(timeout_seconds=…)"),
        ("max_retries", "Endpoint(retry=RetryPolicy(…))"),
        ("max_cost", "RunLimits(cost_usd=…)"),
        ("max_depth", "RunLimits(depth=…)"),
        ("rpm", "Endpoint(rates=Rates(…))"),
    ],
)
@each(EVERY)
async def test_a_limit_among_sampling_settings_is_refused_with_its_right_place(api: str, stream: bool, name: str, place: str):
    with pytest.raises(ConfigError) as made:
        adapter(api, "http://127.0.0.1:1", stream=stream, sampling={name: 5})
    with pytest.raises(ConfigError) as called:
        await adapter(api, "http://127.0.0.1:1", stream=stream).complete(ASK, sampling={name: 5})

    assert repr(name) in str(made.value) and place in str(made.value) and str(made.value) == str(called.value)


@each(EVERY)
def test_an_identity_tells_everything_apart_and_never_the_key(api: str, stream: bool):
    def identity(**more: Any) -> str:
        return adapter(api, more.pop("base", "http://127.0.0.1:1"), stream=stream, **more).identity

    same = {identity(), identity(key=Secret("another-key")), identity(retry=RetryPolicy()), identity(timeout_seconds=3)}
    others = [
        identity(provider="there"),
        identity(base="http://127.0.0.1:2"),
        identity(sampling={"temperature": 0.5}),
        identity(sampling={"temperature": 1}),
        identity(sampling={"stop": "0.5"}),
        identity(api_version="2024-10-21"),
        identity(headers=(("x-portkey-provider", "openai"),)),
    ]
    assert len(same) == (1 if api != "generic" else 4)
    assert len(same | set(others)) == len(same) + len(others)
    assert KEY not in "".join(same) and "another-key" not in "".join(same)


def test_every_adapter_of_the_same_place_and_model_has_an_identity_of_its_own():
    assert len({adapter(api, "http://127.0.0.1:1").identity for api in (*SDKS, "generic")}) == 5


@each(EVERY)
async def test_rates_of_a_key_hold_over_adapters_and_attempts(provider: Open, api: str, stream: bool):
    base, fake = provider("hang")
    first, second = (adapter(api, base, stream=stream, rates=Rates(parallel=1)) for _ in range(2))
    async with anyio.create_task_group() as group:
        group.start_soon(first.complete, ASK)
        assert await anyio.to_thread.run_sync(fake.began.wait, 20)
        with anyio.move_on_after(0.3) as waited:
            await second.complete(ASK)
        requests = len(fake.seen)
        group.cancel_scope.cancel()
    await first.aclose()
    await second.aclose()

    assert waited.cancelled_caught and requests == 1


async def test_no_place_is_held_between_attempts(provider: Open):
    base, fake = provider(500, "good")
    slow = RetryPolicy(attempts=2, wait_initial_seconds=5)
    first, second = (adapter("chat", base, rates=Rates(parallel=1), retry=policy) for policy in (slow, QUICK))
    async with anyio.create_task_group() as group:
        group.start_soon(first.complete, ASK)
        while not fake.seen:
            await anyio.sleep(0.005)
        with anyio.fail_after(3):
            said = await second.complete(ASK)
        group.cancel_scope.cancel()
    await first.aclose()
    await second.aclose()

    assert said.text == TEXT


@each(EVERY)
async def test_a_lone_surrogate_in_a_prompt_is_refused_or_replaced_and_never_crashes(provider: Open, api: str, stream: bool):
    base, _ = provider()
    model = adapter(api, base, stream=stream)
    with pytest.raises(ModelError):
        await model.complete([Message("user", "\ud800")])
    await model.aclose()


@pytest.mark.parametrize("header", ["host", "content-length", "Authorization", "x y", "x\n", "", "connection", "cookie", "ü"])
def test_a_header_that_the_transport_sets_carries_no_key(header: str):
    with pytest.raises(ConfigError, match="header"):
        HeaderAuth(header=header)
    with pytest.raises(ConfigError, match="header"):
        Endpoint(provider="here", base_url="http://h/", headers=((header, "x"),))


@pytest.mark.parametrize("value", ["", "a\r\nx: y", "é", " a", "a" * 2000])
def test_a_header_is_one_printable_line(value: str):
    with pytest.raises(ConfigError, match="one line"):
        Endpoint(provider="here", base_url="http://h/", headers=(("x-a", value),))


@pytest.mark.parametrize("version", ["a&b=c", "2024 10", "é", "x" * 50])
def test_an_api_version_is_no_query(version: str):
    with pytest.raises(ConfigError, match="api_version"):
        Endpoint(provider="here", base_url="http://h/", api_version=version)


@pytest.mark.parametrize(
    "sampling", [{"temperature": float("nan")}, {"temperature": "hot"}, {"seed": 1.5}, {"stop": []}, {"stop": [""]}, 7]
)
def test_a_sampling_value_that_makes_no_sense_is_named(sampling: Any):
    with pytest.raises(ConfigError, match="sampling"):
        OpenAIChat("m", sampling=sampling)
