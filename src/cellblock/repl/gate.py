"""The kernel's question before a worker forks, and our answer.

A worker that can be copied carries a filter that makes each fork wait for whoever holds the filter's listener: us. Nobody reads
it but in the moment of a copy that we asked for, so a fork that the cell's own code tries waits until its worker is killed.
All copies of a worker share one filter and one listener: a question counts only if the one who was told to fork asks it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import select
import signal
import struct
from pathlib import Path

import anyio

from ..errors import SandboxBroken

_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
"""Source: SECCOMP_IOCTL_NOTIF_RECV and _SEND in the kernel's include/uapi/linux/seccomp.h, with the sizes of their structures."""
_QUESTION = struct.Struct("<QIIiIQ6Q")
"""id, process, flags, system call, architecture, address, six arguments."""
_REPLY = struct.Struct("<QqiI")
_CONTINUE = 1
_CLONE = {"x86_64": 56, "aarch64": 220}
_FORK_FLAGS = 0x01200011
"""Of a plain fork, as in `sandboxes/jail/seccomp.py`: no thread, no shared memory, no namespace."""


class Lineage:
    """A worker and all copies of it: one listener, one kernel session, processes that are known.

    Attributes:
        turn: held by the one copy that is being made.
    """

    def __init__(self, listener: int, leader: int) -> None:
        self.listener, self._leader = listener, leader
        self._known = {leader}
        self._was_allowed = False
        self.turn = anyio.Lock()

    def add(self, pid: int) -> None:
        """A copy that we know of."""
        self._known.add(pid)

    def remove(self, pid: int) -> None:
        """A process that is about to be killed. Before the last one goes, whatever else is left goes with it."""
        if pid in self._known and len(self._known) == 1:
            if self._was_allowed:
                self.purge()
            os.close(self.listener)
            self.listener = -1
        self._known.discard(pid)

    def purge(self) -> None:
        """Kill every process of the lineage that we do not know: one that a worker made of a fork that we allowed, and hid.

        None can leave the kernel session that the first worker began, since the filter kills whoever tries.
        """
        for pid in _in_session(self._leader) - self._known:
            with contextlib.suppress(ProcessLookupError):
                pidfd = os.pidfd_open(pid)
                try:
                    if _session_of(pid) == self._leader:  # still, and so not another process by the same number
                        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                finally:
                    os.close(pidfd)

    async def allow_one_fork(self, pid: int) -> None:
        """Let that process fork once, when it asks. Whoever else asks is refused.

        Raises:
            SandboxBroken: it died, or asked for something else.
        """
        while True:
            await anyio.wait_readable(self.listener)
            if self._answer(pid):
                return

    def refuse(self) -> None:
        """Refuse what is asked now, if anything is."""
        self._answer(0)

    def _answer(self, pid: int) -> bool:
        poller = select.poll()
        poller.register(self.listener, select.POLLIN)
        events = dict(poller.poll(0)).get(self.listener, 0)
        if events & select.POLLHUP:
            raise SandboxBroken("the worker died while it was to fork")
        if not events & select.POLLIN:
            return False
        question = bytearray(_QUESTION.size)
        try:
            fcntl.ioctl(self.listener, _RECEIVE, question)  # does not wait: the kernel counts the questions
            number, asker, _, call, _, _, flags, *_ = _QUESTION.unpack(question)
            wanted: bool = asker == pid and call == _CLONE.get(platform.machine()) and flags & 0xFFFFFFFF == _FORK_FLAGS
            self._was_allowed |= wanted
            reply = _REPLY.pack(number, 0, 0, _CONTINUE) if wanted else _REPLY.pack(number, 0, -errno.EPERM, 0)
            fcntl.ioctl(self.listener, _ANSWER, bytearray(reply))
        except OSError:  # whoever asked is gone, or was interrupted
            return False
        return wanted


def _in_session(leader: int) -> set[int]:
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _session_of(int(entry)) == leader}  # noqa: PTH208


def _session_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return -1
    # Behind the name, which may hold anything: state, parent, group, session.
    return int(stat[stat.rindex(b")") + 2 :].split()[3])
