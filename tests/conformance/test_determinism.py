"""A cell is a pure function of the state, its code and the calls' results: byte for byte the same in another process and after a dump."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from case_sessions import run_case
from declared import declared_differences, limitations

from cases import Case, Expected, Observed, Step, all_cases
from cellblock.host.context import Context
from cellblock.repl.session import open_session

HERE = Path(__file__).parent
ADDRESSES = "Addresses after a dump"
"""The section of a sandbox's limitations that says that objects have other ones then."""
CELLS = [
    "import random, time, datetime, hashlib\nx = [random.random() for _ in range(3)]\nprint(x, time.time(), datetime.datetime.now())",
    "words = set('the quick brown fox and the lazy dog'.split())\nprint(words, {'b', 'a'}, frozenset('xyz'), {1.5, 'a', None, (1, 'b')})",
    "print(hash('text'), hash(('a', 1)), hash(b'bytes'), hash(1.5), hash(None) == hash(None))",
    "class C:\n    pass\ndef f():\n    pass\nprint(C(), f, C, lambda: 1, [C(), C()], len)\nc = C()\nc",
    "print(random.sample(range(100), 5), random.choice(sorted(words)), random.gauss(0, 1), echo({'k': [1.5]}))\nrandom.shuffle(x)\nx",
    "print(f'{0.1 + 0.2} {1e300 * 1e10} {2 ** 0.5}', hashlib.sha256(repr(x).encode()).hexdigest())",
    "print(ctx.find('a'), ctx.search('needle'), [t for _, _, t in ctx.chunk(7)][:2], SHOW_VARS())\n1 / 0",
    "import json\nprint(json.dumps({'z': 1, 'a': list(words)}), dict.fromkeys('hello'), [*{3, 1, 2}], c)",
]
"""What could differ between two processes: addresses, hash seeds, clocks, random numbers, orders of sets."""


def session_case(cells: list[str], dump_after: int | None = None) -> Case:
    """A session of the cells, dumped after one of them."""
    steps = [Step("cell", cell) for cell in cells]
    if dump_after is not None:
        steps.insert(dump_after, Step("dump"))
    return Case("determinism", "", steps, [Expected()] * len(steps), context="a needle in a haystack " * 20, far=("echo",), seed=5)


def in_another_process(sandbox: str, cases: list[Case]) -> list[list[dict[str, Any]]]:
    """The cases' outcomes in a host process of their own."""
    asked = json.dumps([sandbox, *(case.id for case in cases)])
    run = [sys.executable, HERE / "determinism_process.py", asked]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    return json.loads(subprocess.run(run, capture_output=True, text=True, check=True, env=environment, timeout=100).stdout)


def without_addresses(outcome: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return json.loads(re.sub(r"\b0x[0-9a-f]+", "0x", json.dumps(outcome)))


def plain(observed: list[Observed]) -> list[dict[str, Any]]:
    """As it comes back from another process."""
    return json.loads(json.dumps([asdict(one) for one in observed]))


@pytest.mark.anyio
async def test_two_processes_give_the_same_bytes(sandbox: str) -> None:
    case = session_case(CELLS)
    outcome = plain(await run_case(sandbox, case))
    assert [one["error"] and one["error"][0] for one in outcome] == [None] * 6 + ["ZeroDivisionError", None]
    assert in_another_process(sandbox, [case]) == [outcome]


@pytest.mark.anyio
@pytest.mark.parametrize("dump_after", [1, 3, 5, 7])
async def test_a_loaded_dump_goes_on_with_the_same_bytes(sandbox: str, dump_after: int) -> None:
    straight = plain(await run_case(sandbox, session_case(CELLS)))
    loaded = plain(await run_case(sandbox, session_case(CELLS, dump_after)))
    del loaded[dump_after]
    if any(section.title == ADDRESSES for section in limitations(sandbox)):
        straight, loaded = without_addresses(straight), without_addresses(loaded)
    assert loaded == straight


@pytest.mark.anyio
async def test_cases_give_the_same_bytes_twice(sandbox: str) -> None:
    areas = ("determinism", "state")
    cases = [case for case in all_cases() if case.id.startswith(areas) and case.id not in declared_differences(sandbox)]
    outcomes = [plain(await run_case(sandbox, case)) for case in cases]
    for case, here, there in zip(cases, outcomes, in_another_process(sandbox, cases), strict=True):
        assert here == there, case.id


@pytest.mark.anyio
async def test_a_class_that_asked_for_the_context_is_there_after_a_load(sandbox: str) -> None:
    with Context.from_text("four") as context:
        async with await open_session(sandbox, context=context) as one:
            await one.exec("class Item:\n    size = len(P)\n    start = ctx.slice(0, 2)\nitem = Item()")
            data = await one.dump()
        async with await open_session(sandbox, context=context, snapshot=data) as two:
            assert (await two.exec("[item.size, Item.start]")).value_preview == "[4, 'fo']"
