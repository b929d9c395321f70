"""Every escape attempt in the corpus stays contained, with live canaries, and the host goes on meanwhile."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from responsive import responsive_loop

from cellblock.limits import ExecLimits
from cellblock.repl.session import open_session

pytestmark = pytest.mark.anyio
CORPUS = sorted((Path(__file__).parents[2] / "fuzz" / "corpus").glob("*.json"))
LIMITS = ExecLimits(wall_seconds=0.5)
SECRET = "the-secret-of-the-host"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
async def test_an_attempt_stays_contained(path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt: dict[str, Any] = json.loads(path.read_text())
    monkeypatch.setenv("CELLBLOCK_CANARY", SECRET)

    async def llm_query(prompt: str) -> str:
        return f"asked about {prompt[:10]!r}"

    async with await open_session(sandbox, externals={"llm_query": llm_query}) as session:
        await session.exec("kept = 41")
        for cell in attempt["source"]:
            started = time.perf_counter()
            async with responsive_loop():
                result = await session.exec(cell, limits=LIMITS)
            assert time.perf_counter() - started < LIMITS.wall_seconds + 1.0
            assert SECRET not in result.stdout + str(result.value_preview) + str(result.error)
        if attempt["expectation"] == "error":
            assert result.error is not None
        assert (await session.exec("kept + 1")).value_preview == "42"


def test_every_file_says_what_it_is() -> None:
    assert CORPUS
    for path in CORPUS:
        attempt = json.loads(path.read_text())
        assert {"id", "class", "technique", "source", "expectation"} <= set(attempt)
        assert attempt["id"] == path.stem and attempt["class"] in "ABCDEFGHI"
