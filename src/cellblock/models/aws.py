"""Signature version 4 of Amazon's web services, and the framing of their event streams. Pure.

Written out here because the SDK's own way reads profiles, files and metadata servers, and would see the credentials.

Source: "Create a signed AWS API request" (IAM user guide), and the event stream encoding of the Smithy specification.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import zlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from .redact import Secret
from .replies import JSON_BYTES, STREAM_EVENTS, Malformed, decode

_PRELUDE, _CRC = 12, 4
_HEADER_BYTES = 128 * 2**10
_FRAME_BYTES = JSON_BYTES + _HEADER_BYTES
_TEXT = 7
"""The type of the headers that matter here."""
# Their names for what the messages API calls otherwise.
_KINDS = {
    "throttlingException": "rate_limit_error",
    "internalServerException": "api_error",
    "serviceUnavailableException": "overloaded_error",
    "modelTimeoutException": "timeout_error",
    "modelStreamErrorException": "api_error",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """The parts of a request that a signature covers."""

    method: str
    host: str
    path: str
    """As it goes over the wire, already quoted. Without a query: no address here has one that is signed."""
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """One pair of credentials for one service in one region."""

    access_key_id: str
    secret_key: Secret
    session_token: Secret | None
    region: str
    service: str

    def headers(self, request: Outgoing, now: datetime) -> dict[str, str]:
        """What has to be added to the request. `now` is in UTC."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {"host": request.host, "x-amz-date": stamp}
        if self.session_token is not None:
            signed["x-amz-security-token"] = self.session_token.reveal()
        names, scope = ";".join(signed), f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        # Quoted once more, as every service but S3 wants it.
        path = quote(request.path or "/", safe="/-_.~")
        canonical = f"{request.method}\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(request.body).hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = self._digest(self._signing_key(stamp[:8]), f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").hex()
        credential = f"Credential={self.access_key_id}/{scope}"
        del signed["host"]
        return {**signed, "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"}

    def _signing_key(self, day: str) -> bytes:
        key = b"AWS4" + self.secret_key.reveal().encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = self._digest(key, part)
        return key

    @staticmethod
    def _digest(key: bytes, text: str) -> bytes:
        return hmac.digest(key, text.encode(), "sha256")


class _Chunk(msgspec.Struct):
    bytes: str = ""


class _Exception(msgspec.Struct):
    message: str = ""


async def event_stream_data(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The JSON inside each frame; an exception's frame becomes an `error` event of the messages API. A frame that never ended is dropped.

    Raises:
        Malformed: the bytes are no frames, or there are more than `STREAM_EVENTS`.
    """
    pending, left = bytearray(), STREAM_EVENTS
    async for chunk in chunks:
        pending += chunk
        at = 0
        while len(pending) - at >= _PRELUDE:
            length, headers_length = _lengths(bytes(pending[at : at + _PRELUDE]))
            if len(pending) - at < length:
                break
            left -= 1
            if left < 0:
                raise Malformed(f"more than {STREAM_EVENTS:,} events")
            data = _frame(bytes(pending[at : at + length]), headers_length)
            at += length
            if data:
                yield data
        del pending[:at]


def _lengths(prelude: bytes) -> tuple[int, int]:
    total, headers, crc = struct.unpack(">III", prelude)
    if zlib.crc32(prelude[:8]) != crc:
        raise Malformed("something that is no event stream")
    if total > _FRAME_BYTES or headers > _HEADER_BYTES or total < _PRELUDE + headers + _CRC:
        raise Malformed(f"an event of {total:,} bytes, and at most {_FRAME_BYTES:,} are read at once")
    return total, headers


def _frame(frame: bytes, headers_length: int) -> bytes:
    if zlib.crc32(frame[:-_CRC]) != int.from_bytes(frame[-_CRC:], "big"):
        raise Malformed("a damaged event")
    headers = _headers(frame[_PRELUDE : _PRELUDE + headers_length])
    payload = frame[_PRELUDE + headers_length : -_CRC]
    kind = headers.get(":message-type", "")
    if kind in ("exception", "error"):
        name = headers.get(":exception-type") or headers.get(":error-code", "")
        message = headers.get(":error-message") or (decode(payload, _Exception).message if payload else "")
        error: dict[str, Any] = {"type": _KINDS.get(name, name), "message": message}
        return msgspec.json.encode({"type": "error", "error": error})
    if kind != "event" or headers.get(":event-type") != "chunk":
        return b""
    try:
        return base64.b64decode(decode(payload, _Chunk).bytes, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("an event that is not base64") from None


def _headers(data: bytes) -> dict[str, str]:
    """Headers that are texts, up to the first one of another type."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        value_at = name_end + 3
        if data[name_end : name_end + 1] != bytes([_TEXT]) or value_at > len(data):
            break
        value_end = value_at + int.from_bytes(data[name_end + 1 : value_at], "big")
        found[data[at + 1 : name_end].decode("utf-8", "replace")] = data[value_at:value_end].decode("utf-8", "replace")
        at = value_end
    return found
