"""A canary that was reached is seen, whatever was done to hide it."""

from __future__ import annotations

import json
import os
import socket
from base64 import b64encode
from collections.abc import Callable

import pytest

from cellblock.audit.attempts import Step
from cellblock.audit.canaries import planted
from cellblock.audit.evidence import Order
from cellblock.audit.processes import forget_peak, peak_bytes
from cellblock.audit.stage import Stage
from cellblock.audit.states import PIECE_BYTES, dump
from cellblock.audit.system import limits_of
from cellblock.audit.systems import find_system


@pytest.mark.parametrize(
    "hidden",
    [
        str,
        str.upper,
        list,
        lambda secret: secret.split("-"),
        lambda secret: secret[::-1],
        lambda secret: secret.encode(),
        lambda secret: list(secret.encode()),
        lambda secret: secret.encode("utf-16"),
        lambda secret: secret.encode().hex(),
        lambda secret: b64encode(secret.encode()),
        lambda secret: b64encode(b"=" + secret.encode()),
        lambda secret: b64encode(b"==" + secret.encode()),
        lambda secret: json.dumps({"found": " ".join(secret)}),
    ],
)
def test_a_secret_is_known_in_whatever_form_it_comes_out(hidden: Callable[[str], object]) -> None:
    with planted() as canaries:
        for what, secret in canaries.planted.secrets.items():
            assert canaries.in_text(f"a value: {hidden(secret)!r}") == [what]
        assert canaries.in_text("FILE-, " + "0123456789abcdef" * 100) == []


def test_a_connection_is_heard_of_at_once() -> None:
    with planted() as canaries:
        address = ("127.0.0.1", canaries.planted.port)
        for knocks in (1, 3, 1):
            opened = [socket.create_connection(address) for _ in range(knocks)]
            assert canaries.tripped() == [f"{knocks} connections to 127.0.0.1:{canaries.planted.port}"]
            for connection in opened:
                connection.close()
        assert canaries.tripped() == []


def test_memory_that_was_held_for_a_moment_is_seen_afterwards() -> None:
    before = forget_peak(os.getpid())
    assert peak_bytes(os.getpid()) - before < 32 * 2**20
    bytearray(96 * 2**20)
    assert peak_bytes(os.getpid()) - before > 64 * 2**20


@pytest.mark.anyio
async def test_a_secret_deep_in_a_dumped_state_is_seen() -> None:
    class Dumped:
        async def dump(self) -> bytes:
            return bytes(2 * PIECE_BYTES - 10) + canaries.planted.in_memory.encode() + bytes(PIECE_BYTES)

    with planted() as canaries:
        order = Order(system="exec", walls="both", planted=canaries.planted, wall_seconds=1.0, memory_bytes=2**26)
        stage = Stage(find_system("exec"), order, limits_of())
        stage.sessions["A"] = Dumped()  # type: ignore[assignment]
        await dump(stage, Step(dump="q"))
        assert [what for came in stage.evidence.came for what in canaries.in_text(came.text)] == ["the host's memory"]
