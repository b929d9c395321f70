"""What a cache of calls holds and under which key. The same for every store."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec

from ...errors import ConfigError
from ..protocol import Message, ModelAdapter, Usage, countable

KEY_FORMAT = "cellblock call 1"
"""Another number, and every entry of before is a miss: for whenever the meaning of a part of the key changes."""
ENTRY_BYTES = 4 * 2**20
"""Longest entry that is written or read; a longer answer is asked for again."""
_MAGIC = b"cellblock answer 1\n"
_DIGEST_BYTES = 32
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedAnswer:
    """One answer of a model, as it is kept."""

    text: str
    model: str
    """The name that the provider reported."""
    usage: Usage
    """What the call used when it was made. A hit uses nothing."""


@runtime_checkable
class CallCache(Protocol):
    """A store of answers. Safe to use from many tasks at once; several processes may share what it stores in.

    Keys are `call_key`'s. An entry that is damaged, too old, or was written by somebody else is not there.
    """

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer stored under `key`, None if there is none.

        Raises:
            StoreError: the store cannot be read; the call can be made all the same.
        """
        ...

    async def put(self, key: str, answer: CachedAnswer) -> None:
        """Store an answer in place of any other under `key`. One that is too long is not stored.

        Raises:
            StoreError: the store cannot be written; the answer is as good as before.
        """
        ...

    async def aclose(self) -> None:
        """Release what is open. The cache is unusable afterwards; calling it twice is harmless."""
        ...


@runtime_checkable
class Identified(Protocol):
    """An adapter that can say what shapes its answers besides the messages."""

    @property
    def identity(self) -> str:
        """Class, provider, address, model and default sampling; never the key."""
        ...


def identity_of(model: ModelAdapter) -> str:
    """What names an adapter in keys: its identity; of an adapter without one, its class and name."""
    if isinstance(model, Identified):
        return model.identity
    return f"{type(model).__module__}.{type(model).__qualname__} {model.name}"


def call_key(
    *,
    tenant: str,
    identity: str,
    messages: Sequence[Message],
    max_tokens: int | None = None,
    sampling: Mapping[str, Any] | None = None,
    schema: Mapping[str, Any] | None = None,
) -> str:
    """The key of one call, 64 hexadecimal digits: different wherever anything differs that shapes the answer.

    Args:
        tenant: whose call it is; tenants never share an entry.
        identity: `identity_of` the adapter.
        schema: JSON Schema of the answer.

    Raises:
        ConfigError: `sampling` or `schema` holds what JSON has not.
    """
    settings = [repr(max_tokens), _canonical("sampling", sampling or {}), _canonical("schema", schema)]
    turns = [part for message in messages for part in (message.role, message.content)]
    return digest([KEY_FORMAT, tenant, identity, *settings, *turns])


def digest(parts: Sequence[str]) -> str:
    """SHA-256 of texts, each headed by its length, so that no text can end where another one begins."""
    hashed = hashlib.sha256(len(parts).to_bytes(8, "big"))
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return hashed.hexdigest()


def _canonical(name: str, value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_refused)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name} of a call that is cached: plain JSON data is needed ({type(error).__name__})") from None


def _refused(value: object) -> object:
    # Mappings that are no dicts are fine; everything else that JSON has not would have two spellings.
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def checked_key(key: str) -> str:
    """The key itself.

    Raises:
        ConfigError: it is not one of `call_key`'s, and could name something else in a store.
    """
    if not _KEY.fullmatch(key):
        raise ConfigError("a cache's key is 64 hexadecimal digits, as call_key() makes them")
    return key


def encode(key: str, answer: CachedAnswer) -> bytes | None:
    """An entry's bytes; None if it cannot be kept: too long, or with half characters."""
    try:
        payload = msgspec.msgpack.encode(answer)
    except (UnicodeEncodeError, OverflowError):
        return None
    data = _MAGIC + _seal(key, payload) + payload
    return data if len(data) <= ENTRY_BYTES else None


def decode(key: str, data: bytes) -> CachedAnswer | None:
    """What `encode` encoded under the same key; None for anything else at all."""
    start = len(_MAGIC) + _DIGEST_BYTES
    payload = data[start:]
    if len(data) > ENTRY_BYTES or data[:start] != _MAGIC + _seal(key, payload):
        return None
    try:
        answer = msgspec.msgpack.decode(payload, type=CachedAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return answer if countable(answer.usage) else None


def _seal(key: str, payload: bytes) -> bytes:
    # Against damage and against entries under another's name; whoever may write to the store can make one.
    return hmac.digest(key.encode(), payload, "sha256")
