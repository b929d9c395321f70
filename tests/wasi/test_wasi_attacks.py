"""Hostile cells: whatever they do to the guest, the worker goes on and says how it went."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from attack_table import DOORS, DRIVER, MEMORY, STACK

HOPELESS = "InterpreterCrashed"
MIB = 2**20


def usable(session) -> bool:
    return session.cell("kept = 1 + 1", seconds=2).error is None


def parameters(table):
    return [pytest.param(code, id=name) for name, code in table.items()]


@pytest.mark.parametrize("code", parameters(STACK))
def test_a_full_stack_is_an_error_or_the_end_of_the_guest_alone(session, code):
    outcome = session.cell(code, seconds=2)
    assert outcome.lost == (outcome.error is not None and outcome.error[0] == HOPELESS)
    assert outcome.lost or usable(session)


@pytest.mark.parametrize("code", parameters(MEMORY))
def test_full_memory_is_an_error_after_which_the_session_goes_on(new_session, code):
    session = new_session(far=["echo", "big"])
    session.externals = {"echo": lambda text: text, "big": lambda: "x" * 300_000_000}
    before = session.instance.memory.size
    outcome = session.cell(code, seconds=2)
    assert not outcome.lost
    assert outcome.error is None or outcome.limit in ("memory_bytes", "interrupted") or outcome.error[0] == "OverflowError"
    assert session.instance.memory.size <= before + 64 * MIB
    assert usable(session)


def test_memory_that_was_freed_can_be_used_again(new_session):
    session = new_session(memory_bytes=64 * MIB)
    for _ in range(5):
        assert session.cell("l = []\nwhile True: l.append('x' * 1_000_000)").limit == "memory_bytes"
        assert session.cell("del l\nb = bytes(40_000_000)\ndel b").error is None


def test_the_cell_may_catch_the_memory_error_itself(session):
    assert session.output("try:\n    b = bytes(10**9)\nexcept MemoryError:\n    print('caught')") == "caught\n"


@pytest.mark.parametrize("code", parameters(DRIVER))
def test_a_guest_whose_driver_was_tampered_with_hurts_itself_alone(new_session, code):
    session = new_session(far=["echo"])
    session.externals["echo"] = lambda *args: list(args)
    session.cell(code, seconds=2)
    for _ in range(2):
        outcome = session.cell("kept = 1 + 1", seconds=2)
        assert outcome.error is None or outcome.lost == (outcome.error[0] == HOPELESS)
        assert all(type(name) is str for name in session.names())


@pytest.mark.parametrize("code", parameters(DOORS))
def test_there_is_nothing_outside(session, code):
    outcome = session.cell(code, seconds=2)
    if outcome.error is None:  # standard streams are there, and lead nowhere
        assert "open(0)" in code or "open(1" in code
    assert not outcome.lost
    assert session.calls == []
    assert usable(session)


def test_a_lost_guest_answers_no_more(session):
    assert session.cell("import os\nos.abort()").lost
    assert session.cell("1").error[0] == HOPELESS
    assert session.names() == []


@pytest.mark.parametrize(
    "arguments",
    [(0, 2**32 - 1), (2**32 - 8, 16), (2**31, 2**31), (1, 2**40), (-1, 4)],
)
def test_no_pointer_leads_out_of_the_guests_memory(runtime, session, arguments):
    from wasi.memory import GuestLied

    with pytest.raises(GuestLied):
        session.instance.memory.read(*arguments)
    with pytest.raises(GuestLied):
        session.instance.memory.write(session.instance.memory.size - 1, b"ab")


@pytest.mark.parametrize(
    "call",
    [
        (0, 2**31, 0, 0, 0),
        (0, 1, 0, 2**31, 0),
        (2**32 - 1, 4, 0, 0, 0),
        (0, 4, 2**32 - 1, 4, 0),
        (0, 0, 0, 0, 2**32 - 4),
    ],
)
def test_a_host_call_with_a_bad_pointer_is_refused(runtime, session, call):
    from wasi.memory import GuestLied

    host = session.instance.host
    host.answer = lambda name, payload: (1, "answer")
    with pytest.raises(GuestLied):
        runtime.run(lambda: host.host_call(*call))


HOSTILE_ALONE = """
import sys
sys.path.insert(0, {tests!r})
from wasi_harness import Runtime, Session
runtime = Runtime()
session = Session(runtime).open()
print(session.cell({code!r}, seconds=2).lost)
"""


@pytest.mark.parametrize("code", [STACK["json of brackets"], STACK["end of nested lists"], DRIVER["native crash"]])
def test_the_process_itself_survives(code):
    source = HOSTILE_ALONE.format(tests=str(Path(__file__).parent), code=code)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.lower()) in (True, False)
