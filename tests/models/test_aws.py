"""Signatures as published and as another implementation makes them, and event streams, whole, in pieces and damaged."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.models.aws import Outgoing, Signer, event_stream_data
from cellblock.models.redact import Secret
from cellblock.models.replies import STREAM_EVENTS, Malformed

from .fake_provider import aws_chunk, aws_frame

pytestmark = pytest.mark.anyio

SECRET = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def signed(
    path: str, body: bytes, *, method: str = "POST", host: str = "bedrock-runtime.eu-west-1.amazonaws.com", token: str = "", **more: str
):
    where = {"region": "eu-west-1", "service": "bedrock", **more}
    signer = Signer(access_key_id="AKIDEXAMPLE", secret_key=SECRET, session_token=Secret(token) if token else None, **where)
    now = datetime(2015, 8, 30, 12, 36) if where["service"] == "service" else datetime(2026, 1, 2, 3, 4, 5)
    return signer.headers(Outgoing(method=method, host=host, path=path, body=body), now)


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def test_the_published_example_has_its_published_signature():
    """Source: `get-vanilla` of the signature version 4 test suite."""
    headers = signed("/", b"", method="GET", host="example.amazonaws.com", region="us-east-1", service="service")

    assert headers == {
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    }


@pytest.mark.parametrize(
    ("path", "body", "more", "expected"),
    [
        ("/model/eu.anthropic.claude-v1:0/invoke", b'{"a":1}', {}, "9cc82db8f39df299e62a6ff8376de5b01ad93f5a2cd8912f7349fb458b65af43"),
        (
            "/model/eu.anthropic.claude-v1:0/invoke",
            b'{"a":1}',
            {"token": "SESSION/TOKEN+x=="},
            "3aa13ea0c93ce3eb7562736eadc90f56019f3ffe1474dcc02ec74884bcbbbb4c",
        ),
        (
            "/model/arn%3Aaws%3Abedrock%2Fx/invoke",
            b"",
            {"host": "h.example"},
            "3ff5a36601789affbcfe9329efcc65766b09d8c90e27a19e5a2b5382d2378a46",
        ),
    ],
)
def test_requests_to_bedrock_are_signed_as_botocore_signs_them(path: str, body: bytes, more: dict[str, str], expected: str):
    """Source: botocore 1.44.8, `SigV4Auth`, at 2026-01-02T03:04:05Z."""
    assert signature(signed(path, body, **more)) == expected


async def collected(*chunks: bytes) -> list[bytes]:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [data async for data in event_stream_data(source())]


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), max_size=5),
    cuts=st.lists(st.integers(0, 2_000), max_size=20),
)
def test_events_come_out_as_they_went_in_however_the_bytes_are_cut(texts: list[str], cuts: list[int]):
    stream = b"".join(aws_chunk({"text": text}) for text in texts)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    found = anyio.run(collected, *(stream[a:b] for a, b in pairwise(edges)))

    assert [json.loads(data)["text"] for data in found] == texts


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", "rate_limit_error"),
        ("internalServerException", "api_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("validationException", "validationException"),
    ],
)
async def test_an_exception_becomes_an_error_of_the_messages_api(name: str, kind: str):
    frame = aws_frame(b'{"message": "why"}', message_type="exception", exception_type=name)

    assert [json.loads(data) for data in await collected(frame)] == [{"type": "error", "error": {"type": kind, "message": "why"}}]


async def test_an_error_without_a_payload_becomes_one_too():
    frame = aws_frame(b"", message_type="error", error_code="throttlingException", error_message="slow")

    assert [json.loads(data)["error"] for data in await collected(frame)] == [{"type": "rate_limit_error", "message": "slow"}]


async def test_events_of_other_kinds_are_passed_over():
    assert await collected(aws_frame(b"{}", message_type="event", event_type="initial-response"), aws_frame(b"x")) == []


def _broken() -> dict[str, bytes]:
    good = aws_chunk({"a": 1})
    huge = b"\x7f\xff\xff\xff\x00\x00\x00\x00"
    return {
        "payload": good[:-5] + bytes([good[-5] ^ 1]) + good[-4:],
        "checksum": good[:-1] + bytes([good[-1] ^ 1]),
        "prelude": bytes([good[0] ^ 1]) + good[1:],
        "text": b"data: {}\n\n" * 5,
        "html": b"<!doctype html><html></html>",
        "too long": huge + zlib.crc32(huge).to_bytes(4, "big"),
        "not base64": aws_frame(b'{"bytes": "%%%"}', message_type="event", event_type="chunk"),
        "not ascii": aws_frame('{"bytes": "é"}'.encode(), message_type="event", event_type="chunk"),
        "not JSON": aws_frame(b"]", message_type="event", event_type="chunk"),
        "of another shape": aws_frame(b'{"bytes": 7}', message_type="event", event_type="chunk"),
    }


@pytest.mark.parametrize("kind", _broken())
async def test_a_damaged_stream_is_malformed(kind: str):
    with pytest.raises(Malformed):
        await collected(_broken()[kind])


@given(st.binary(max_size=200))
def test_any_header_bytes_end_in_events_or_malformed(headers: bytes):
    prelude = (16 + len(headers)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    frame = prelude + headers
    frame += zlib.crc32(frame).to_bytes(4, "big")
    try:
        anyio.run(collected, frame)
    except Malformed:
        pass


async def test_a_stream_of_endless_events_is_cut():
    frame = aws_frame(b"", message_type="event")
    with pytest.raises(Malformed, match="more than"):
        await collected(*([frame * 10_000] * (STREAM_EVENTS // 10_000 + 1)))


async def test_what_a_chunk_holds_is_handed_on_as_bytes():
    frame = aws_frame(json.dumps({"bytes": base64.b64encode(b"\xff\x00").decode()}).encode(), message_type="event", event_type="chunk")
    assert await collected(frame) == [b"\xff\x00"]
