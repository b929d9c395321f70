"""What an ordinary user's audit sees of workers that let nobody look at their memory."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
from collections.abc import Callable

import pytest

from cellblock.audit.overseen import enter
from cellblock.audit.processes import memory_bytes

ORDINARY = 12345
NOT_ALLOWED = 3
PRCTL, SET_DUMPABLE = {"x86_64": 157, "aarch64": 167}.get(platform.machine()), 4
"""Source: the kernel's tables of system calls; linux/prctl.h."""
CLOSED = f"syscall({PRCTL}, {SET_DUMPABLE}, 0, 0, 0, 0); $| = 1; $held = 'x' x 30_000_000; print 1; <STDIN>"

pytestmark = pytest.mark.skipif(not shutil.which("perl") or not PRCTL, reason="needs perl, for a small program that closes itself")


def seen_by_an_ordinary_user(before: Callable[[], object]) -> int:
    """The exit code of an ordinary user's process that looks at a program which it started: 0 if it was seen exactly."""
    user = os.fork()
    if user == 0:
        if os.geteuid() == 0:
            os.setresgid(ORDINARY, ORDINARY, ORDINARY)
            os.setresuid(ORDINARY, ORDINARY, ORDINARY)
            ctypes.CDLL(None).prctl(SET_DUMPABLE, 1, 0, 0, 0)  # as it is after a start: a change of the user closes a process
        os._exit(_look(before))
    return os.waitstatus_to_exitcode(os.waitpid(user, 0)[1])


def _look(before: Callable[[], object]) -> int:
    (mine, told), (heard, ends) = os.pipe(), os.pipe()
    closed = os.fork()
    if closed == 0:
        try:
            before()
            os.dup2(heard, 0)
            os.dup2(told, 1)
            os.execvp("perl", ["perl", "-e", CLOSED])
        finally:
            os._exit(NOT_ALLOWED)
    os.close(told)
    if not os.read(mine, 1):
        return NOT_ALLOWED
    exact = memory_bytes([closed], exact=True) > 30_000_000
    try:
        with open(f"/proc/{closed}/smaps_rollup", encoding="ascii") as file:
            exact = exact and "Pss_Anon" in file.read()
    except OSError:
        exact = False
    os.close(ends)
    return 0 if exact else 1


def test_a_program_that_lets_nobody_look_is_seen_where_it_was_started_in_the_namespace() -> None:
    assert memory_bytes([os.getpid()], exact=True)  # and loads what the other user may not read
    found = seen_by_an_ordinary_user(enter)
    if found == NOT_ALLOWED:
        pytest.skip("ordinary users may not make user namespaces here")
    assert found == 0
    assert seen_by_an_ordinary_user(lambda: None) == 1
