"""A command with a bounded answer and a group of its own, which is gone when the call is over, however it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

_BLOCK = 2**16


class TooLong(Exception):
    """The command wrote more than is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What a command did."""

    status: int
    """Its exit status; below 0 the signal that ended it."""
    stdout: bytes
    stderr: bytes
    """Its first part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What is run: no shell, and nothing of the environment but what is named."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """Where it stands."""
    stdout_bytes: int
    """A longer answer is an error."""
    stderr_bytes: int
    """More is dropped."""


async def finished(command: Command, stdin: bytes) -> Finished:
    """Run `command` to its end. Cancellable at any point; then, as at every end, its whole group is killed.

    Raises:
        OSError: it cannot be started.
        TooLong: it wrote more than `stdout_bytes`.
    """
    process = _started(command, stdin)
    with process:
        assert process.stdout is not None and process.stderr is not None
        outputs = _Output(process.stdout.fileno(), command.stdout_bytes), _Output(process.stderr.fileno(), command.stderr_bytes)
        try:
            await _watched(process.pid, *outputs)
        finally:
            # Nobody has waited for it yet, so that its number is still its own, and its group's.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for output in outputs:
            output.drain()
    if outputs[0].is_over:
        raise TooLong(f"more than {command.stdout_bytes:,} bytes")
    return Finished(status=process.returncode, stdout=bytes(outputs[0].data), stderr=bytes(outputs[1].data))


def _started(command: Command, stdin: bytes) -> subprocess.Popen[bytes]:
    # A file, not a pipe: a command that does not read its input cannot hold us up.
    with open(os.memfd_create("stdin"), "w+b") as source:
        source.write(stdin)
        source.seek(0)
        return subprocess.Popen(
            list(command.arguments),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(command.environment),
            cwd=command.folder,
            start_new_session=True,
        )


class _Output:
    """One pipe from the command, and what came through it: one byte more than the limit at most."""

    def __init__(self, fd: int, limit: int) -> None:
        self.fd, self.limit, self.data = fd, limit, bytearray()
        os.set_blocking(fd, False)

    @property
    def is_over(self) -> bool:
        return len(self.data) > self.limit

    def read(self) -> bool:
        """Take what is there; False at the end of the pipe."""
        block = os.read(self.fd, _BLOCK)
        self.data += block[: self.limit + 1 - len(self.data)]
        return bool(block)

    def drain(self) -> None:
        """Take what the command left in the pipe, and not wait for those who still hold it."""
        with contextlib.suppress(BlockingIOError):
            while not self.is_over and self.read():
                pass


async def _watched(pid: int, stdout: _Output, stderr: _Output) -> None:
    """Return when the command has ended, or has said too much. It stays unreaped."""
    pidfd = os.pidfd_open(pid)
    try:
        async with anyio.create_task_group() as readers:
            readers.start_soon(_read, stdout, readers.cancel_scope)
            readers.start_soon(_read, stderr, None)
            # Its end counts, and not that of the pipes, which a process of its own may hold for longer.
            await anyio.wait_readable(pidfd)
            readers.cancel_scope.cancel()
    finally:
        os.close(pidfd)


async def _read(output: _Output, enough: anyio.CancelScope | None) -> None:
    while True:
        await anyio.wait_readable(output.fd)
        try:
            if not output.read():
                return
        except BlockingIOError:
            continue
        if enough is not None and output.is_over:
            enough.cancel()
