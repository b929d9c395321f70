"""Runs cases on a sandbox in this process and writes their outcomes as JSON; the argument says which."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from case_sessions import run_case
from test_determinism import CELLS, session_case

from cases import Case, all_cases
from cellblock.repl.zygote import close_all


async def main(sandbox: str, ids: list[str]) -> list[list[dict[str, Any]]]:
    """Each case in a session of its own."""
    known: dict[str, Case] = {case.id: case for case in all_cases()} | {"determinism": session_case(CELLS)}
    return [[asdict(one) for one in await run_case(sandbox, known[name])] for name in ids]


if __name__ == "__main__":
    name, *ids = json.loads(sys.argv[1])
    outcomes = asyncio.run(main(name, ids))
    close_all()
    print(json.dumps(outcomes))
