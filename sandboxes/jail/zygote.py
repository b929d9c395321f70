"""Started once per sandbox and tenant, by path: imports the guest's driver, enters the jail, forks a worker on demand.

Arguments: the descriptor of the control socket, and the options as JSON. On the control socket (SEQPACKET, JSON):
the host sends `{"spawn": memory_bytes, "seed": of_most_sessions}` with the worker's socket attached and gets `{"spawned": true}` with
a pidfd attached.
Control data comes from the host alone; nothing that a worker writes is ever read here.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import signal
import socket
import stat
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from jail import lockdown, namespaces, seccomp
from jail import syscalls as sc
from jail.namespaces import Layers


def load_guest(path: str) -> ModuleType:
    """The driver module of a sandbox, from its file."""
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location("guest_driver", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["guest_driver"] = module
    spec.loader.exec_module(module)
    return module


class Zygote:
    """The process that workers are forked from. Holds no guest data, ever."""

    def __init__(self, control: socket.socket, guest: ModuleType, options: dict[str, Any]) -> None:
        self.control, self.guest, self.options = control, guest, options
        self.layers = Layers()
        self.own_pids: int | None = None
        self.base_bytes = self.usual_seed = 0

    def enter_jail(self) -> None:
        """Namespaces and the root, once for all workers; the caller continues as the first process inside."""
        self.base_bytes = lockdown.private_bytes()
        isolated = namespaces.leave_host(self.layers)
        if isolated:
            _continue_in_child()
            self.own_pids = os.pidfd_open(os.getpid())
        namespaces.change_root(self.layers, self.guest.files(self.options), self.options["root"])
        self.layers.attempt("user", lambda: namespaces.become_nobody(keep_sys_admin=isolated))
        sc.prctl(sc.PR_SET_DUMPABLE, 0)
        if isolated:  # not before: a change of the user takes the mark away
            sc.prctl(sc.PR_SET_PDEATHSIG, signal.SIGKILL)

    def serve(self) -> None:
        """Fork a worker for each request, until the host hangs up."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers are reaped by the kernel; the host watches their pidfds
        if stat.S_ISREG(os.fstat(2).st_mode):
            os.dup2(1, 2)  # the start-up log is a file that the host reads and all workers would share
        kind = self.guest.Guest
        seccomp.prepare(threads=kind.needs_threads, forks=kind.forks)
        gc.collect()
        gc.freeze()
        self.control.send(json.dumps({"ready": True}).encode())
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.control, 65536, 1)
            except ConnectionResetError:
                data, fds = b"", []
            if not data:
                os._exit(0)  # the host is gone, and with the first process of their namespace all workers
            os.set_inheritable(fds[0], False)  # `recv_fds` does not pass flags on: an interpreter child would have the worker's socket
            self._spawn(json.loads(data), fds[0])

    def _spawn(self, request: dict[str, Any], fd: int) -> None:
        self.usual_seed = request["seed"]
        pid = self._fork()
        if pid == 0:
            try:
                self._become_worker(fd, request["spawn"])
            except Exception:  # noqa: BLE001 - the worker's top frame: the log is the only one left to tell
                traceback.print_exc()
            finally:
                os._exit(70)
        os.close(fd)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(self.control, [json.dumps({"spawned": True}).encode()], [pidfd])
        os.close(pidfd)

    def _fork(self) -> int:
        # A worker with an interpreter child is the first process of a namespace of its own: when it dies, the kernel kills all
        # it started. The zygote steps back afterwards, or its next child would land in there too. A worker that the host may
        # copy is not, since the copies must outlive it; they, too, die with the zygote's own namespace.
        if self.own_pids is None or not self.guest.Guest.own_pids:
            return os.fork()
        sc.unshare(sc.CLONE_NEWPID)
        pid = os.fork()
        if pid:
            sc.setns(self.own_pids, sc.CLONE_NEWPID)
        return pid

    def new_guest(self, fd: int, memory_bytes: int) -> Any:
        """The driver's, which may make itself ready for the usual seed before its session is known."""
        guest = self.guest.Guest(fd, memory_bytes, self.base_bytes)
        guest.usual_seed = self.usual_seed
        return guest

    def _become_worker(self, fd: int, memory_bytes: int) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        lockdown.before_guest(self.layers, {fd})
        guest = self.new_guest(fd, memory_bytes)
        self.layers.attempt("interpreter", guest.start)
        lockdown.after_guest(self.layers, guest)
        guest.serve(self.layers.state)


def _continue_in_child() -> None:
    # The caller's namespaces are new, but only its children live in the new process-id namespace.
    pid = os.fork()
    if pid:
        for fd in range(3, 1024):
            try:
                os.close(fd)
            except OSError:
                continue
        status = os.waitpid(pid, 0)[1]
        os._exit(os.waitstatus_to_exitcode(status) & 0x7F)


def main(kind: type[Zygote] = Zygote) -> None:
    """Import, enter, serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    options = json.loads(sys.argv[2])
    sys.path.extend(path for path in options["path"] if path not in sys.path)
    os.environ["TZ"] = "UTC0"
    time.tzset()
    guest = load_guest(options["driver"])
    guest.warm(options)
    zygote = kind(control, guest, options)
    zygote.enter_jail()
    zygote.serve()


if __name__ == "__main__":
    main()
