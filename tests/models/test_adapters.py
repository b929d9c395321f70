"""The real SDK clients against real servers on the loopback interface."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from loopback import closed_port, serving
from starlette.requests import Request

from cellblock.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from cellblock.models import AnthropicMessages, Endpoint, Message, ModelAdapter, OpenAIChat, RetryPolicy, Secret, resolve
from cellblock.models.transport import ANSWER_BYTES
from cellblock.serve.simulate import ServerFaults, create_app

from .odd import odd_app

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789abcdef"
QUICK = RetryPolicy(attempts=4, wait_initial_seconds=0.001, wait_max_seconds=0.5, total_seconds=20)
ASK = [Message("system", "Be brief."), Message("user", "Hello, world")]
BOTH = pytest.mark.parametrize("api", ["chat", "messages"])
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def adapter(api: str, base: str, *, stream: bool = False, key: str = KEY, retry: RetryPolicy = QUICK, timeout: float = 20) -> ModelAdapter:
    address = f"{base}/v1" if api == "chat" else base
    endpoint = Endpoint(provider="here", base_url=address, key=Secret(key), retry=retry, timeout_seconds=timeout)
    return OpenAIChat("m", endpoint, stream=stream) if api == "chat" else AnthropicMessages("m", endpoint, stream=stream)


async def failure(model: ModelAdapter, messages: list[Message] = ASK) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(messages)
    await model.aclose()
    error = caught.value
    assert len(str(error)) <= 300 and str(error).isprintable()
    assert KEY not in str(error) + repr(error) + str(pickle.dumps(error))
    assert error.__context__ is None
    return error


class Recorder:
    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    def __call__(self, request: Request) -> None:
        self.headers.append(dict(request.headers))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def server(recorder: Recorder) -> Iterator[str]:
    with serving(create_app(on_request=recorder)) as base:
        yield base


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    with serving(odd_app()) as base:
        yield base


@BOTH
@STREAMED
async def test_a_good_answer_has_text_usage_and_model(server: str, api: str, stream: bool):
    model = adapter(api, server, stream=stream)

    answer = await model.complete(ASK, max_tokens=500, sampling={"temperature": 0.5, "stop": ["\n\n"], "seed": None})
    await model.aclose()

    assert answer.text.endswith("It began: Hello, world")
    assert (answer.model, answer.usage.calls, answer.usage.estimated) == ("m", 1, False)
    assert answer.usage.input_tokens == 6 and answer.usage.output_tokens == -(-len(answer.text) // 4)
    assert answer.raw["finish_reason"] in ("stop", "end_turn")


@BOTH
@STREAMED
async def test_the_key_goes_out_and_nothing_else_of_the_environment(
    server: str, recorder: Recorder, api: str, stream: bool, monkeypatch: pytest.MonkeyPatch
):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, f"leak-{name}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer leak-custom\nX-Leak: leak-custom")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer leak-custom\nX-Leak: leak-custom")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    model = adapter(api, server, stream=stream)

    await model.complete(ASK)
    await model.aclose()

    (headers,) = recorder.headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "leak" not in str(headers)
    assert set(headers) <= {
        "host",
        "accept",
        "accept-encoding",
        "authorization",
        "content-type",
        "content-length",
        "user-agent",
        "anthropic-version",
    }


@pytest.mark.parametrize("spec", ["openai:gpt-5", "gpt-5", "anthropic:claude-x"])
async def test_a_key_of_the_environment_is_not_sent_to_another_host(
    server: str, recorder: Recorder, spec: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    model = resolve(spec, base_url=server if "claude" in spec else server + "/v1")

    await model.complete(ASK)
    await model.aclose()

    assert [headers["authorization"] for headers in recorder.headers] == ["Bearer none"]


async def test_an_explicit_key_and_the_own_variable_go_to_any_host(server: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CELLBLOCK_API_KEY", "from-the-variable")
    for model in (resolve("m", base_url=server + "/v1"), resolve("m", base_url=server + "/v1", api_key="from-the-call")):
        await model.complete(ASK)
        await model.aclose()

    assert [headers["authorization"] for headers in recorder.headers] == ["Bearer from-the-variable", "Bearer from-the-call"]


@BOTH
@STREAMED
@pytest.mark.parametrize("fault", ["error_rate", "rate_limit_rate", "overload_rate", "cut_stream_rate"])
async def test_a_passing_fault_is_retried(recorder: Recorder, api: str, stream: bool, fault: str):
    # At one half, some of the five calls fail first; each is drawn from the seed, so that this never changes.
    app = create_app(faults=ServerFaults(**{fault: 0.5}, retry_after_ms=1), on_request=recorder)
    with serving(app) as base:
        model = adapter(api, base, stream=stream, retry=RetryPolicy(attempts=30, wait_initial_seconds=0.001, wait_max_seconds=0.01))
        answers = [await model.complete([Message("user", f"question {number}")]) for number in range(5)]
        await model.aclose()

    assert [answer.text.endswith(f"question {number}") for number, answer in enumerate(answers)] == [True] * 5
    assert len(recorder.headers) > 5


@BOTH
@STREAMED
@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (ServerFaults(error_rate=1), 500),
        (ServerFaults(rate_limit_rate=1, retry_after_ms=1), 429),
        (ServerFaults(overload_rate=1), 529),
        (ServerFaults(cut_stream_rate=1), None),
    ],
    ids=["500", "429", "overload", "cut"],
)
async def test_a_lasting_fault_is_unavailable_after_the_last_attempt(
    recorder: Recorder, api: str, stream: bool, faults: ServerFaults, status: int | None
):
    with serving(create_app(faults=faults, on_request=recorder)) as base:
        error = await failure(adapter(api, base, stream=stream))

    assert isinstance(error, ModelUnavailable)
    assert error.status in ((status,) if not stream else (status, None))
    assert len(recorder.headers) == QUICK.attempts


async def test_a_wait_that_is_too_long_is_reported_and_not_waited_for(recorder: Recorder):
    with serving(create_app(faults=ServerFaults(rate_limit_rate=1, retry_after_ms=60_000), on_request=recorder)) as base:
        error = await failure(adapter("chat", base))

    assert "asks to wait 60 s" in str(error)
    assert len(recorder.headers) == 1


@BOTH
async def test_a_wrong_key_is_refused_at_once(recorder: Recorder, api: str):
    with serving(create_app(required_key="another-key", on_request=recorder)) as base:
        error = await failure(adapter(api, base))

    assert isinstance(error, ModelRefused)
    assert (error.provider, error.status, len(recorder.headers)) == ("here", 401, 1)
    assert "key was not accepted" in str(error)


@BOTH
@STREAMED
async def test_a_server_that_is_down_is_unavailable(api: str, stream: bool):
    error = await failure(adapter(api, f"http://127.0.0.1:{closed_port()}", stream=stream))

    assert isinstance(error, ModelUnavailable)


@pytest.mark.parametrize(
    ("kind", "expected", "says"),
    [
        ("html", ModelUnavailable, "an HTML page; check the base_url"),
        ("html500", ModelUnavailable, "an HTML page"),
        ("empty", ModelUnavailable, "an empty body"),
        ("choices", ModelUnavailable, "without a choice"),
        ("null", ModelUnavailable, "JSON of another shape"),
        ("number", ModelUnavailable, "JSON of another shape"),
        ("nested", ModelUnavailable, "answered"),
        ("surrogate", ModelUnavailable, "not JSON"),
        ("latin1", ModelUnavailable, "not JSON"),
        ("tool", ModelRefused, "gave no text (finish reason tool_calls)"),
        ("error200", ModelRefused, "upstream said no"),
        ("errorlist", ModelRefused, "HTTP 400"),
        ("enormous", ModelUnavailable, f"longer than {ANSWER_BYTES:,} bytes"),
        ("long", ModelUnavailable, "bytes of JSON, and at most"),
        ("gzip", ModelUnavailable, "compressed"),
        ("redirect", ModelRefused, "redirects are not followed"),
        ("echo", ModelRefused, "bad [31mkey: Bearer [key]"),
        ("punycode", ModelRefused, "HTTP 400"),
    ],
)
async def test_an_odd_answer_is_one_clear_error(odd: str, kind: str, expected: type[ModelError], says: str):
    error = await failure(adapter("chat", f"{odd}/{kind}"))

    assert type(error) is expected
    assert says in str(error)


@pytest.mark.parametrize(
    "kind", ["html", "html500", "empty", "choices", "null", "nested", "enormous", "gzip", "redirect", "echo", "punycode"]
)
@STREAMED
async def test_the_messages_api_makes_the_same_of_odd_answers(odd: str, kind: str, stream: bool):
    assert "here " in str(await failure(adapter("messages", f"{odd}/{kind}", stream=stream)))


@pytest.mark.parametrize("kind", ["html", "choices", "nested", "enormous", "echo"])
async def test_a_stream_makes_the_same_of_odd_answers(odd: str, kind: str):
    assert "here " in str(await failure(adapter("chat", f"{odd}/{kind}", stream=True)))


@BOTH
async def test_a_stream_that_ends_in_good_order_but_too_early_is_unavailable(odd: str, api: str):
    error = await failure(adapter(api, f"{odd}/half", stream=True))

    assert "cut the stream before its end" in str(error)


async def test_a_request_to_another_host_does_not_leave_the_machine(server: str, recorder: Recorder):
    import httpx2

    from cellblock.models.transport import Destination, OneHostTransport

    transport = OneHostTransport(Destination(base_url="https://api.openai.com/v1", key=Secret(KEY), timeout_seconds=1))
    with pytest.raises(httpx2.UnsupportedProtocol):
        await transport.handle_async_request(httpx2.Request("POST", server + "/v1/chat/completions"))
    await transport.aclose()

    assert recorder.headers == []


async def test_a_key_that_an_endpoint_says_back_does_not_reach_the_cells(odd: str):
    model = adapter("chat", f"{odd}/said")

    answer = await model.complete(ASK)
    await model.aclose()

    assert answer.text == "I was given Bearer [key]"
    assert KEY not in repr(answer) + repr(model) + repr(vars(model))


async def test_usage_that_makes_no_sense_is_estimated(odd: str):
    model = adapter("chat", f"{odd}/usage")

    answer = await model.complete(ASK)
    await model.aclose()

    assert answer.usage.estimated and answer.usage.output_tokens == 1


@BOTH
async def test_a_refusal_tells_what_it_cost(odd: str, api: str):
    error = await failure(adapter(api, f"{odd}/length"))

    assert isinstance(error, ModelRefused)
    assert (error.usage.input_tokens, error.usage.output_tokens, error.usage.calls) == (70, 9, 1)


@BOTH
async def test_a_stream_of_endless_events_is_cut(odd: str, api: str):
    assert "events" in str(await failure(adapter(api, f"{odd}/flood", stream=True)))


async def test_content_in_parts_is_joined(odd: str):
    model = adapter("chat", f"{odd}/parts")
    assert (await model.complete(ASK)).text == "in parts"
    await model.aclose()


async def test_a_prompt_that_cannot_be_sent_is_refused(server: str):
    error = await failure(adapter("chat", server), [Message("user", "\ud800")])

    assert isinstance(error, ModelRefused)


@BOTH
async def test_no_answer_in_time_is_unavailable(api: str):
    from cellblock.models import SimulatedModel

    with serving(create_app(SimulatedModel(latency_seconds=30))) as base:
        error = await failure(adapter(api, base, timeout=0.1, retry=RetryPolicy(attempts=1)))

    assert isinstance(error, ModelUnavailable)


async def test_a_closed_adapter_says_so(server: str):
    model = adapter("chat", server)
    await model.aclose()
    await model.aclose()

    with pytest.raises(ConfigError, match="closed"):
        await model.complete(ASK)


async def test_an_unknown_sampling_setting_is_named(server: str):
    with pytest.raises(ConfigError, match="'top_k'"):
        await adapter("chat", server).complete(ASK, sampling={"top_k": 3})


async def test_the_openai_sdk_reads_the_servers_stream(server: str):
    import openai

    async with openai.AsyncOpenAI(base_url=server + "/v1", api_key="any", max_retries=0) as client:
        stream: Any = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hi there"}], stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        listed = [model.id async for model in client.models.list()]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.endswith("It began: Hi there")
    assert chunks[-1].usage.completion_tokens == -(-len(text) // 4)
    assert listed == ["simulated"]


async def test_the_anthropic_sdk_reads_the_servers_stream(server: str):
    import anthropic

    async with (
        anthropic.AsyncAnthropic(base_url=server, api_key="any", max_retries=0) as client,
        client.messages.stream(model="m", max_tokens=99, messages=[{"role": "user", "content": "Hi there"}]) as stream,
    ):
        message = await stream.get_final_message()

    assert message.content[0].text.endswith("It began: Hi there")
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 1
