"""A zygote that somebody ends, such as the kernel that is out of memory: its workers end with it, and their sessions go on in others."""

from __future__ import annotations

import os
import select

import anyio.to_thread
import pytest

from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import open_session
from cellblock.repl.zygote import spares_for

pytestmark = pytest.mark.anyio


async def test_workers_end_with_their_zygote_and_sessions_go_on(sandbox: str) -> None:
    async with await open_session(sandbox, tenant="mortal") as session:
        await session.exec("x = 41")
        pool = spares_for(find_sandbox(sandbox), "mortal")
        await anyio.to_thread.run_sync(pool.wait_ready)  # nobody asks it for another one, and so notices, from now on
        assert session._standing.live is not None
        worker = os.pidfd_open(session._standing.live.process.pid)
        pool.zygote._process.kill()
        ended, _, _ = await anyio.to_thread.run_sync(select.select, [worker], [], [], 10)
        os.close(worker)
        assert ended
        assert (await session.exec("x = 0")).state == "rolled_back"
        assert (await session.exec("x + 1")).value_preview == "42"
