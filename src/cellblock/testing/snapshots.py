"""Sealed bytes that were changed on their way: none of them may reach an interpreter."""

from __future__ import annotations

import struct

import msgspec
from hypothesis import strategies as st

from ..repl.snapshot import MAGIC
from .damage import damaged

_SEAL_BYTES = 32


def snapshots(good: bytes) -> st.SearchStrategy[bytes]:
    """`good`, a snapshot as `dump` gives it, damaged: edits anywhere, another header, length or seal, two joined. Never `good` itself."""
    start = len(MAGIC) + 4
    end = start + struct.unpack("<I", good[len(MAGIC) : start])[0]
    state, seal = good[end:-_SEAL_BYTES], good[-_SEAL_BYTES:]
    changed = st.one_of(
        damaged(good),
        st.integers(0, 2**32 - 1).map(lambda length: good[: len(MAGIC)] + struct.pack("<I", length) + good[start:]),
        _headers().map(lambda head: MAGIC + struct.pack("<I", len(head)) + head + state + seal),
        st.binary(min_size=_SEAL_BYTES, max_size=_SEAL_BYTES).map(lambda other: good[:-_SEAL_BYTES] + other),
        damaged(state or b"\0").map(lambda other: good[:end] + other + seal),
        st.integers(1, 3).map(lambda times: good * (times + 1)),
        st.binary(max_size=200),
    )
    return changed.filter(lambda data: data != good)


def _headers() -> st.SearchStrategy[bytes]:
    texts = st.text(max_size=12)
    fields = {
        "format": st.integers(-5, 5),
        "sandbox": texts,
        "interpreter": texts,
        "artefact": texts,
        "left_out": st.dictionaries(texts, texts, max_size=2),
    }
    return st.one_of(st.fixed_dictionaries({}, optional=fields).map(msgspec.msgpack.encode), st.binary(max_size=60))
