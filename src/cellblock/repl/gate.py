"""The kernel's question before a worker forks, and our answer.

A worker that can be copied carries a filter that makes each fork wait for whoever holds the filter's listener: us. Nobody reads
it but in the moment of a copy that we asked for, so a fork that the cell's own code tries waits until its worker is killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import select
import struct

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


def allow_one_fork(listener: int, seconds: float) -> None:
    """Let the worker fork once, when it asks within that time. Blocks.

    Raises:
        SandboxBroken: it did not ask, or for something else.
    """
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    if not poller.poll(seconds * 1000):
        raise SandboxBroken("the worker did not fork when it was asked to")
    question = bytearray(_QUESTION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, question)
        number, _, _, call, _, _, flags, *_ = _QUESTION.unpack(question)
        wanted = call == _CLONE.get(platform.machine()) and flags & 0xFFFFFFFF == _FORK_FLAGS
        reply = _REPLY.pack(number, 0, 0, _CONTINUE) if wanted else _REPLY.pack(number, 0, -errno.EPERM, 0)
        fcntl.ioctl(listener, _ANSWER, bytearray(reply))
    except OSError as error:
        raise SandboxBroken(f"the worker died while it forked ({os.strerror(error.errno or 0)})") from error
    if not wanted:
        raise SandboxBroken("the worker asked for another system call in place of a fork")
