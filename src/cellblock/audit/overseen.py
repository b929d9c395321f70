"""Begin the throw-away process so that whoever started it may see what its tree holds, as an ordinary user too.

Workers do not let others of the same user look at their memory, and so nobody could tell what they share. The kernel lets the owner of a
user namespace look at programs that were started inside of it: so the process enters one, in which it is who it was, and begins anew.
Root sees everything anyway. Where no jail stands, nobody enters: inside, what escapes would reach less of what is outside.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
"""Source: linux/sched.h."""


def enter() -> None:
    """Enter a user namespace of one's own.

    Raises:
        OSError: the kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, line in (("uid_map", f"{user} {user} 1"), ("setgroups", "deny"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_bytes(line.encode())


def can_enter() -> bool:
    """Whether the kernel allows all of it; one half alone would leave a process that is nobody. Tried in a copy of this process."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(OSError):
            enter()
            code = 0
        os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def main() -> None:
    """Become the throw-away process. Without the namespace each page counts once for every process that has it."""
    if os.geteuid() != 0 and can_enter():
        enter()
    os.execv(sys.executable, [sys.executable, "-m", "cellblock.audit.stand", *sys.argv[1:]])


if __name__ == "__main__":
    main()
