"""Landlock: what this process, and all it starts, may still open, connect to or signal."""

from __future__ import annotations

import ctypes
import os

from . import syscalls

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on every machine
EXECUTE, READ_FILE = 1 << 0, 1 << 2


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))


def abi() -> int:
    """The kernel's Landlock version, 0 where it has none."""
    try:
        return syscalls.raw(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def _all_rights(version: int) -> _Ruleset:
    files = (1 << 13) - 1  # ABI 1: execute to make_sym; then refer, truncate, ioctl on devices
    files |= sum(1 << bit for bit, since in ((13, 2), (14, 3), (15, 5)) if version >= since)
    # TCP bind and connect since ABI 4; abstract sockets and signals out of the domain since ABI 6.
    return _Ruleset(files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)


def restrict(readable: str | None = None) -> int:
    """Deny everything that Landlock knows, except reading and executing below `readable`. Returns the ABI used.

    Raises:
        OSError: the kernel has no Landlock, or refused.
    """
    version = abi()
    if not version:
        raise OSError("the kernel has no Landlock")
    rules = _all_rights(version)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    fd = syscalls.raw(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        if readable is not None:
            _allow(fd, readable)
        syscalls.raw(_RESTRICT, ctypes.c_int(fd), ctypes.c_uint32(0))
    finally:
        os.close(fd)
    return version


def _allow(ruleset: int, path: str) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathRule(EXECUTE | READ_FILE, parent)
        syscalls.raw(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(parent)
