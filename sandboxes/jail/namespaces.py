"""Namespaces, an almost empty root, and the user that workers run as."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from . import syscalls as sc

NOBODY = 65534
CAP_SYS_ADMIN = 1 << 21
_BIND, _REC, _PRIVATE, _READONLY, _REMOUNT, _NOSUID, _NODEV = 4096, 16384, 1 << 18, 1, 32, 2, 4
_KEPT_FLAGS = 2 | 4 | 8 | 1024 | 2048  # nosuid nodev noexec noatime nodiratime: equal in statvfs and mount
_ST_RELATIME, _MS_RELATIME = 4096, 1 << 21


@dataclass
class Layers:
    """Each layer as it really is: `on`, or why not."""

    state: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, action: object, *arguments: object) -> bool:
        """Do it and note how it went. Only the operating system's "no" counts as an answer."""
        try:
            action(*arguments)  # type: ignore[operator]
        except OSError as error:
            self.state[name] = f"off: {error.strerror or error}"
            return False
        self.state[name] = "on"
        return True


def leave_host(layers: Layers) -> bool:
    """Leave the host's namespaces. True if that worked; the next child is then the first of a process-id namespace."""
    return layers.attempt("namespaces", _unshare)


def change_root(layers: Layers, files: dict[str, str], root: str) -> None:
    """Replace the file system by an empty read-only one that holds `files` alone.

    Args:
        files: path inside the new root to path outside; directories are made as needed.
        root: an empty directory, the mount point.
    """
    if layers.state["namespaces"] == "on":
        layers.attempt("root", _change_root, files, root)
    else:
        layers.state["root"] = "off: needs namespaces"


def _unshare() -> None:
    flags = sc.CLONE_NEWNET | sc.CLONE_NEWIPC | sc.CLONE_NEWUTS | sc.CLONE_NEWNS | sc.CLONE_NEWPID
    if os.getuid() == 0:
        try:
            sc.unshare(flags)
            return
        except OSError:  # root in a container without CAP_SYS_ADMIN: a user namespace may still be allowed
            pass
    uid, gid = os.getuid(), os.getgid()
    sc.unshare(sc.CLONE_NEWUSER | flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _change_root(files: dict[str, str], root: str) -> None:
    sc.mount(None, "/", None, _REC | _PRIVATE)
    sc.mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for inside, outside in files.items():
        target = root + inside
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
        sc.mount(outside, target, None, _BIND)
        sc.mount(None, target, None, _REMOUNT | _BIND | _READONLY | _locked_flags(target))
    sc.mount(None, root, None, _REMOUNT | _BIND | _READONLY | _NOSUID | _NODEV)
    os.chroot(root)
    os.chdir("/")


def _locked_flags(path: str) -> int:
    # In a user namespace the flags of the original mount are locked: a remount that drops one is refused.
    flags = os.statvfs(path).f_flag
    return (flags & _KEPT_FLAGS) | (_MS_RELATIME if flags & _ST_RELATIME else 0)


def become_nobody(*, keep_sys_admin: bool) -> None:
    """Give up root for `nobody`; keep CAP_SYS_ADMIN alone where the zygote still has to make namespaces."""
    _empty_bounding_set()
    if os.getuid() == 0:
        if keep_sys_admin:
            sc.prctl(sc.PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if keep_sys_admin:
        sc.capset(CAP_SYS_ADMIN)


def drop_capabilities() -> None:
    """Empty every capability set of this process, for good."""
    sc.capset(0)
    sc.prctl(sc.PR_CAP_AMBIENT, sc.PR_CAP_AMBIENT_CLEAR_ALL)


def _empty_bounding_set() -> None:
    for capability in range(64):
        try:
            sc.prctl(sc.PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one that this kernel knows, or not ours to drop: no_new_privs covers that
            return
