"""Any JSON endpoint: what the two functions get, return and raise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from loopback import serving
from starlette.responses import JSONResponse, RedirectResponse, Response

from cellblock.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from cellblock.models import Endpoint, GenericChat, Message, ModelResponse, RetryPolicy, Secret, Usage
from cellblock.models.replies import ANSWER_BYTES, JSON_BYTES

from .fake_provider import FakeProvider

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789abcdef"
ASK = [Message("user", "Hello")]


def write(messages: Any, max_tokens: int | None, sampling: Any) -> dict[str, Any]:
    return {"prompt": messages[-1].content, "max": max_tokens, "settings": dict(sampling)}


def read(data: Any) -> str:
    return data["said"]


@pytest.fixture
def served() -> Iterator[tuple[str, FakeProvider]]:
    fake = FakeProvider([JSONResponse({"said": "hi"})])
    with serving(fake.app) as base:
        yield base, fake


def adapter(base: str, **more: Any) -> GenericChat:
    endpoint = Endpoint(provider="mine", base_url=base + "/ask", key=Secret(KEY), retry=RetryPolicy(attempts=2, wait_initial_seconds=0.001))
    return GenericChat(endpoint, **{"payload": write, "parse": read, **more})


async def failure(model: GenericChat) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(ASK)
    await model.aclose()
    assert len(str(caught.value)) <= 300 and str(caught.value).isprintable() and KEY not in str(caught.value)
    return caught.value


async def test_the_payload_is_posted_and_the_answer_parsed(served: tuple[str, FakeProvider]):
    base, fake = served
    model = adapter(base, sampling={"seed": 7})

    said = await model.complete(ASK, max_tokens=5)
    await model.aclose()

    assert (said.text, said.usage.estimated, said.model, model.name) == ("hi", True, "generic", "mine:generic")
    assert fake.seen[0].path == "/ask" and fake.seen[0].body == {"prompt": "Hello", "max": 5, "settings": {"seed": 7}}
    assert fake.seen[0].headers["authorization"] == f"Bearer {KEY}" and fake.seen[0].headers["content-type"] == "application/json"


async def test_a_parser_may_return_a_whole_response(served: tuple[str, FakeProvider]):
    whole = ModelResponse(text="t", usage=Usage(input_tokens=3, calls=1, cost_usd=0.5), model="x")
    model = adapter(served[0], parse=lambda data: whole)

    assert await model.complete(ASK) is whole
    await model.aclose()


@pytest.mark.parametrize(
    ("functions", "kind", "says"),
    [
        ({"payload": lambda *a: 1 / 0}, ModelUnavailable, "mine:generic's payload raised ZeroDivisionError: division by zero"),
        ({"payload": lambda *a: "text"}, ModelUnavailable, "payload raised TypeError: it returned str, not a mapping"),
        ({"payload": lambda *a: {"x": object()}}, ModelUnavailable, "payload raised TypeError: Encoding objects of type object"),
        ({"payload": lambda *a: {"x": "\ud800"}}, ModelUnavailable, "payload raised UnicodeEncodeError"),
        ({"parse": lambda data: data["other"]}, ModelUnavailable, "mine:generic's parse raised KeyError: 'other'"),
        ({"parse": lambda data: next(iter([]))}, ModelUnavailable, "parse raised "),
        ({"parse": lambda data: 7}, ModelRefused, "mine parse returned int, not str"),
    ],
)
async def test_what_the_functions_raise_becomes_one_line(served: tuple[str, FakeProvider], functions: Any, kind: type, says: str):
    error = await failure(adapter(served[0], **functions))

    assert type(error) is kind and says in str(error)
    assert isinstance(error.__cause__, Exception) == (kind is ModelUnavailable)


async def test_the_functions_run_beside_the_event_loop(served: tuple[str, FakeProvider]):
    threads: list[bool] = []

    def parse(data: Any) -> str:
        threads.append(threading.current_thread() is threading.main_thread())
        return "x"

    model = adapter(served[0], parse=parse)
    await model.complete(ASK)
    await model.aclose()

    assert threads == [False]


async def test_a_key_that_the_endpoint_says_back_reaches_neither_function_nor_error(served: tuple[str, FakeProvider]):
    base, fake = served
    escaped = "".join(f"\\u{ord(char):04x}" for char in KEY)
    fake.behaviours = [Response('{"said": ["%s", {"%s": "%s"}]}' % (KEY, KEY, escaped), media_type="application/json")]  # noqa: UP031
    seen: list[Any] = []

    def parse(data: Any) -> str:
        seen.append(data)
        raise ValueError(str(data))

    error = await failure(adapter(base, parse=parse))

    assert seen == [{"said": ["[key]", {"[key]": "[key]"}]}]
    assert KEY not in str(error) + repr(error.__cause__)


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (Response("<html>", status_code=200), ModelUnavailable, "an HTML page"),
        (Response("<html>", status_code=400), ModelRefused, "HTTP 400: an HTML page"),
        (JSONResponse({"message": "no such thing"}, status_code=404), ModelRefused, "no such model or address: no such thing"),
        (Response(b"[" * 100_000), ModelUnavailable, "something that is not JSON"),
        (Response(b'"' + b"x" * JSON_BYTES + b'"'), ModelUnavailable, "bytes of JSON, and at most"),
        (Response(b"x" * (ANSWER_BYTES + 1)), ModelUnavailable, "longer than"),
        (RedirectResponse("http://127.0.0.1:9/"), ModelRefused, "redirects are not followed"),
        (Response(b"\x1f\x8b", headers={"content-encoding": "gzip"}), ModelUnavailable, "compressed"),
    ],
)
async def test_an_odd_answer_is_one_clear_error(served: tuple[str, FakeProvider], answer: Response, kind: type, says: str):
    base, fake = served
    fake.behaviours = [answer]

    error = await failure(adapter(base))

    assert type(error) is kind and says in str(error)


async def test_the_same_adapter_works_in_one_loop_after_another(served: tuple[str, FakeProvider]):
    model = adapter(served[0])

    def in_a_loop() -> str:
        async def once() -> str:
            said = await model.complete(ASK)
            return said.text

        return anyio.run(once)

    assert [await anyio.to_thread.run_sync(in_a_loop) for _ in range(2)] == ["hi", "hi"]


def test_functions_are_told_apart_unless_a_version_names_them():
    def identity(**more: Any) -> str:
        return adapter("http://127.0.0.1:1", **more).identity

    assert identity() != identity()
    assert identity(version="1") == identity(version="1") != identity(version="2")
    assert KEY not in identity()


async def test_a_closed_adapter_says_so(served: tuple[str, FakeProvider]):
    model = adapter(served[0])
    await model.aclose()

    with pytest.raises(ConfigError, match="closed"):
        await model.complete(ASK)
