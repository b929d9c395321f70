"""A worker that lies, floods, hangs or speaks out of turn: it is killed, the host is unharmed, others go on."""

from __future__ import annotations

import gc
import inspect
import os
import socket
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from responsive import STALL_SECONDS, holds_up_for

from cellblock.audit.liar import liar
from cellblock.errors import SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl.crossing import EXT_INT, EXT_TEXT, WIDE_BYTES, _width
from cellblock.repl.protocol import External
from cellblock.repl.session import Session, open_session
from cellblock.repl.wire import FRAME_BYTES, Call, Wire
from cellblock.repl.zygote import close_all
from cellblock.testing import frames, hostile_values, values
from cellblock.values import ValueCaps, plain, whole

pytestmark = pytest.mark.anyio


def span(code: int, offset: int, size: int) -> dict[str, Any]:
    return {"ext": code, "span": [offset, size]}


def final(value: Any) -> list[dict[str, Any]]:
    return [{"done": {"final": [value]}}]


LIES: dict[str, list[dict[str, Any]]] = {
    "length_of_four_gigabytes": [{"hex": "ffffffff"}],
    "length_just_over_the_cap": [{"head": FRAME_BYTES + 1}],
    "garbage": [{"body": [["c1", 20]]}],
    "not_a_map": [{"body": "01"}],
    "unknown_kind": [{"frame": {"t": "system", "command": "id"}}],
    "unknown_field": [{"done": {"extra": 1}}],
    "wrong_type": [{"done": {"changed": "x"}}],
    "a_second_hello": [{"frame": {"t": "hello", "layers": {}}}],
    "an_answer_nobody_asked_for": [{"answer": {"value": 1, "error": None}}],
    "another_cells_end": [{"done": {"id": 99}}],
    "a_call_of_an_unknown_external": [{"call": "os.system", "args": ["id"]}],
    "a_call_out_of_order": [{"call": "llm_query", "args": ["x"], "id": 7}],
    "bad_utf8": [{"body": "82a174a36f7574a474657874a2fffe"}],
    "deep_nesting": [{"body": ["85a174a463616c6ca2696401a46e616d65a96c6c6d5f7175657279a66b776172677380a461726773", ["91", 5_000], "90"]}],
    "unknown_extension": final({"ext": 99, "hex": "78"}),
    "mail_beyond_its_half": final(span(EXT_TEXT, 2**40, 10)),
    "mail_larger_than_allowed": final(span(EXT_TEXT, 0, 2**40)),
    "mail_named_many_times": final([{"of": span(EXT_TEXT, 0, 20_000_000), "times": 50}]),
    "huge_int": final({"ext": EXT_INT, "hex": [["7f", 100_000]]}),
    "too_many_items": final([{"of": 0, "times": 400_000}]),
    "a_key_that_is_no_text": [{"body": "83a174a4646f6e65a2696401a566696e616c9192c0810102"}],
    "more_output_than_allowed": [{"out": [["x", 30_000]]}],
}


async def broken_by(script: list[dict[str, Any]], *, limits: ExecLimits | None = None, llm_query: External | None = None) -> Session:
    async def never(prompt: str) -> str:
        raise AssertionError("no lie may reach an external")

    return await open_session(liar(script), externals={"llm_query": llm_query or never}, limits=limits)


@pytest.fixture(autouse=True)
def _fresh_zygotes() -> Any:
    yield
    close_all()


@pytest.mark.parametrize("name", sorted(LIES))
async def test_a_lie_breaks_the_session_and_nothing_else(name: str) -> None:
    session = await broken_by(LIES[name])
    tracemalloc.start()
    with pytest.raises(SandboxBroken):
        await session.exec("x = 1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    await session.aclose()
    assert peak < 150 * 2**20
    async with await open_session() as other:
        assert (await other.exec("1 + 1")).value_preview == "2"


async def test_a_flood_of_output_frames_is_cut_short() -> None:
    session = await broken_by([{"out": "", "forever": True}])
    with pytest.raises(SandboxBroken, match="floods"):
        await session.exec("x = 1")
    await session.aclose()


async def test_calls_that_are_sent_ahead_leave_the_loop_to_others_between_two_of_them() -> None:
    turns = list[int]()

    async def llm_query() -> str:
        time.sleep(0.006)  # as long as it takes to copy an answer of some thousand items
        turns.append(others)
        return "x"

    async def work() -> None:
        nonlocal others
        while True:
            await anyio.lowlevel.checkpoint()
            others += 1

    others, calls = 0, 12
    session = await broken_by([*[{"call": "llm_query", "deaf": True}] * calls, {"done": {}}], llm_query=llm_query)
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        while not others:
            await anyio.lowlevel.checkpoint()
        with suppress(SandboxBroken):
            await session.exec("x = 1")
        group.cancel_scope.cancel()
    await session.aclose()
    assert len(turns) == calls and len(set(turns)) == calls


async def test_a_silent_worker_ends_at_the_wall_limit() -> None:
    session = await broken_by([{"silent": True}], limits=ExecLimits(wall_seconds=0.3))
    result = await session.exec("x = 1")
    assert result.error is not None and result.error.limit == "wall_seconds"
    await session.aclose()


async def test_half_a_frame_ends_at_the_wall_limit() -> None:
    session = await broken_by([{"head": 1000}, {"silent": True}], limits=ExecLimits(wall_seconds=0.3))
    result = await session.exec("x = 1")
    assert result.error is not None and result.error.limit == "wall_seconds"
    await session.aclose()


async def test_a_worker_that_does_not_read_its_answers_ends_at_the_wall_limit() -> None:
    async def llm_query() -> list[str]:
        return ["x" * 1_000] * 2_000

    call = {"call": "llm_query", "deaf": True}
    session = await broken_by([call, {"silent": True}], limits=ExecLimits(wall_seconds=0.3), llm_query=llm_query)
    result = await session.exec("x = 1")
    assert result.error is not None and result.error.limit == "wall_seconds"
    await session.aclose()


async def test_the_text_of_a_result_is_bounded() -> None:
    much = {"text": [["x", 100_000]]}
    session = await broken_by(
        [{"done": {"preview": much, "limit": much, "changed": {"of": "z", "times": 100_000}, "error": [much, "", None]}}]
    )
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


@pytest.mark.parametrize(("size", "count"), [(15_000_000, 1), (1_500_000, 3), (300_000, 14)])
def test_texts_that_python_keeps_wide_are_refused_before_they_are_made(size: int, count: int) -> None:
    mine, theirs = socket.socketpair()
    wire = Wire(mine)
    raw = ("x" * size + "\U0001f600").encode()
    os.pwrite(wire.mail, raw, 0)
    args = [msgspec.msgpack.Ext(EXT_TEXT, struct.pack("<QQ", 0, len(raw)))] * count
    tracemalloc.start()
    with pytest.raises(SandboxBroken, match="not ASCII"):
        whole(wire.opening(args))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    wire.close()
    theirs.close()
    assert peak < 40 * 2**20


@given(st.text(min_size=1), st.integers(1, 5_000))
def test_the_width_of_a_text_is_what_python_keeps_for_a_character(text: str, size: int) -> None:
    text = (text * size)[:size]
    widest = max(map(ord, text))
    assert _width(text) == (0 if widest < 128 else 1 if widest < 256 else 2 if widest < 65_536 else 4)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), st.integers(1, 400_000))
@settings(max_examples=30, deadline=None)
def test_a_text_is_the_same_whatever_its_parts_are(text: str, times: int) -> None:
    mine, theirs = socket.socketpair()
    wire = Wire(mine)
    raw = (text * times).encode()
    os.pwrite(wire.mail, raw, 0)
    try:
        assert whole(wire.opening([msgspec.msgpack.Ext(EXT_TEXT, struct.pack("<QQ", 0, len(raw)))])) == ([text * times], {})  # type: ignore[list-item]
    except SandboxBroken:
        assert sys.getsizeof(text * times) > WIDE_BYTES
    finally:
        wire.close()
        theirs.close()


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
        for copy in (lambda: whole(wire.opening(frame.args, frame.kwargs)), lambda: plain(value)):
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
        assert whole(wire.packing(plain(whole(wire.opening(frame.args, frame.kwargs))[0][0]))) == value
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
            whole(wire.opening(frame.args, frame.kwargs))

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
