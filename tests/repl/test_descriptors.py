"""No program that the host starts, and no interpreter, is left with a descriptor that leads into a session."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from cellblock.repl.session import open_session

pytestmark = pytest.mark.anyio
KINDS = ("anon_inode:[pidfd]", "anon_inode:seccomp", "socket:", "/memfd:", "/proc/")


def opened() -> dict[int, str]:
    """Descriptors of this process that may be a session's."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists them, and those that other threads close meanwhile
            found[int(entry.name)] = os.readlink(entry)
    return {fd: name for fd, name in found.items() if name.startswith(KINDS)}


def inheritable(fd: int) -> bool:
    with suppress(OSError):
        return os.get_inheritable(fd)
    return False


async def test_no_descriptor_of_a_session_is_inherited(sandbox: str) -> None:
    async with await open_session(sandbox) as session:
        await session.exec("x = 1")
        found = opened()
        for kind in KINDS if sandbox == "restricted" else KINDS[:1] + KINDS[2:]:  # whose workers alone have a gate
            assert any(name.startswith(kind) for name in found.values())
        assert {fd: name for fd, name in found.items() if inheritable(fd)} == {}
