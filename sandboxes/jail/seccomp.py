"""System-call filters: one that an interpreter child inherits across exec, and a strict one for the worker itself."""

from __future__ import annotations

import ctypes
import errno
import struct
from functools import cache

from . import syscalls

KILL, ERRNO, ASK, ALLOW = 0x80000000, 0x00050000, 0x7FC00000, 0x7FFF0000
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NR, _ARCH = 0, 4
_ARGUMENTS = 16
PROT_WRITE, PROT_EXEC = 2, 4
MAP_SHARED_ANONYMOUS, MAP_GROWSDOWN = 0x21, 0x100
CLONE_THREAD = 0x10000
FCNTL_COMMANDS = (0, 1, 2, 3, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC. Others seal files, change the host's end of shared ones, or send signals."""
FORK_FLAGS = 0x01200011
"""What `fork` of the C library passes to clone: SIGCHLD, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID; no thread, no shared memory."""
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Source: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux 6.18.
_X86 = """read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13
rt_sigprocmask=14 rt_sigreturn=15 ioctl=16 pread64=17 readv=19 writev=20 access=21 pipe=22 sched_yield=24 mremap=25
madvise=28 dup=32 dup2=33 nanosleep=35 getpid=39 sendto=44 recvfrom=45 sendmsg=46 recvmsg=47 shutdown=48 getsockname=51
getpeername=52 socketpair=53 setsockopt=54 getsockopt=55 clone=56 fork=57 vfork=58 execve=59 exit=60 wait4=61 kill=62
uname=63 fcntl=72 getcwd=79 readlink=89 gettimeofday=96 getrlimit=97 getrusage=98 sysinfo=99 getuid=102 getgid=104
geteuid=107 getegid=108 getppid=110 setsid=112 rt_sigtimedwait=128 sigaltstack=131 arch_prctl=158 prctl=157 gettid=186 time=201 futex=202
sched_getaffinity=204 getdents64=217 set_tid_address=218 restart_syscall=219 clock_gettime=228 clock_getres=229
clock_nanosleep=230 exit_group=231 epoll_wait=232 epoll_ctl=233 tgkill=234 waitid=247 openat=257 newfstatat=262
readlinkat=267 faccessat=269 ppoll=271 set_robust_list=273 epoll_pwait=281 eventfd2=290 epoll_create1=291 dup3=292 pipe2=293
prlimit64=302 seccomp=317 getrandom=318 membarrier=324 statx=332 rseq=334 pidfd_send_signal=424 pidfd_open=434 clone3=435
close_range=436 openat2=437 faccessat2=439 epoll_pwait2=441"""
_ARM = """read=63 write=64 close=57 fstat=80 lseek=62 mmap=222 mprotect=226 munmap=215 brk=214 rt_sigaction=134 rt_sigprocmask=135
rt_sigtimedwait=137 rt_sigreturn=139 ioctl=29 pread64=67 readv=65 writev=66 sched_yield=124 mremap=216 madvise=233 dup=23 nanosleep=101
getpid=172 sendto=206 recvfrom=207 sendmsg=211 recvmsg=212 shutdown=210 getsockname=204 getpeername=205 socketpair=199
setsockopt=208 getsockopt=209 clone=220 execve=221 exit=93 wait4=260 kill=129 uname=160 fcntl=25 getcwd=17 gettimeofday=169
getrlimit=163 getrusage=165 sysinfo=179 getuid=174 getgid=176 geteuid=175 getegid=177 getppid=173 setsid=157 sigaltstack=132
prctl=167 gettid=178 futex=98 sched_getaffinity=123 getdents64=61 set_tid_address=96 restart_syscall=128 clock_gettime=113
clock_getres=114 clock_nanosleep=115 exit_group=94 epoll_ctl=21 tgkill=131 waitid=95 openat=56 newfstatat=79 readlinkat=78
faccessat=48 ppoll=73 set_robust_list=99 epoll_pwait=22 eventfd2=19 epoll_create1=20 dup3=24 pipe2=59 prlimit64=261
seccomp=277 getrandom=278 membarrier=283 statx=291 rseq=293 pidfd_send_signal=424 pidfd_open=434 clone3=435 close_range=436
openat2=437 faccessat2=439 epoll_pwait2=441"""
NUMBERS = {
    machine: {name: int(number) for name, number in (pair.split("=") for pair in table.split())}
    for machine, table in (("x86_64", _X86), ("aarch64", _ARM))
}

# What running Python and Rust code needs once it is loaded: memory, clocks, locks, and the pipes it already holds.
# Mapping a file takes fstat and fcntl; `newfstatat` is fstat in newer C libraries (the root that it could probe is empty).
RUNNING = [
    "read",
    "write",
    "readv",
    "writev",
    "close",
    "poll",
    "ppoll",
    "munmap",
    "brk",
    "mremap",
    "madvise",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",  # how a worker's main thread waits for interrupts while the guest runs on another
    "sigaltstack",
    "sched_yield",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "getpid",
    "gettid",
    "getuid",
    "getgid",
    "geteuid",
    "getegid",
    "recvfrom",
    "recvmsg",
    "fstat",
    "newfstatat",
    "fcntl",
    "futex",
    "exit",
    "exit_group",
    "getrandom",
    "getrusage",
    "restart_syscall",
    "set_robust_list",
    "rseq",
    "pread64",
    "sched_getaffinity",
    "membarrier",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "wait4",
    "waitid",
]
# What starting a program adds. `sendmsg` is how socketpair ends speak; no socket can be made that reaches anything.
STARTING = [
    "execve",
    "openat",
    "open",
    "access",
    "faccessat",
    "faccessat2",
    "stat",
    "lstat",
    "statx",
    "lseek",
    "readlink",
    "readlinkat",
    "ioctl",
    "getdents64",
    "getcwd",
    "uname",
    "sysinfo",
    "getrlimit",
    "prlimit64",
    "arch_prctl",
    "set_tid_address",
    "prctl",
    "pipe",
    "pipe2",
    "dup",
    "dup2",
    "dup3",
    "eventfd2",
    "epoll_create1",
    "socketpair",
    "sendto",
    "sendmsg",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "vfork",
    "fork",
    "getppid",
    "pidfd_open",
    "setsid",
    "seccomp",
    "close_range",
]
# Harmless when refused: libraries ask for these and live with a "no".
REFUSED = [
    "open",
    "openat",
    "openat2",
    "stat",
    "lstat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "ioctl",
    "lseek",
    "uname",
    "sysinfo",
    "getrlimit",
    "prlimit64",
    "fork",
    "vfork",
    "tgkill",
    "kill",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "sendto",
    "prctl",
    "pidfd_send_signal",
    "shutdown",
    "sendmsg",
]

Instruction = tuple[int, int, int, int]


class _Program:
    """A filter under construction: straight-line checks, each ends in a verdict or falls through."""

    def __init__(self) -> None:
        machine = syscalls.MACHINE
        if machine not in NUMBERS:
            raise OSError(errno.ENOSYS, f"no system-call table for {machine}")
        self.numbers = NUMBERS[machine]
        self.code: list[Instruction] = [
            (_LOAD, 0, 0, _ARCH),
            (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
            (_RETURN, 0, 0, KILL),
            (_LOAD, 0, 0, _NR),
        ]
        if machine == "x86_64":  # the x32 numbering would walk around every check below
            self.code += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, KILL)]

    def rule(self, names: list[str], verdict: int) -> None:
        for name in names:
            if name in self.numbers:
                self.code += [(_EQUAL, 0, 1, self.numbers[name]), (_RETURN, 0, 0, verdict)]

    def unless_bits(self, name: str, argument: int, bits: int, verdict: int) -> None:
        """Verdict when any of `bits` is set in that argument; else fall through. Reloads the number afterwards."""
        self.code += [
            (_EQUAL, 0, 4, self.numbers[name]),
            (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
            (_ANY_BIT, 0, 1, bits),
            (_RETURN, 0, 0, verdict),
            (_LOAD, 0, 0, _NR),
        ]

    def when_all(self, name: str, argument: int, bits: int, verdict: int) -> None:
        """Verdict when all of `bits` are set in that argument; else fall through."""
        self.code += [
            (_EQUAL, 0, 5, self.numbers[name]),
            (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
            (0x54, 0, 0, bits),  # A &= bits
            (_EQUAL, 0, 1, bits),
            (_RETURN, 0, 0, verdict),
            (_LOAD, 0, 0, _NR),
        ]

    def exactly(self, name: str, argument: int, value: int, verdict: int) -> None:
        """Verdict when the low half of that argument is `value`; else fall through."""
        self.code += [
            (_EQUAL, 0, 4, self.numbers[name]),
            (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
            (_EQUAL, 0, 1, value),
            (_RETURN, 0, 0, verdict),
            (_LOAD, 0, 0, _NR),
        ]

    def from_address(self, name: str, address: int, verdict: int) -> None:
        """Verdict when the first argument is not below `address`, to 4 GiB; else fall through."""
        self.code += [
            (_EQUAL, 0, 4, self.numbers[name]),
            (_LOAD, 0, 0, _ARGUMENTS + 4),
            (_AT_LEAST, 0, 1, address >> 32),
            (_RETURN, 0, 0, verdict),
            (_LOAD, 0, 0, _NR),
        ]

    def no_stacks(self) -> None:
        """Memory that the kernel takes for a stack escapes RLIMIT_DATA: no new one, and the one there is does not move and grow."""
        self.unless_bits("mmap", 3, MAP_GROWSDOWN, ERRNO | errno.EPERM)
        self.from_address("mremap", _lowest_stack(), ERRNO | errno.EPERM)

    def bytes(self, default: int) -> bytes:
        self.code.append((_RETURN, 0, 0, default))
        return b"".join(struct.pack("HBBI", *instruction) for instruction in self.code)


def _lowest_stack() -> int:
    # AT_RANDOM lies on the stack. An interpreter child's own is placed anew, at most 16 GiB lower; see stack_maxrandom_size
    # in the kernel. Ordinary memory lies below; where it comes near, the C library copies instead of remapping.
    syscalls.libc.getauxval.restype = ctypes.c_ulong
    at_random: int = syscalls.libc.getauxval(ctypes.c_ulong(25))
    return at_random - 16 * 2**30 - 32 * 2**20


@cache
def inherited() -> bytes:
    """For a worker that still has to start its interpreter, and for that interpreter for ever.

    Programs may be loaded and threads made. No network, no debugging, no mounts, no new namespaces, no memory that is
    or becomes executable unless it is mapped from a file. Everything else is refused with EPERM.
    """
    program = _Program()
    program.when_all("mmap", 3, MAP_SHARED_ANONYMOUS, ERRNO | errno.EPERM)
    program.when_all("mmap", 2, PROT_WRITE | PROT_EXEC, KILL)
    program.no_stacks()
    program.unless_bits("mprotect", 2, PROT_EXEC, KILL)
    program.rule(["clone3"], ERRNO | errno.ENOSYS)  # its flags are behind a pointer; libraries fall back to clone
    program.unless_bits("clone", 0, 0x7E020000, ERRNO | errno.EPERM)  # every CLONE_NEW* flag
    program.rule(["mmap", "mprotect", "clone"], ALLOW)
    program.rule(RUNNING, ALLOW)
    program.rule(STARTING, ALLOW)
    return program.bytes(ERRNO | errno.EPERM)


@cache
def gate() -> bytes:
    """Every fork waits until the holder of this filter's listener allows it; all else is for the other filters to decide."""
    program = _Program()
    program.exactly("clone", 0, FORK_FLAGS, ASK)
    return program.bytes(ALLOW)


@cache
def strict(*, threads: bool = False, forks: bool = False) -> bytes:
    """For a worker that has everything it needs: memory, clocks, its own pipes and its one socket. Anything else kills it.

    Args:
        threads: it may still make threads.
        forks: it may fork where `gate` lets it; without that filter nobody would ask.
    """
    program = _Program()
    program.when_all("mmap", 3, MAP_SHARED_ANONYMOUS, KILL)
    program.unless_bits("mmap", 2, PROT_EXEC, KILL)
    program.no_stacks()
    program.unless_bits("mprotect", 2, PROT_EXEC, KILL)
    program.rule(["mmap", "mprotect"], ALLOW)
    for command in FCNTL_COMMANDS:
        program.exactly("fcntl", 1, command, ALLOW)
    program.rule(["fcntl"], ERRNO | errno.EPERM)
    program.rule(["clone3"], ERRNO | errno.ENOSYS)
    if threads:
        program.when_all("clone", 0, CLONE_THREAD, ALLOW)
    if forks:
        program.exactly("clone", 0, FORK_FLAGS, ALLOW)
    program.rule(RUNNING, ALLOW)
    program.rule([*REFUSED, "clone"], ERRNO | errno.EPERM)
    return program.bytes(KILL)


def prepare(*, threads: bool, forks: bool) -> None:
    """Assemble the programs that workers will take, once, before they are forked: it takes a millisecond or two."""
    inherited()
    strict(threads=threads, forks=forks)
    if forks:
        gate()
