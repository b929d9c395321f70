"""Random programs give on every sandbox what they give on plain CPython, but for what it declares to be different.

`CONFORMANCE_PROGRAMS=20000 pytest tests/conformance/test_differential.py` looks longer.
"""

from __future__ import annotations

import os

import anyio.from_thread
from case_sessions import run_case
from declared import declared_differences
from hypothesis import HealthCheck, event, given, settings
from oracle import Oracle
from programs import CONTEXT, Program, programs

from cases import Case, Expected, Observed, Step

EXAMPLES = int(os.environ.get("CONFORMANCE_PROGRAMS", "100"))
LINES = {"errors/line_of_unbound_local", "errors/line_through_finally"}
"""Who declares one of these is not asked for the lines of errors."""


def outcome(observed: Observed, *, with_line: bool) -> tuple[object, ...]:
    """What has to be the same: an error's text may be worded differently."""
    kind, line = (observed.error[0], observed.error[2]) if observed.error else (None, None)
    return observed.stdout, observed.preview, kind, line if with_line else None, observed.limit


def case_of(program: Program) -> Case:
    steps = [Step("cell", cell) for cell in program.cells]
    if program.dump_after is not None:
        steps.insert(program.dump_after, Step("dump"))
    return Case("program", "", steps, [Expected()] * len(steps), context=CONTEXT)


def test_programs_do_what_they_do_on_plain_cpython(sandbox: str, oracle: Oracle) -> None:
    declared = declared_differences(sandbox)
    with_line = LINES.isdisjoint(declared)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize="CI" in os.environ)
    @given(programs())
    def compare(program: Program) -> None:
        if not program.needs.isdisjoint(declared):
            event("declared")
            return
        case = case_of(program)
        expected = oracle.run(case)
        event(f"errors: {sum(one.error is not None for one in expected)}")
        found = portal.call(run_case, sandbox, case)
        for step, wanted, got in zip(case.steps, expected, found, strict=True):
            assert outcome(got, with_line=with_line) == outcome(wanted, with_line=with_line), f"{got.error} {wanted.error}\n{step.code}"

    with anyio.from_thread.start_blocking_portal() as portal:
        compare()
