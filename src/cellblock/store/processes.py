"""Who a process is, so that another one can tell whether it still lives; read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

UNKNOWN = ""
"""In place of a boot id or a namespace where there is no /proc: such a process is never proven to be dead."""

Standing = Literal["alive", "dead", "elsewhere"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process of one machine since one boot."""

    boot: str
    namespace: str
    """Of its process ids, and of the clock that its start is counted by."""
    pid: int
    start: int
    """Clock ticks from boot to its start: a process id that is given again has another one."""
    machine: str
    """Its name, for people."""


def this_process() -> Process:
    """The process that asks. Read anew each time: a fork is another process."""
    pid = os.getpid()
    boot, namespace = _here()
    start = _start_ticks(pid) or 0
    return Process(boot=boot, namespace=namespace, pid=pid, start=start, machine=os.uname().nodename)


def standing(process: Process) -> Standing:
    """Whether that process lives. `elsewhere`: it cannot be seen from here."""
    boot, namespace = _here()
    if UNKNOWN in (boot, namespace) or (process.boot, process.namespace) != (boot, namespace):
        return "elsewhere"
    try:
        os.kill(process.pid, 0)
    except (ProcessLookupError, OverflowError):
        return "dead"
    except PermissionError:
        pass  # another user's
    start = _start_ticks(process.pid)
    # One that is there and cannot be read (/proc may hide other users') is not proven to be dead.
    return "dead" if start == 0 or (start is not None and start != process.start) else "alive"


def _here() -> tuple[str, str]:
    """Boot id and namespaces."""
    try:
        if Path("/proc/self").readlink() != Path(str(os.getpid())):
            return UNKNOWN, UNKNOWN  # the /proc of other namespaces than this process's
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return UNKNOWN, UNKNOWN
    try:
        # Start times are shown by the clock of whoever asks.
        return boot, f"{namespace} {Path('/proc/self/ns/time').readlink()}"
    except OSError:
        return boot, namespace


def _start_ticks(pid: int) -> int | None:
    """When it started; 0 if it has ended and nobody has fetched its exit code; None if it cannot be read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        # The name in parentheses is the process's own choice and may hold anything.
        fields = stat[stat.rindex(b")") + 2 :].split()
        state, threads, start = fields[0], int(fields[17]), int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
    # A first thread that has ended while others go on looks like a zombie as well.
    return 0 if state in (b"Z", b"X") and threads <= 1 else start
