"""What is particular to the Responses API and to Bedrock's streams: unfinished answers, errors in the middle, and odd gateways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from loopback import serving
from starlette.responses import JSONResponse, Response

from cellblock.errors import ModelError, ModelRefused, ModelUnavailable
from cellblock.models import BedrockMessages, Endpoint, Message, ModelAdapter, OpenAIResponses, RetryPolicy

from .fake_provider import APIS, CACHED, INPUT, OUTPUT, TEXT, FakeProvider, aws_chunk, aws_frame, sse

pytestmark = pytest.mark.anyio

ASK = [Message("system", "Be brief."), Message("user", "Hello")]
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
WHOLE = APIS["responses"].whole(TEXT, "")
CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
NOTHING: list[Any] = [{"type": "reasoning", "summary": []}]


@pytest.fixture
def served() -> Iterator[tuple[str, FakeProvider]]:
    fake = FakeProvider()
    with serving(fake.app) as base:
        yield base, fake


def written(stream: bool, response: dict[str, Any], *before: dict[str, Any]) -> Response:
    if not stream:
        return JSONResponse(response)
    last = {"type": f"response.{response['status']}", "response": response}
    return Response(b"".join(map(sse, [*before, last])), media_type="text/event-stream")


def adapter(base: str, kind: type[Any] = OpenAIResponses, *, stream: bool) -> ModelAdapter:
    endpoint = Endpoint(provider="here", base_url=base, retry=RetryPolicy(attempts=2, wait_initial_seconds=0.001))
    return kind("m", endpoint, stream=stream)


async def failure(model: ModelAdapter) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(ASK)
    await model.aclose()
    return caught.value


@STREAMED
async def test_nothing_is_stored_and_the_limit_has_its_own_name(served: tuple[str, FakeProvider], stream: bool):
    base, fake = served
    model = adapter(base, stream=stream)

    await model.complete(ASK, max_tokens=50, sampling={"top_p": 0.5, "seed": 1, "stop": "x"})
    await model.aclose()

    body = {name: value for name, value in fake.seen[0].body.items() if name != "stream"}
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert body == {"model": "m", "input": turns, "store": False, "max_output_tokens": 50, "top_p": 0.5}


@STREAMED
async def test_an_answer_that_was_cut_is_given_with_its_reason(served: tuple[str, FakeProvider], stream: bool):
    base, fake = served
    fake.behaviours = [written(stream, {**WHOLE, **CUT})]
    model = adapter(base, stream=stream)

    said = await model.complete(ASK)
    await model.aclose()

    assert (said.text, said.raw["finish_reason"]) == (TEXT, "max_output_tokens")


@STREAMED
async def test_an_answer_that_was_cut_while_thinking_is_refused_with_its_cost(served: tuple[str, FakeProvider], stream: bool):
    base, fake = served
    fake.behaviours = [written(stream, {**WHOLE, **CUT, "output": NOTHING})]

    error = await failure(adapter(base, stream=stream))

    assert isinstance(error, ModelRefused) and "gave no text (max_output_tokens): raise max_tokens" in str(error)
    assert (error.usage.input_tokens, error.usage.output_tokens, error.usage.cached_tokens) == (INPUT, OUTPUT, CACHED)


@STREAMED
@pytest.mark.parametrize(
    ("code", "kind", "requests"),
    [("server_error", ModelUnavailable, 2), ("rate_limit_exceeded", ModelUnavailable, 2), ("invalid_prompt", ModelRefused, 1)],
)
async def test_a_failed_response_is_tried_again_if_that_can_help(
    served: tuple[str, FakeProvider], stream: bool, code: str, kind: type[ModelError], requests: int
):
    base, fake = served
    failed = {**WHOLE, "status": "failed", "error": {"code": code, "message": "it broke"}, "output": []}
    fake.behaviours = [written(stream, failed)]

    error = await failure(adapter(base, stream=stream))

    assert type(error) is kind and f"{code}: it broke" in str(error) and len(fake.seen) == requests
    assert (error.usage.input_tokens, error.usage.calls) == (INPUT * requests, requests)


@pytest.mark.parametrize("nested", [False, True])
async def test_an_error_event_ends_the_stream(served: tuple[str, FakeProvider], nested: bool):
    base, fake = served
    detail = {"code": "server_error", "message": "it broke"}
    event = {"type": "error", "error": detail} if nested else {"type": "error", **detail, "param": None}
    fake.behaviours = [Response(sse({"type": "response.created", "response": WHOLE}) + sse(event), media_type="text/event-stream")]

    error = await failure(adapter(base, stream=True))

    assert isinstance(error, ModelUnavailable) and "server_error: it broke" in str(error) and len(fake.seen) == 2


@STREAMED
@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
async def test_an_unfinished_response_is_no_answer(served: tuple[str, FakeProvider], stream: bool, status: str):
    base, fake = served
    whole = {**WHOLE, "status": status}
    fake.behaviours = [JSONResponse(whole) if not stream else Response(sse({"type": "response.completed", "response": whole}))]

    error = await failure(adapter(base, stream=stream))

    assert isinstance(error, ModelUnavailable) and status in str(error)


async def test_a_gateway_may_leave_the_output_out_of_the_last_event(served: tuple[str, FakeProvider]):
    base, fake = served
    deltas = [{"type": "response.output_text.delta", "delta": part} for part in ("in ", "parts")]
    odd = [{"type": "response.reasoning_text.delta", "delta": {"x": 1}}, {"type": "response.output_text.delta", "delta": 7}]
    fake.behaviours = [written(True, {**WHOLE, "output": []}, *odd, *deltas)]
    model = adapter(base, stream=True)

    said = await model.complete(ASK)
    await model.aclose()

    assert said.text == "in parts"


@STREAMED
async def test_an_empty_text_is_an_answer(served: tuple[str, FakeProvider], stream: bool):
    base, fake = served
    fake.behaviours = [written(stream, APIS["responses"].whole("", ""))]
    model = adapter(base, stream=stream)

    assert (await model.complete(ASK)).text == ""
    await model.aclose()


async def test_bedrocks_throttling_in_a_stream_is_tried_again(served: tuple[str, FakeProvider]):
    base, fake = served
    began = b"".join(map(aws_chunk, APIS["bedrock"].events(TEXT, "")[:2]))
    throttled = aws_frame(json.dumps({"message": "slow"}).encode(), message_type="exception", exception_type="throttlingException")
    fake.behaviours = [Response(began + throttled), "good"]
    model = adapter(base, BedrockMessages, stream=True)

    said = await model.complete(ASK)
    await model.aclose()

    assert (said.text, said.usage.calls, said.usage.input_tokens, len(fake.seen)) == (TEXT, 2, 2 * INPUT, 2)


async def test_bedrocks_refusal_of_a_request_is_said(served: tuple[str, FakeProvider]):
    base, fake = served
    fake.behaviours = [JSONResponse({"message": "The provided model identifier is invalid."}, status_code=400)]

    error = await failure(adapter(base, BedrockMessages, stream=True))

    assert isinstance(error, ModelRefused) and "identifier is invalid" in str(error)
