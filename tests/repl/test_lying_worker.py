"""A worker that lies, floods, hangs or speaks out of turn: it is killed, the host is unharmed, others go on."""

from __future__ import annotations

import gc
import inspect
import os
import socket
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from responsive import STALL_SECONDS, holds_up_for

from cellblock.errors import SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl import registry
from cellblock.repl.guests import GuestSpec
from cellblock.repl.protocol import External
from cellblock.repl.session import Session, open_session
from cellblock.repl.wire import EXT_INT, EXT_TEXT, FRAME_BYTES, Call, Wire
from cellblock.repl.zygote import close_all
from cellblock.testing import frames, hostile_values, values
from cellblock.values import ValueCaps, plain

pytestmark = pytest.mark.anyio
DRIVER = Path(__file__).parents[1] / "jail" / "hostile_driver.py"


def frame(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def packed(**fields: Any) -> bytes:
    return frame(msgspec.msgpack.encode(fields))


def span(code: int, offset: int, size: int) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, struct.pack("<QQ", offset, size))


DONE = {
    "t": "done",
    "id": 1,
    "preview": None,
    "error": None,
    "limit": None,
    "lost": False,
    "changed": [],
    "dropped": 0,
    "final": None,
    "near_calls": 0,
}
NESTED = b"\x91" * 5_000
LIES = {
    "length_of_four_gigabytes": b"\xff\xff\xff\xff",
    "length_just_over_the_cap": struct.pack("<I", FRAME_BYTES + 1),
    "garbage": frame(b"\xc1" * 20),
    "not_a_map": frame(b"\x01"),
    "unknown_kind": packed(t="system", command="id"),
    "unknown_field": packed(**DONE, extra=1),
    "wrong_type": packed(**{**DONE, "changed": "x"}),
    "a_second_hello": packed(t="hello", layers={}),
    "an_answer_nobody_asked_for": packed(t="answer", id=1, value=1, error=None),
    "another_cells_end": packed(**{**DONE, "id": 99}),
    "a_call_of_an_unknown_external": packed(t="call", id=1, name="os.system", args=["id"], kwargs={}),
    "a_call_out_of_order": packed(t="call", id=7, name="llm_query", args=["x"], kwargs={}),
    "bad_utf8": frame(b"\x82\xa1t\xa3out\xa4text\xa2\xff\xfe"),
    "deep_nesting": frame(b"\x85\xa1t\xa4call\xa2id\x01\xa4name\xa9llm_query\xa6kwargs\x80\xa4args" + NESTED + b"\x90"),
    "unknown_extension": packed(**{**DONE, "final": [msgspec.msgpack.Ext(99, b"x")]}),
    "mail_beyond_its_half": packed(**{**DONE, "final": [span(EXT_TEXT, 2**40, 10)]}),
    "mail_larger_than_allowed": packed(**{**DONE, "final": [span(EXT_TEXT, 0, 2**40)]}),
    "mail_named_many_times": packed(**{**DONE, "final": [[[span(EXT_TEXT, 0, 20_000_000)] * 50]]}),
    "huge_int": packed(**{**DONE, "final": [msgspec.msgpack.Ext(EXT_INT, b"\x7f" * 100_000)]}),
    "too_many_items": packed(**{**DONE, "final": [[[0] * 400_000]]}),
    "a_key_that_is_no_text": packed(**{**DONE, "final": [[None, {1: 2}]]}),
    "more_output_than_allowed": packed(t="out", text="x" * 30_000),
}


async def broken_by(
    monkeypatch: pytest.MonkeyPatch, limits: ExecLimits | None = None, llm_query: External | None = None, **options: Any
) -> Session:
    spec = GuestSpec(name="hostile", driver=DRIVER, package="cellblock", options={"host_pid": str(os.getpid()), **options})
    monkeypatch.setitem(registry._BUILT_IN, "hostile", lambda: spec)

    async def never(prompt: str) -> str:
        raise AssertionError("no lie may reach an external")

    return await open_session("hostile", externals={"llm_query": llm_query or never}, limits=limits)


@pytest.fixture(autouse=True)
def _fresh_zygotes() -> Any:
    yield
    close_all()


@pytest.mark.parametrize("name", sorted(LIES))
async def test_a_lie_breaks_the_session_and_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "lie").write_text(LIES[name].hex())
    session = await broken_by(monkeypatch, raw_file=str(tmp_path / "lie"))
    tracemalloc.start()
    with pytest.raises(SandboxBroken):
        await session.exec("x = 1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    await session.aclose()
    assert peak < 150 * 2**20
    async with await open_session() as other:
        assert (await other.exec("1 + 1")).value_preview == "2"


async def test_a_flood_of_output_frames_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    session = await broken_by(monkeypatch, raw=(packed(t="out", text="") * 100).hex(), flood="1")
    with pytest.raises(SandboxBroken, match="floods"):
        await session.exec("x = 1")
    await session.aclose()


async def test_a_silent_worker_ends_at_the_wall_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    session = await broken_by(monkeypatch, raw="", limits=ExecLimits(wall_seconds=0.3))
    result = await session.exec("x = 1")
    assert result.error is not None and result.error.limit == "wall_seconds"
    await session.aclose()


async def test_half_a_frame_ends_at_the_wall_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    session = await broken_by(monkeypatch, raw=struct.pack("<I", 1000).hex(), limits=ExecLimits(wall_seconds=0.3))
    result = await session.exec("x = 1")
    assert result.error is not None and result.error.limit == "wall_seconds"
    await session.aclose()


async def test_a_worker_that_does_not_read_its_answers_ends_at_the_wall_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def llm_query() -> list[str]:
        return ["x" * 1_000] * 2_000

    call = packed(t="call", id=1, name="llm_query", args=[], kwargs={})
    session = await broken_by(monkeypatch, raw=call.hex(), deaf="1", limits=ExecLimits(wall_seconds=0.3), llm_query=llm_query)
    result = await session.exec("x = 1")
    assert result.error is not None and result.error.limit == "wall_seconds"
    await session.aclose()


async def test_the_text_of_a_result_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lie = {**DONE, "preview": "x" * 100_000, "limit": "y" * 100_000, "changed": ["z"] * 100_000, "error": ("k" * 100_000, "", None)}
    (tmp_path / "lie").write_text(packed(**lie).hex())
    session = await broken_by(monkeypatch, raw_file=str(tmp_path / "lie"))
    result = await session.exec("x = 1")
    assert len(repr(result)) < 100_000
    await session.aclose()


@pytest.fixture(scope="module")
def wire() -> Any:
    mine, theirs = socket.socketpair()
    wire = Wire(mine, ValueCaps(total_bytes=100_000, items=1_000))
    yield wire
    wire.close()
    theirs.close()


def colliding(key: Callable[[int], Any]) -> bytes:
    entries = b"".join(msgspec.msgpack.encode(key(n)) + b"\xc0" for n in range(9, 20_009))
    return b"\x85\xa1t\xa4call\xa2id\x01\xa4name\xa1f\xa6kwargs\x80\xa4args\x91\x92\xc0\xdf" + struct.pack(">I", 20_000) + entries


@pytest.mark.parametrize("key", [lambda n: msgspec.msgpack.Ext(EXT_INT, (n * (2**61 - 1)).to_bytes(10, "little")), lambda n: [n, n]])
def test_keys_that_a_worker_can_choose_to_collide_never_become_a_dict(wire: Wire, key: Callable[[int], Any]) -> None:
    data = colliding(key)

    def refused() -> None:
        with pytest.raises(SandboxBroken):
            wire.decode(data)

    assert holds_up_for(refused) < STALL_SECONDS


def boxed(value: list[Any]) -> list[Any]:
    return [[boxed(item) for item in value]]


def test_the_collector_waits_while_many_lists_are_copied() -> None:
    value: list[Any] = []
    for _ in range(15):
        value = [value, value]
    mine, theirs = socket.socketpair()
    wire = Wire(mine)
    frame = wire.decode(msgspec.msgpack.encode({"t": "call", "id": 1, "name": "f", "args": [boxed(value)], "kwargs": {}}))
    assert isinstance(frame, Call)
    seen: list[str] = []
    gc.callbacks.append(lambda phase, info: seen.append(phase))
    try:
        for copy in (lambda: wire.arguments(frame.args, frame.kwargs), lambda: plain(value)):
            gc.collect()
            seen.clear()
            copied = copy()
            assert len(seen) <= 2  # one collection, afterwards: it began and it ended
            del copied
    finally:
        gc.callbacks.pop()
        wire.close()
        theirs.close()


def test_values_are_copied_without_a_call_within_a_call(wire: Wire) -> None:
    # Where Python's stack takes another piece of memory, each call costs a system call: a guest would choose that depth.
    value: list[Any] = []
    for _ in range(31):
        value = [value]
    depths: list[int] = []

    def look(frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            depths.append(len(inspect.stack(0)))

    frame = wire.decode(msgspec.msgpack.encode({"t": "call", "id": 1, "name": "f", "args": [boxed(value)], "kwargs": {}}))
    assert isinstance(frame, Call)
    sys.setprofile(look)
    try:
        assert wire.packed(plain(wire.arguments(frame.args, frame.kwargs)[0][0])) == value
    finally:
        sys.setprofile(None)
    assert max(depths) - min(depths) < 10


@pytest.mark.parametrize("item", [b"\xc0", b"\x90", b"\x91\x90", b"\x92\xc0\x80", b"\x91\x91\xc0"])
def test_the_largest_frame_of_any_kind_is_no_stall(wire: Wire, item: bytes) -> None:
    count = FRAME_BYTES // len(item) - 20
    data = b"\x85\xa1t\xa4call\xa2id\x01\xa4name\xa1f\xa6kwargs\x80\xa4args\xdd" + struct.pack(">I", count) + item * count

    def refused() -> None:
        with pytest.raises(SandboxBroken):
            frame = wire.decode(data)
            assert isinstance(frame, Call)
            wire.arguments(frame.args, frame.kwargs)

    assert holds_up_for(refused) < STALL_SECONDS


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=frames())
def test_any_frame_decodes_or_is_refused(wire: Wire, data: bytes) -> None:
    try:
        wire.decode(data)
    except SandboxBroken:
        pass


@settings(max_examples=200, deadline=None)
@given(value=values())
def test_plain_data_is_copied_as_it_is(value: Any) -> None:
    assert plain(value) == value


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=hostile_values())
def test_a_hostile_value_becomes_plain_or_is_refused(value: Any) -> None:
    try:
        copy = plain(value)
    except (TypeError, ValueError):
        return
    assert plain(copy) == copy


@pytest.mark.parametrize("value", [{1}, object(), 1j, {1: 2}, [print], type, "\ud800", 10**5000], ids=lambda value: type(value).__name__)
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        plain(value)


def test_the_largest_int_that_crosses_can_be_written_out() -> None:
    assert len(str(plain(2**14_284 - 1))) <= 4_300
    with pytest.raises(ValueError, match="digits"):
        plain(2**14_284)


def test_a_shared_structure_cannot_explode() -> None:
    value: list[Any] = []
    for _ in range(30):
        value = [value, value]
    with pytest.raises(ValueError, match="items"):
        plain(value)
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="deep"):
        plain(cycle)
