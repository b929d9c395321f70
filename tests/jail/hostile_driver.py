"""A guest whose wall 1 is broken: native code with everything that a locked worker has. It reports in its hello."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec

libc = ctypes.CDLL(None, use_errno=True)
ATTACKS: dict[str, Callable[[dict[str, Any]], object]] = {}
FATAL: dict[str, Callable[[dict[str, Any]], object]] = {}
NATIVE = "/bin/native"
OPTIONS: dict[str, Any] = {}


def attack(function: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    ATTACKS[function.__name__] = function
    return function


def fatal(function: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """The filter answers it with death, so each runs in a worker of its own."""
    FATAL[function.__name__] = function
    return function


def call(name: str, *arguments: object) -> int:
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


@attack
def read_secret_file(options: dict[str, Any]) -> object:
    with open(options["secret_file"]) as file:
        return file.read()


@attack
def read_through_proc(options: dict[str, Any]) -> object:
    with open(f"/proc/{options['host_pid']}/root{options['secret_file']}") as file:
        return file.read()


@attack
def list_root(options: dict[str, Any]) -> object:
    return os.listdir("/")


@attack
def read_own_interpreter(options: dict[str, Any]) -> object:
    with open("/bin/native", "rb") as file:
        return file.read(4)


@attack
def write_file(options: dict[str, Any]) -> object:
    with open("/written", "w") as file:
        return file.write("x")


@fatal
def write_through_standard_error(options: dict[str, Any]) -> object:
    for fd in (0, 1, 2):
        os.ftruncate(fd, 10**6)
    return "grew"


@attack
def read_environment(options: dict[str, Any]) -> object:
    if options["secret_variable"] in os.environ:
        return os.environ[options["secret_variable"]]
    raise PermissionError("no such variable")


@attack
def fork(options: dict[str, Any]) -> object:
    return os.fork()


@fatal
def start_program(options: dict[str, Any]) -> object:
    return subprocess.run(["/bin/true"]).returncode


@attack
def start_thread(options: dict[str, Any]) -> object:
    import _thread

    return _thread.start_new_thread(lambda: None, ())


@attack
def signal_host(options: dict[str, Any]) -> object:
    return os.kill(options["host_pid"], 0) or "signalled"


@attack
def signal_everyone(options: dict[str, Any]) -> object:
    return os.kill(-1, signal.SIGKILL) or "signalled"


@attack
def raise_own_limits(options: dict[str, Any]) -> object:
    return resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)) or "raised"


@attack
def allocate_beyond_the_limit(options: dict[str, Any]) -> object:
    block = mmap.mmap(-1, 4 * 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return len(block)


@attack
def allocate_by_bytes(options: dict[str, Any]) -> object:
    return len(bytearray(2 * 2**30))


@attack
def become_traceable(options: dict[str, Any]) -> object:
    return call("prctl", 4, 1, 0, 0, 0) or "traceable"


@fatal
def make_socket(options: dict[str, Any]) -> object:
    return socket.socket().fileno()


@fatal
def connect_to_host(options: dict[str, Any]) -> object:
    peer = socket.socket()
    peer.settimeout(1)
    return peer.connect(("127.0.0.1", options["port"])) or "connected"


@fatal
def udp_to_host(options: dict[str, Any]) -> object:
    return socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", options["port"]))


@fatal
def trace_host(options: dict[str, Any]) -> object:
    return call("ptrace", 0x4206, options["host_pid"], 0, 0) or "attached"


@fatal
def read_host_memory(options: dict[str, Any]) -> object:
    return call("process_vm_readv", options["host_pid"], None, 0, None, 0, 0)


@fatal
def executable_memory(options: dict[str, Any]) -> object:
    libc.mmap.restype = ctypes.c_void_p
    return libc.mmap(None, 4096, 7, 0x22, -1, 0)


@fatal
def make_memory_executable(options: dict[str, Any]) -> object:
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return call("mprotect", ctypes.c_void_p(address), 4096, 5) or "executable"


@fatal
def shared_memory_beyond_the_limit(options: dict[str, Any]) -> object:
    return len(mmap.mmap(-1, 4 * 2**30))  # shared and anonymous: no rlimit counts it


@fatal
def memory_that_grows_downwards(options: dict[str, Any]) -> object:
    libc.mmap.restype = ctypes.c_long  # a stack to the kernel, so RLIMIT_DATA does not count it
    return call("mmap", None, ctypes.c_size_t(4 * 2**30), 3, 0x122, -1, 0)


@attack
def grow_the_stack_in_place_of_the_heap(options: dict[str, Any]) -> object:
    libc.getauxval.restype, libc.mremap.restype = ctypes.c_ulong, ctypes.c_long
    page = libc.getauxval(ctypes.c_ulong(25)) & ~4095
    return call("mremap", ctypes.c_void_p(page), ctypes.c_size_t(4096), ctypes.c_size_t(2**30), 1)


@attack
def page_tables_beyond_the_limit(options: dict[str, Any]) -> object:
    return len(mmap.mmap(-1, 2**40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ))


@attack
def write_to_the_log_that_all_workers_share(options: dict[str, Any]) -> object:
    if os.path.sameopenfile(1, 2):
        raise PermissionError("both are /dev/null")
    return "a file"


@fatal
def memory_file(options: dict[str, Any]) -> object:
    return os.memfd_create("x")


@fatal
def new_namespace(options: dict[str, Any]) -> object:
    return call("unshare", 0x10000000) or "unshared"


@fatal
def mount(options: dict[str, Any]) -> object:
    return call("mount", b"proc", b"/", b"proc", 0, None) or "mounted"


@fatal
def change_root(options: dict[str, Any]) -> object:
    return os.chroot("/") or "changed"


@fatal
def change_user(options: dict[str, Any]) -> object:
    return os.setuid(0) or "root"


@fatal
def io_uring(options: dict[str, Any]) -> object:
    return call("syscall", 425, 8, None)


@fatal
def wrong_architecture_number(options: dict[str, Any]) -> object:
    return call("syscall", 0x40000000 | 39)


def files(options: dict[str, Any]) -> dict[str, str]:
    OPTIONS.update(options)
    extra: dict[str, str] = {}
    if options.get("native"):
        listing = subprocess.run(["ldd", options["native"]], capture_output=True, text=True).stdout
        extra = {word: word for line in listing.splitlines() for word in line.split() if word.startswith("/")}
        extra[NATIVE] = options["native"]
    return extra | {"/dev/null": "/dev/null"}


def warm(options: dict[str, Any]) -> None:
    import _thread  # noqa: F401
    import encodings.idna  # noqa: F401


class Guest:
    needs_threads = False
    forks = False
    own_pids = True
    address_bytes = 6 * 2**30

    def __init__(self, fd: int, memory_bytes: int, base_bytes: int) -> None:
        self.fd, self.data_bytes = fd, base_bytes + memory_bytes
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if OPTIONS.get("native"):
            from jail import lockdown

            self.child = subprocess.Popen([NATIVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            lockdown.bound_child(self.child.pid, 64 * 2**20)

    def serve(self, layers: dict[str, str]) -> None:
        report = dict(layers)
        if self.child is not None:
            assert self.child.stdin and self.child.stdout
            pid = int(OPTIONS["host_pid"])
            os.write(self.child.stdin.fileno(), f"{OPTIONS['secret_file']} {OPTIONS['port']} {pid}\n".encode())
            text = b""
            while chunk := os.read(self.child.stdout.fileno(), 65536):
                text += chunk
            report |= dict(line.split(": ", 1) for line in text.decode().splitlines())
        elif (name := OPTIONS.get("fatal")) is not None:
            report |= self.attempt(name, FATAL[name])
        else:
            for name, function in ATTACKS.items():
                report |= self.attempt(name, function)
        self.send(msgspec.msgpack.encode({"t": "hello", "layers": report}))
        os.read(self.fd, 1)
        os._exit(0)

    def attempt(self, name: str, function: Callable[[dict[str, Any]], object]) -> dict[str, str]:
        try:
            return {name: f"ESCAPED: {function(OPTIONS)!r}"}
        except (OSError, MemoryError, RuntimeError, ValueError) as error:
            return {name: f"refused: {type(error).__name__}"}

    def send(self, data: bytes) -> None:
        os.write(self.fd, struct.pack("<I", len(data)) + data)


if __name__ == "__main__":
    sys.exit("this file runs inside a jail")
