"""Every case on plain CPython and on every sandbox. What differs has to be declared, and what is declared has to differ."""

from __future__ import annotations

import pytest
from case_sessions import run_case
from declared import declared_differences
from oracle import Oracle

from cases import Case, all_cases, problems

CASES = all_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])


@each_case
def test_oracle(case: Case, oracle: Oracle) -> None:
    assert not problems(case, oracle.run(case)), case.says


@pytest.mark.anyio
@each_case
async def test_case(sandbox: str, case: Case) -> None:
    found = problems(case, await run_case(sandbox, case))
    reason = declared_differences(sandbox).get(case.id)
    if reason is None:
        assert not found, case.says
    else:
        assert found, f"declared as a difference ({reason}), but it passes: take it out of [differences]"


def test_every_declared_difference_is_a_case(sandbox: str) -> None:
    assert not set(declared_differences(sandbox)) - {case.id for case in CASES}
