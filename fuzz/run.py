"""Seeded fuzzing for as long as you like: damaged frames, hostile replies, random cells in a live session.

    python fuzz/run.py --minutes 60 [--only frames|replies|cells] [--sandbox NAME] [--seed N]

A find is an exception that is not ours, a slow step or a dead session. It is printed with the seed of its round, and ends the
run with exit code 1.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable

import anyio
import msgspec

from cellblock import ExecLimits
from cellblock.engine.parse import parse_reply
from cellblock.errors import SandboxBroken
from cellblock.repl.registry import known_sandboxes
from cellblock.repl.session import Session, open_session
from cellblock.repl.wire import Wire

SLOW_SECONDS = 0.1
ALPHABET = [*"`~\n\r\t ()\"'\\<>=:#", "```repl\n", "FINAL(", "FINAL_VAR(", "<think>", "</think>", "<tool_call>", "\ud7ff", "é", "x = 1"]
EXPRESSIONS = [
    "P",
    "ctx",
    "len(P)",
    "P[1:5]",
    "ctx.find('a')",
    "x",
    "[x, x]",
    "{1: x}",
    "'a' * 1000",
    "2 ** 999",
    "llm_query",
    "FINAL",
    "None",
    "locals()",
]
STATEMENTS = [
    "x = {}",
    "print({})",
    "FINAL({})",
    "for i in range(3): x = {}",
    "def f(): return {}",
    "class A: y = {}",
    "llm_query({})",
    "({}).nope",
    "{}()",
    "P = {}",
]


async def frames(rng: random.Random) -> None:
    """A good frame with damage, or noise, into the decoder."""
    mine, theirs = socket.socketpair()
    wire = Wire(mine)
    good = bytearray(msgspec.msgpack.encode({"t": "call", "id": 1, "name": "f", "args": [[1, "é", {"a": None}]] * 5, "kwargs": {}}))
    for _ in range(500):
        data = bytearray(rng.randbytes(rng.randrange(200))) if rng.random() < 0.3 else good[:]
        for _ in range(rng.randrange(1, 6)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            wire.decode(bytes(data))
        except SandboxBroken:
            continue
    wire.close()
    theirs.close()


async def replies(rng: random.Random) -> None:
    """Pieces of fences, FINALs and quotes, thousands of them, into the reply parser."""
    for _ in range(20):
        parse_reply("".join(rng.choice(ALPHABET) for _ in range(rng.randrange(2_000))))


def cells_in(session: Session) -> Callable[[random.Random], Awaitable[None]]:
    """Random small programs in one live session."""

    async def cells(rng: random.Random) -> None:
        lines = [rng.choice(STATEMENTS).format(rng.choice(EXPRESSIONS)) for _ in range(rng.randrange(1, 5))]
        result = await session.exec("\n".join(lines), limits=ExecLimits(wall_seconds=0.5))
        assert result.usage.wall_seconds < 1.5
        assert (await session.exec("1 + 1")).value_preview == "2"

    return cells


async def fuzz(only: str | None, sandbox: str, seed: int, seconds: float) -> int:
    """Rounds until the time is over. Returns the number of finds."""

    async def llm_query(prompt: str) -> str:
        return "ok"

    async with await open_session(sandbox, externals={"llm_query": llm_query}) as session:
        targets = {"frames": frames, "replies": replies, "cells": cells_in(session)}
        end, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for name, target in targets.items():
                if only in (None, name) and not await survives(name, target, seed + rounds):
                    return 1
            rounds += 1
        print(f"{rounds} rounds from seed {seed}: no find")
    return 0


async def survives(name: str, target: Callable[[random.Random], Awaitable[None]], seed: int) -> bool:
    """Whether one round went as it should."""
    started = time.process_time()
    try:
        await target(random.Random(seed))
    except Exception as error:
        print(f"find in {name}, seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    if (taken := time.process_time() - started) > SLOW_SECONDS * 10:
        print(f"find in {name}, seed {seed}: {taken:.2f} s of processor time", file=sys.stderr)
        return False
    return True


def main() -> None:
    """Read the options, fuzz, exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--only", choices=["frames", "replies", "cells"])
    parser.add_argument("--sandbox", choices=known_sandboxes(), default="monty")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(anyio.run(fuzz, options.only, options.sandbox, options.seed, options.minutes * 60))


if __name__ == "__main__":
    main()
