"""A throw-away process as the auditor sees it: started with canaries of its own, watched from outside, ended with all below it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import msgspec

from ..errors import SandboxUnavailable
from .attempts import Attempt
from .canaries import Canaries, planted
from .channel import Channel
from .evidence import Evidence, Message, Order, Request
from .judging import Seen
from .processes import below, forget_peak, memory_bytes, peak_bytes

TICK_SECONDS = 0.015
READY_SECONDS = 120.0
GUARD_SECONDS = 90.0
"""After which a host that does not come back is given up."""
CONTROL_GUARD_SECONDS = 3.0
MUCH_BYTES = 64 * 2**20
"""Growth from which on memory is measured exactly, which takes longer."""


class Stand:
    """One throw-away process with canaries of its own. `close` ends it and all that it started.

    Args:
        jailed: cells run in a jail of ours; see `overseen`.
    """

    def __init__(self, order: Order, *, is_control: bool = False, jailed: bool = False) -> None:
        self.order = order
        self._stack = ExitStack()
        self._canaries: Canaries = self._stack.enter_context(planted())
        told = self._canaries.planted
        # What no text that comes out may name. Interpreters of other processes have paths of their own.
        self._paths = {sysconfig.get_path("purelib"), str(Path(__file__).parents[2])}
        self._folder = str(Path(told.folder).parent)
        self._log = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack is the context
        self._program = "overseen" if jailed else "stand"
        self._guard = CONTROL_GUARD_SECONDS if is_control else GUARD_SECONDS

    def started(self) -> Self:
        """Itself, once it stands.

        Raises:
            SandboxUnavailable: it does not.
        """
        told = self._canaries.planted
        mine, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"cellblock.audit.{self._program}", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, told.variable: told.in_variable},
            start_new_session=True,
        )
        theirs.close()
        self._stack.callback(mine.close)
        self._stack.callback(self._end)
        self._channel = Channel(mine)
        try:
            self._channel.send(msgspec.structs.replace(self.order, planted=told))
            message = self._channel.receive(Message, READY_SECONDS)
        except (OSError, ValueError) as error:
            self._stack.close()
            raise SandboxUnavailable(f"the audit's process did not start ({type(error).__name__})") from error
        if message is None or not message.ready:
            said = message.unavailable if message else self._last_line()
            self._stack.close()
            raise SandboxUnavailable(said or "the audit's process died at once")
        return self

    def close(self) -> None:
        """End it and all below it."""
        self._stack.close()

    def make(self, attempt: Attempt) -> Seen:
        """One attempt, watched until it is over, or the process is, or its time."""
        watched = _Watched(self._process.pid)
        evidence, died = None, None
        with suppress(OSError):
            self._channel.send(Request(attempt=_plain(attempt), id=attempt.id))
        while evidence is None and died is None and watched.seconds < self._guard:
            try:
                message = self._channel.receive(Message, TICK_SECONDS)
            except TimeoutError:
                watched.look()
                continue
            except (ValueError, OSError) as error:  # the attempt got hold of the channel
                died = f"its messages are not as they should be: {type(error).__name__}"
                break
            if message is None:
                died = self._how_it_died()
            elif message.began:
                watched.begin()
            else:
                evidence = message.evidence
        watched.look()
        watched.look_back()
        if watched.seconds >= self._guard:
            self._end()
        return self._seen(attempt, evidence, died, watched)

    def _seen(self, attempt: Attempt, evidence: Evidence | None, died: str | None, watched: _Watched) -> Seen:
        # An attempt that names a canary has its path from us.
        paths = (
            self._paths if any(mark in str(attempt.source) for mark in ("@FILE@", "@SECDIR@", "@TOUCH@")) else {*self._paths, self._folder}
        )
        leaked = []
        for came in evidence.came if evidence else []:
            found = [*self._canaries.in_text(came.text), *(f"the host's path {path}" for path in paths if path in came.text)]
            leaked += [f"{what} in a text ({came.what}) of session {came.session}" for what in found]
        return Seen(
            evidence=evidence,
            tripped=self._canaries.tripped(),
            leaked=leaked,
            died=died,
            seconds=watched.seconds,
            memory_bytes=watched.most,
        )

    def _how_it_died(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            status = self._process.wait(5)
            return signal.Signals(-status).name if status < 0 else f"exit status {status}; {self._last_line()}"
        return "it hung up"

    def _last_line(self) -> str:
        self._log.seek(0)
        lines = self._log.read()[-2_000:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def _end(self) -> None:
        if self._process.poll() is not None:
            return  # its number may be another's by now
        # Below first: what is left of the tree belongs to nobody once its root has gone.
        for pid in [*below(self._process.pid), self._process.pid]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


class _Watched:
    """Memory of a tree of processes, from the moment at which an attempt begins."""

    def __init__(self, pid: int) -> None:
        self._pid, self._started = pid, time.monotonic()
        self._ordinary: tuple[int, int] | None = None
        self._resident = 0
        self.most = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def begin(self) -> None:
        self._ordinary = self._held(exact=False), self._held(exact=True)
        self._resident = forget_peak(self._pid)

    def look(self) -> None:
        if self._ordinary is None:
            return
        grown = self._held(exact=False) - self._ordinary[0]
        if grown > MUCH_BYTES:  # copies share pages, which the quick count has several times
            grown = self._held(exact=True) - self._ordinary[1]
        self.most = max(self.most, grown)

    def look_back(self) -> None:
        """At the host alone: the kernel knows the most that it held, also between two looks."""
        if self._resident:
            self.most = max(self.most, peak_bytes(self._pid) - self._resident)

    def _held(self, *, exact: bool) -> int:
        return memory_bytes([self._pid, *below(self._pid)], exact=exact)


def _plain(attempt: Attempt) -> dict[str, object]:
    made: dict[str, object] = msgspec.to_builtins(attempt)
    made.pop("id")
    return made
