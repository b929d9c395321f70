"""The simulated provider's own behaviour on the wire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import anyio
import httpx2
import pytest
from loopback import serving

from cellblock.errors import ConfigError
from cellblock.models import ScriptedModel
from cellblock.serve.dialects import BODY_BYTES
from cellblock.serve.simulate import ServerFaults, create_app, serve_simulated

pytestmark = pytest.mark.anyio

CHAT = {"model": "any", "messages": [{"role": "user", "content": "Hi"}]}


async def post(base: str, path: str, body: object, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.post(base + path, content=content, headers=headers)


@pytest.mark.parametrize(("path", "kind"), [("/v1/chat/completions", None), ("/v1/messages", "error")])
async def test_a_wrong_key_gets_the_error_body_of_its_api(path: str, kind: str | None):
    with serving(create_app(required_key="right")) as base:
        wrong = await post(base, path, CHAT, authorization="Bearer wrong")
        right = await post(base, path, CHAT, authorization="Bearer right")

    assert (wrong.status_code, right.status_code) == (401, 200)
    assert wrong.json().get("type") == kind
    assert wrong.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 7}', b'{"messages": [{}]}', b"\xff", b'{"messages":' + b"[" * 100_000])
async def test_what_is_no_request_gets_400(body: bytes):
    with serving(create_app()) as base:
        answer = await post(base, "/v1/chat/completions", body)

    assert answer.status_code == 400
    assert len(answer.json()["error"]["message"]) <= 300


async def test_a_request_past_the_bound_gets_413():
    with serving(create_app()) as base:
        answer = await post(base, "/v1/messages", b" " * (BODY_BYTES + 1))

    assert answer.status_code == 413


async def test_content_in_parts_system_texts_and_developer_turns_reach_the_model():
    model = ScriptedModel(fallback="fine")
    with serving(create_app(model)) as base:
        await post(
            base, "/v1/messages", {"system": [{"type": "text", "text": "S"}], "messages": [{"role": "user", "content": [{"text": "U"}]}]}
        )
        await post(base, "/v1/chat/completions", {"messages": [{"role": "developer", "content": "D"}, {"role": "user", "content": None}]})

    assert [[(message.role, message.content) for message in call.messages] for call in model.calls] == [
        [("system", "S"), ("user", "U")],
        [("system", "D"), ("user", "")],
    ]


async def test_the_streams_of_both_apis_have_their_own_form():
    with serving(create_app(ScriptedModel(fallback="word " * 9))) as base:
        chat = (await post(base, "/v1/chat/completions", {**CHAT, "stream": True})).text
        messages = (await post(base, "/v1/messages", {**CHAT, "stream": True})).text

    assert chat.endswith("data: [DONE]\n\n") and '"usage"' not in chat
    names = [line.removeprefix("event: ") for line in messages.split("\n") if line.startswith("event: ")]
    assert names[:2] == ["message_start", "content_block_start"] and names[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_faults_are_the_same_for_the_same_seed_and_differ_between_repetitions():
    async def statuses(seed: int) -> list[int]:
        with serving(create_app(faults=ServerFaults(error_rate=0.5, seed=seed))) as base:
            return [(await post(base, "/v1/chat/completions", CHAT)).status_code for _ in range(12)]

    first = await statuses(1)

    assert first == await statuses(1) != await statuses(2)
    assert set(first) == {200, 500}


async def test_a_cut_answer_is_a_broken_connection():
    with serving(create_app(faults=ServerFaults(cut_stream_rate=1))) as base:
        with pytest.raises(httpx2.RemoteProtocolError):
            await post(base, "/v1/chat/completions", CHAT)
        with pytest.raises(httpx2.RemoteProtocolError):
            await post(base, "/v1/messages", {**CHAT, "stream": True})


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_and_1_is_refused(share: float):
    with pytest.raises(ConfigError, match="cut_stream_rate"):
        ServerFaults(cut_stream_rate=share)


def test_an_address_that_is_taken_is_said():
    with serving(create_app()) as base, pytest.raises(ConfigError, match="cannot serve on"):
        serve_simulated(int(base.rpartition(":")[2]))


async def test_a_served_model_answers_from_the_moment_it_says_so_until_it_is_interrupted():
    code = "from cellblock.serve.simulate import serve_simulated as s; s(0, on_started=lambda host, port: print(host, port, flush=True))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    host, port = (await anyio.to_thread.run_sync(process.stdout.readline)).split()

    answer: Any = (await post(f"http://{host}:{port}", "/v1/chat/completions", CHAT)).json()
    os.kill(process.pid, signal.SIGINT)

    assert host == "127.0.0.1"
    assert answer["choices"][0]["message"]["content"].startswith("[simulated: no language model was called]")
    assert await anyio.to_thread.run_sync(process.wait) is not None
    process.stdout.close()
