"""The zygote without its jail, so that wall 1 can be attacked alone. For audits: no session takes such a worker unless it is told to.

What stays is what keeps the machine of whoever audits usable, and stops no attack: closed descriptors, bounded memory, and the end
of the workers with their zygote.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from jail import lockdown
from jail import syscalls as sc
from jail.zygote import Zygote, main

OFF = "off: this worker was made without a jail, for an audit"
LAYERS = ("namespaces", "root", "user", "capabilities", "no_new_privs", "landlock", "rlimits", "processes", "seccomp_guest", "seccomp")


class Unjailed(Zygote):
    """Its workers say of every layer that it is off, which it is."""

    def enter_jail(self) -> None:
        """Stay outside."""
        self.base_bytes = lockdown.private_bytes()
        self.layers.state.update(dict.fromkeys(LAYERS, OFF))

    def _become_worker(self, fd: int, memory_bytes: int) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        lockdown.close_files({fd})
        os.setsid()
        sc.prctl(sc.PR_SET_PDEATHSIG, signal.SIGKILL)
        guest = self.new_guest(fd, memory_bytes)
        self.layers.attempt("interpreter", guest.start)
        self.layers.attempt("rlimit_memory", lockdown.bound_memory, guest)
        if guest.forks:
            connection: socket.socket = guest.connection
            connection.sendall(b"-")  # no gate either
        guest.serve(self.layers.state)


if __name__ == "__main__":
    main(Unjailed)
