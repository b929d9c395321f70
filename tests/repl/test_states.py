"""Sessions, forks, dumps, limits, kills and tenants in any order: every session has the variables that a plain namespace would have."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import anyio
import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from responsive import STALL_SECONDS

from cellblock.repl.session import Session, open_session

sys.path.append(str(Path(__file__).parents[2] / "fuzz"))

from ground import TooSlow
from machine import One, Sessions, run_stories

TRIES = 3
"""A busy neighbour may stop the event loop once; what we do ourselves stops it each time."""


def test_any_order_of_cells_forks_dumps_limits_and_kills(sandbox: str) -> None:
    examples = int(os.environ.get("CELLBLOCK_EXAMPLES", "10"))
    stories = random.randrange(2**32)  # each try has the same
    checks = settings(max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    for tries_left in reversed(range(TRIES)):
        try:
            run_stories(hypothesis.seed(stories)(type("Sessions", (Sessions,), {"sandbox": sandbox})), checks)
        except TooSlow:
            if not tries_left:
                raise
        else:
            return


def test_a_loop_that_stands_still_is_noticed() -> None:
    class Stalling(Sessions):
        def begin(self, tenant: str) -> One:
            async def stall() -> None:
                time.sleep(10 * STALL_SECONDS)  # a busy neighbour excuses a part of it

            self.wait(stall())
            return super().begin(tenant)

    with pytest.raises(TooSlow, match="^begin: the event loop stood still for"):
        run_stories(Stalling, settings(max_examples=1, stateful_step_count=1, deadline=None, database=None))


@pytest.mark.anyio
async def test_many_forks_at_once_are_independent(sandbox: str) -> None:
    async with await open_session(sandbox) as root:
        await root.exec("x = [0]")
        forks = [await root.fork() for _ in range(10)]

        async def work(number: int, fork: Session) -> None:
            await fork.exec(f"x.append({number})")
            assert (await fork.exec("x")).value_preview == f"[0, {number}]"

        async with anyio.create_task_group() as group:
            for number, fork in enumerate(forks):
                group.start_soon(work, number, fork)
        for fork in forks:
            await fork.aclose()
        assert (await root.exec("x")).value_preview == "[0]"
