"""What a process and all below it hold, read from the kernel by somebody outside of the tree."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
"""Source: linux/prctl.h."""
_CLONE_NEWUSER, _CLONE_NEWPID = 0x10000000, 0x20000000
"""Source: linux/sched.h."""


def adopt_orphans() -> None:
    """From now on a process below this one whose parent ends is this one's child, so that it stays in the tree.

    Raises:
        OSError: the kernel refuses.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no subreaper")


def in_a_copy(work: Callable[[], object]) -> int:
    """The exit code of a copy of this process that does the work; a signal's is negative, and an exception's 1.

    The copy sees no process but its own, where the kernel allows that: a signal to everybody reaches nobody else.
    """
    outer = os.fork()
    if outer == 0:
        os._exit(_in_a_namespace(work) & 0xFF)
    code = os.waitstatus_to_exitcode(os.waitpid(outer, 0)[1])
    return code - 256 if code > 128 else code


def _in_a_namespace(work: Callable[[], object]) -> int:
    flags = _CLONE_NEWPID if os.geteuid() == 0 else _CLONE_NEWPID | _CLONE_NEWUSER
    ctypes.CDLL(None).unshare(flags)  # where it fails, the attempts' own rule holds: they touch nothing but canaries
    # The first process of a namespace cannot be killed from inside of it: it waits for the one that works.
    first = os.fork()
    if first == 0:
        os._exit(_worked(work) & 0xFF)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def _worked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a copy must never go on as the process that it is a copy of
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def below(pid: int) -> list[int]:
    """The processes of the tree under `pid`, without itself. One that ends meanwhile is left out."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        pass  # it has ended
    return found


def memory_bytes(pids: list[int], *, exact: bool = False) -> int:
    """What these processes hold that is no file's: private pages, and shared memory.

    Args:
        exact: a page that several processes share counts once, where the kernel lets us look; that takes longer.
    """
    return sum((_proportional(pid) if exact else None) or _resident(pid) for pid in pids)


def forget_peak(pid: int) -> int:
    """Have the kernel begin anew with `peak_bytes` of a process. Returns what it holds now; 0 where the kernel does not let us."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return 0
    return sum(_kibibytes(f"/proc/{pid}/status", ("VmRSS:",))) * 1024


def peak_bytes(pid: int) -> int:
    """The most that a process has held since then, pages of files included; 0 where it has ended."""
    return sum(_kibibytes(f"/proc/{pid}/status", ("VmHWM:",))) * 1024


def _resident(pid: int) -> int:
    return sum(_kibibytes(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:"))) * 1024


def _proportional(pid: int) -> int | None:
    found = _kibibytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:"))
    return sum(found) * 1024 if found else None


def _kibibytes(path: str, names: tuple[str, ...]) -> list[int]:
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    return [int(line.split()[1]) for line in lines if line.startswith(names)]
