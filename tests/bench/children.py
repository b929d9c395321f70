"""Child runs in parallel against the ideal: latency * turns * ceil(n / at once). Trust the ratios.

python tests/bench/children.py [--children 40] [--latency 0.05] [--at-once 4,8,16,40] [--sandboxes monty,restricted] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import os
import pstats
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

os.environ.setdefault("CELLBLOCK_CACHE", str(Path(__file__).parents[2] / ".cache" / "cellblock"))

from cellblock import RLM
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.repl.session import open_session

KINDS = {"replies at once": ["FINAL(done)"], "one cell, then answers": ["```repl\nx = len(P)\nprint(x)\n```", "FINAL(done)"]}


class Latent:
    """Writes the root's cell at once; a child's replies after a time."""

    name = "latent"

    def __init__(self, code: str, replies: list[str], latency: float) -> None:
        self._code, self._replies, self._latency = code, replies, latency

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        turn = sum(message.role == "assistant" for message in messages)
        if messages[1].content.startswith("Question:\nroot\n"):
            text = f"```repl\n{self._code}\n```"
        else:
            await anyio.sleep(self._latency)
            text = self._replies[turn]
        return ModelResponse(text=text, usage=Usage(calls=1, output_tokens=1), model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


async def seconds(sandbox: str, replies: list[str], at_once: int, asked: argparse.Namespace) -> float:
    code = f"FINAL(len(rlm_query_batched([str(i) for i in range({asked.children})])))"
    rlm = RLM(Latent(code, replies, asked.latency), sandbox=sandbox, journal=":memory:")
    rlm.limits = dataclasses.replace(rlm.limits, parallel_children=at_once)
    started = time.perf_counter()
    result = await rlm.arun("root", "some text")
    taken = time.perf_counter() - started
    assert result.value == asked.children, result.error
    return taken


async def main(asked: argparse.Namespace) -> None:
    for sandbox in asked.sandboxes.split(","):
        await (await open_session(sandbox)).aclose()  # a zygote starts once per process, not once per run
        for kind, replies in KINDS.items():
            for at_once in map(int, asked.at_once.split(",")):
                taken = sorted([await seconds(sandbox, replies, at_once, asked) for _ in range(3)])
                ideal = asked.latency * len(replies) * -(-asked.children // at_once)
                found = f"{taken[1]:6.3f} s (best {taken[0]:.3f}), ideal {ideal:.2f}, x {taken[1] / ideal:.2f}"
                print(f"{sandbox:10} {kind:24} {at_once:3} at once: {found}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=40)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--at-once", default="4,8,16,40")
    parser.add_argument("--sandboxes", default="monty,restricted")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    if asked.profile:
        with cProfile.Profile() as profile:
            anyio.run(main, asked)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    else:
        anyio.run(main, asked)
