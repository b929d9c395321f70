"""The few system calls that Python does not offer, through ctypes. Every failure is an OSError."""

from __future__ import annotations

import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP = 1, 4, 8, 24
PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_SET_MDWE = 38, 39, 47, 65
MDWE_REFUSE_EXEC_GAIN = 1
PR_CAP_AMBIENT_CLEAR_ALL = 4

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MACHINE = platform.machine()
# Numbers that the two supported machines do not share. Source: the kernel's unistd tables.
_CAPSET = {"x86_64": 126, "aarch64": 91}
_SECCOMP = {"x86_64": 317, "aarch64": 277}


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """`prctl(2)`; unused arguments are zero, as the kernel demands."""
    return _check(libc.prctl(option, *(ctypes.c_ulong(x) for x in (a, b, c, d))))


def raw(number: int, *arguments: object) -> int:
    """Any system call by number; the arguments are ctypes values."""
    ctypes.set_errno(0)
    return _check(libc.syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name."""
    _check(libc.unshare(ctypes.c_int(flags)))


def setns(fd: int, kind: int) -> None:
    """Enter the namespace behind `fd`."""
    _check(libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """`mount(2)`."""
    from_, type_, options = (None if text is None else os.fsencode(text) for text in (source, kind, data))
    _check(libc.mount(from_, os.fsencode(target), type_, ctypes.c_ulong(flags), options))


def capset(effective: int) -> None:
    """Set the effective and permitted capabilities to the bits of `effective`, the inheritable ones to none."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    low, high = effective & 0xFFFFFFFF, effective >> 32
    raw(_CAPSET[MACHINE], header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0))


def seccomp_filter(program: bytes, *, all_threads: bool = False, listener: bool = False) -> int:
    """Install a BPF program (8 bytes an instruction) on this thread, or on every thread of the process.

    Returns:
        With `listener`, the descriptor on which the program's questions arrive; else 0.
    """

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    code = ctypes.create_string_buffer(program, len(program))
    flags = (1 if all_threads else 0) | (8 if listener else 0)  # SECCOMP_FILTER_FLAG_TSYNC, _NEW_LISTENER
    result = raw(
        _SECCOMP[MACHINE],
        ctypes.c_uint(1),  # SECCOMP_SET_MODE_FILTER
        ctypes.c_uint(flags),
        ctypes.byref(Program(len(program) // 8, ctypes.addressof(code))),
    )
    if all_threads and result:
        raise OSError(f"thread {result} could not take the filter")
    return result
