"""What a fresh worker does to itself before it is given a guest, in the order in which it has to happen."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Iterable
from typing import Protocol

from . import landlock, namespaces, seccomp
from . import syscalls as sc
from .namespaces import Layers

OPEN_FILES = 64
STACK_BYTES = 16 * 2**20
SHARED_BYTES = 6 * 2**30
"""Address space for what is mapped but not private: the largest context, mail, libraries."""
CHILD_SHARED_BYTES = 2**30


def before_guest(layers: Layers, keep: Iterable[int]) -> None:
    """The layers that an interpreter child inherits: no privileges, no files but the root's, a coarse filter."""
    close_files(set(keep))
    os.setsid()
    sc.prctl(sc.PR_SET_PDEATHSIG, signal.SIGKILL)
    layers.attempt("capabilities", namespaces.drop_capabilities)
    layers.attempt("no_new_privs", sc.prctl, sc.PR_SET_NO_NEW_PRIVS, 1)
    layers.attempt("no_core_no_ptrace", sc.prctl, sc.PR_SET_DUMPABLE, 0)
    layers.attempt("memory_deny_write_execute", sc.prctl, sc.PR_SET_MDWE, sc.MDWE_REFUSE_EXEC_GAIN)
    layers.attempt("rlimits", _fixed_rlimits)
    layers.attempt("landlock", landlock.restrict, "/" if layers.state.get("root") == "on" else None)
    layers.attempt("seccomp_guest", lambda: sc.seccomp_filter(seccomp.inherited()))


class Needs(Protocol):
    """What a driver's `Guest` says of itself."""

    needs_threads: bool
    """It makes threads after it is locked in."""
    forks: bool
    """The host may ask it to fork itself; then it has a `connection`, its socket."""
    own_pids: bool
    """It is the first process of a namespace of its own: for an interpreter that is a child process, which must die with it."""
    data_bytes: int
    """Private writable memory that it may have."""
    address_bytes: int
    """Address space beyond twice that: what is mapped but not private."""


def after_guest(layers: Layers, guest: Needs) -> None:
    """The last layers, once the guest's interpreter is there: no new process, bounded memory, the strict filter."""
    layers.attempt("rlimit_memory", bound_memory, guest)
    if guest.forks:
        layers.attempt("processes", _gate, guest)
    else:
        layers.attempt("processes", resource.setrlimit, resource.RLIMIT_NPROC, (0, 0))
    gated = guest.forks and layers.state["processes"] == "on"
    layers.attempt("seccomp", lambda: sc.seccomp_filter(seccomp.strict(threads=guest.needs_threads, forks=gated), all_threads=True))


def _gate(guest: Needs) -> None:
    # Processes are counted per user, and all workers have the same one: a limit on their number would be everybody's. So the
    # kernel asks the host before each fork, and a fork that the host did not want waits for an answer until its worker is killed.
    connection: socket.socket = guest.connection  # type: ignore[attr-defined]
    try:
        listener = sc.seccomp_filter(seccomp.gate(), listener=True)
    except OSError:
        connection.sendall(b"-")
        raise
    socket.send_fds(connection, [b"+"], [listener])
    os.close(listener)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # copies are the host's to watch


def bound_memory(guest: Needs) -> None:
    """Bounded private memory for this process, and address space for what it maps."""
    _bound_memory(0, guest.data_bytes, 2 * guest.data_bytes + guest.address_bytes)


def bound_child(pid: int, data_bytes: int) -> None:
    """No new processes and bounded private memory for an interpreter child that has started."""
    resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0))
    _bound_memory(pid, data_bytes, CHILD_SHARED_BYTES)


def _bound_memory(pid: int, data_bytes: int, shared_bytes: int) -> None:
    # Not by data alone: page tables count as nobody's memory, and a map of nothing, only read, costs 1/512 of its size.
    for name, size in ((resource.RLIMIT_DATA, data_bytes), (resource.RLIMIT_AS, data_bytes + shared_bytes)):
        resource.prlimit(pid, name, (size, size))


def private_bytes() -> int:
    """Private writable memory that this process has mapped now: what RLIMIT_DATA counts.

    Source: field 6 of /proc/self/statm, which includes the stack. Must be called before the root changes.
    """
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[5]) * os.sysconf("SC_PAGESIZE")


def _fixed_rlimits() -> None:
    for name, value in (("CORE", 0), ("FSIZE", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0), ("NOFILE", OPEN_FILES), ("STACK", STACK_BYTES)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def close_files(keep: set[int]) -> None:
    """Close all descriptors but these."""
    # Standard streams stay: they are /dev/null, or the log pipe that the host owns.
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
