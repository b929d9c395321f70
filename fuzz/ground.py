"""What the targets stand on: an event loop that is watched, sessions, clocks, and the processes that were started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import reprlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Container, Iterator
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from cellblock import ExecLimits
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import close_all

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "sandboxes"), str(ROOT / "tests"), str(ROOT / "tests" / "proxy")]

if "CELLBLOCK_CACHE" not in os.environ and (ROOT / ".cache" / "cellblock").exists():
    os.environ["CELLBLOCK_CACHE"] = str(ROOT / ".cache" / "cellblock")  # where the tests have their compiled guest

from responsive import STALL_SECONDS  # noqa: E402 - what the tests know of stalls

SLOW_SECONDS = 0.1
"""Of processor time in the host for one bounded input."""
CANARY = "the-secret-of-the-host"
TENANT_CANARY = "the-secret-of-another-tenant"
LIMITS = ExecLimits(wall_seconds=0.3, host_calls=50)
"""Of cells that may not end."""
PATIENT = ExecLimits(wall_seconds=20.0)
"""Of everything else: whatever the load, none of it is to be passed."""
LATE_SECONDS = 1.0
"""A cell may outlive its limits by no more."""
_SHOWN_ITEMS = 20_000
_LOOK_SECONDS = 0.005
_END_SECONDS = 5.0
_PR_SET_CHILD_SUBREAPER = 36


class TooSlow(BaseException):
    """Something took too long. A busy neighbour can do that too: it counts only if it happens again and again, see `slices`.

    It is no Exception: Hypothesis would try to make its example smaller, and measure hundreds of times.
    """


class Late(Exception):
    """What a coroutine raises instead: an event loop does not survive the other one."""


def _work_of_known_length() -> float:
    started = time.thread_time()
    items: list[object] = []
    for number in range(20_000):
        items.append([number])
    return time.thread_time() - started


_UNHURRIED = min(_work_of_known_length() for _ in range(10))


def slowness() -> float:
    """How many times slower than at the start this processor is just now, at least 1: its neighbours share its caches and its pipelines."""
    return max(1.0, min(_work_of_known_length() for _ in range(3)) / _UNHURRIED)


def quickly(work: Callable[..., T], *args: Any) -> T:
    """What `work` gives.

    Raises:
        TooSlow: it took too much processor time.
    """
    started = time.thread_time()
    found = work(*args)
    if (taken := time.thread_time() - started) > SLOW_SECONDS and taken / slowness() > SLOW_SECONDS:
        raise TooSlow(f"{taken:.2f} s of processor time in the host")
    return found


def clock() -> float:
    """Seconds, without those that any thread of this process waited for a processor: it may have held the lock that ours waits for."""
    waited = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            waited += int(path.read_text().split()[1])
    return time.perf_counter() - waited / 1e9


class Ground:
    """One slice's surroundings. `wait` runs a coroutine in the watched event loop.

    Attributes:
        sandbox: the one that is under test; empty where none is.
        example: the one that is under test.
        examples: how many were tried.
    """

    def __init__(self, sandbox: str = "", note: Path | None = None) -> None:
        self.sandbox, self.note = sandbox, note
        self.example: Any = None
        self.examples = 0
        self.session: Session | None = None
        self.state: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()
        self._portal: BlockingPortal | None = None
        self._note = os.open(note, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600) if note else -1

    def __enter__(self) -> Ground:
        """Orphans of orphans become children of this process, so that none can hide."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        os.environ["CELLBLOCK_CANARY"] = CANARY
        self._others = frozenset(children(os.getpid()))
        return self

    def __exit__(self, *args: object) -> None:
        """End everything; what does not end is a find."""
        self.drop()
        self._stack.close()
        if self._note >= 0:
            os.close(self._note)
        if self._portal is not None:
            close_all()
            left = leftover_processes(self._others)
            assert not left, f"processes are left over: {left}"

    def later(self, work: Callable[[], object]) -> None:
        """Do that in the end."""
        self._stack.callback(work)

    def trying(self, example: Any) -> None:
        """Note which example comes next: if this process dies of it, somebody else reads the note."""
        self.example = example
        self.examples += 1
        if self._note >= 0:
            text = shown(example).encode("utf-8", "backslashreplace")
            os.ftruncate(self._note, os.pwrite(self._note, text, 0))

    def wait(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the coroutine gives.

        Raises:
            TooSlow: the event loop stood still meanwhile.
        """
        if self._portal is None:
            self._portal = self._stack.enter_context(start_blocking_portal())
        stalls: list[float] = []
        try:
            found = self._portal.call(watched, work, stalls.append)
        except Late as late:
            raise TooSlow(str(late)) from None
        if stalls:
            raise TooSlow(stood_still(stalls[0]))
        return found

    def opened(self, **options: Any) -> Session:
        """The session that the examples share, until one of them spoils it."""
        if self.session is None:
            self.session = self.wait(lambda: open_session(self.sandbox, limits=PATIENT, **options))
        return self.session

    def drop(self) -> None:
        """End the shared session."""
        if self.session is not None:
            session, self.session = self.session, None
            self.wait(session.aclose)


async def watched(work: Callable[[], Awaitable[T]], stalled: Callable[[float], object]) -> T:
    """What the coroutine gives, or raises.

    Args:
        stalled: told for how many seconds the event loop stood still while it ran, if that was for longer than it may.
    """
    gaps, last = [0.0], clock()

    async def watch() -> None:
        nonlocal last
        while True:
            await anyio.sleep(_LOOK_SECONDS)
            now = clock()
            gaps.append(now - last - _LOOK_SECONDS)
            last = now

    failure: BaseException | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            found = await work()
        except Exception as error:
            failure = error  # raised below: a group would wrap it
        group.cancel_scope.cancel()
    longest = max(*gaps, clock() - last - _LOOK_SECONDS)
    if longest > STALL_SECONDS and longest / slowness() > STALL_SECONDS:
        stalled(longest)
    if failure is not None:
        raise failure
    return found


def stood_still(seconds: float) -> str:
    """What to say of it."""
    return f"the event loop stood still for {seconds:.2f} s"


def shown(example: Any) -> str:
    """The example as Python writes it, or its beginning: a list that holds another one twice, and so on, has no end."""
    try:
        return repr(example) if _is_small(example) else reprlib.repr(example)
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        return f"<{type(example).__name__} that cannot be shown ({type(error).__name__})>"


def _is_small(example: Any) -> bool:
    left, waiting = _SHOWN_ITEMS, [example]
    while waiting and left:
        left -= 1
        item = waiting.pop()
        if type(item) in (list, tuple, dict):
            waiting += item.values() if type(item) is dict else item
    return not waiting


def children(pid: int, but: Container[int] = ()) -> Iterator[int]:
    """All processes below that one, without some and those below them."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                if child not in but:
                    yield child
                    yield from children(child, but)


def leftover_processes(others: Container[int] = (), seconds: float = _END_SECONDS) -> list[str]:
    """The processes below this one that do not end by themselves. They are killed, so that the next one finds none.

    Args:
        others: whose these and all below them are: they were there before.
    """
    ends = time.monotonic() + seconds
    while True:
        left = [pid for pid in children(os.getpid(), others) if not _reaped(pid)]
        if not left or time.monotonic() > ends:
            break
        time.sleep(0.01)
    names = [f"{pid} {_command(pid)}" for pid in left]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return names


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:100]
    except OSError:
        return "?"
