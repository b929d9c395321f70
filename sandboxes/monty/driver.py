"""Wall 1, Monty: a Rust interpreter in a child process of its own, driven from here, inside the jail.

Never driven from the host: converting a guest's value can hold this process for many seconds, whatever limits are set.
"""

from __future__ import annotations

import contextlib
import datetime
import mmap
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pydantic_monty as monty
from pydantic_monty._binary import find_monty_binary

import advice
import worker
from given import ANSWER
from interpreter import Buffer, Dispatch, GuestError, OpenRequest, Outcome
from jail import lockdown
from monty.os_files import OsFiles
from names import offered
from worker import Worker

INSIDE = "/bin/monty"
MIB = 2**20
CHILD_SLACK_BYTES = 64 * MIB
"""Beside the heap, what the child may hold."""
DRIVER_SLACK_BYTES = 192 * MIB
"""Beside as much as the heap, what this process may hold: a heap that is dumped is here more than once."""
CONVERTED_BYTES = 16 * MIB
"""Beside as much as half of the heap, what this process may hold while it converts the arguments of a call."""
ADVICE = advice.of_sandbox(Path(__file__).parent)
PRELUDE = (Path(__file__).parent / "prelude.py").read_text(encoding="utf-8")
NORESERVE = 0x4000
"""`MAP_NORESERVE`, which Python has a name for since 3.12."""
FAR_PREFIX, NEAR_PREFIX = "_cb_far_", "_cb_near_"
METHOD = "_cb_call_method"
"""What the methods of a group call, with the far function's name and both kinds of arguments."""
# The interpreter counts host calls for itself; the host's own count is the one that matters.
UNLIMITED_CALLS = 2**31
_MEMORY_MESSAGE = re.compile(r"memory limit exceeded|exceeded its memory limit")


def files(options: dict[str, Any]) -> dict[str, str]:
    """What the jail's root holds: the interpreter and the libraries it is linked with."""
    binary = options.get("binary") or find_monty_binary()
    listing = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    libraries = {word for line in listing.splitlines() for word in line.split() if word.startswith("/")}
    return {INSIDE: str(Path(binary).resolve())} | {path: path for path in sorted(libraries)} | {"/dev/null": "/dev/null"}


def warm(options: dict[str, Any]) -> None:
    """Import everything that a worker needs, once, before workers are forked."""
    "a".encode("idna")
    worker.warm()


def _called_by_name(*_args: Any, **_named: Any) -> None:
    """Stands for a far function where a cell reads its name; the call itself arrives as a step, by name."""
    raise GuestError("RuntimeError", "called outside of a cell")


class MontyInterpreter:
    """One session in one `monty` child process."""

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.seed = 0
        self.pool: monty.Monty | None = None
        self.session: monty.MontySession | None = None
        self.lookup: dict[str, Any] = {}
        self.methods: frozenset[str] = frozenset()
        self.files = OsFiles()
        self.clock = datetime.datetime(1970, 1, 1)

    def start(self, usual_seed: int) -> int:
        """Spawn the child, ready for a session with that seed. Returns its process id."""
        binary = INSIDE if Path(INSIDE).exists() else find_monty_binary()
        self.pool = monty.Monty(binary_path=binary, min_processes=1, max_processes=1, checkout_timeout=5)
        self.pool.__enter__()
        self._checkout(usual_seed)
        self._feed(PRELUDE)
        assert self.session is not None
        assert self.session.worker_pid is not None
        return self.session.worker_pid

    def open(self, request: OpenRequest, inputs: dict[str, Any]) -> None:
        """Begin a fresh session with its own seed and a clock that stands still."""
        self._know(request, inputs)
        if request.seed != self.seed:
            # Not by `random.seed` in the guest: what `random.Random()` begins with follows from the seed of the checkout.
            self._checkout(request.seed)
            self._feed(PRELUDE)
        self._bind(request, frozenset())

    def load(self, request: OpenRequest, inputs: dict[str, Any], state: memoryview) -> None:
        """Become the session that was dumped."""
        self._know(request, inputs)
        self._checkout(request.seed)
        assert self.session is not None
        try:
            self.session.load_session(bytes(state))
        except (monty.MontyError, ValueError, RuntimeError) as error:
            raise GuestError("ValueError", f"it is no heap of this interpreter's ({type(error).__name__})") from None
        self._bind(request, frozenset(self.names()))

    def _bind(self, request: OpenRequest, there: frozenset[str]) -> None:
        """Bind what a session's far functions need; a name that cells have bound before the state was dumped stays theirs."""
        if ANSWER in request.far:
            self._feed("_cb_give_way()")
        groups = {name: f"_cb_group({name!r}, {methods!r})" for name, methods in offered(request.far).items() if methods}
        if groups:
            self._feed("\n".join(made if name in there else f"{name} = {made}" for name, made in groups.items()))

    def _know(self, request: OpenRequest, inputs: dict[str, Any]) -> None:
        self.clock = datetime.datetime.fromtimestamp(request.clock, datetime.UTC).replace(tzinfo=None)
        # Resolved by name when a cell reads them, so that opening a session feeds nothing to the child.
        functions = [name for name, methods in offered(request.far).items() if not methods]
        self.methods = frozenset(request.far) - frozenset(functions)
        self.files.offer(request.far)
        self.lookup = dict.fromkeys(functions, _called_by_name) | inputs
        self.lookup[METHOD] = _called_by_name

    def dump(self, *, keeps: bool = False) -> tuple[Sequence[Buffer], dict[str, str]]:
        """The child's whole heap: nothing is left behind."""
        assert self.session is not None
        return [self.session.dump()], {}

    def names(self) -> list[str]:
        """Top-level names, those of the prelude left out."""
        found: list[str] = self._feed("_cb_list(_cb_locals())")
        return found

    def get(self, name: str) -> Any:
        """A variable's value. The guest checks first that it is plain, since anything else could crash the child."""
        if not name.isidentifier() or name not in self.names():
            raise GuestError("LookupError", f"no variable named {name[:100]!r}")
        try:
            return self._feed(f"_cb_plain({name})")
        except monty.MontyError as error:
            if isinstance(error, monty.MontyCrashedError) or _MEMORY_MESSAGE.search(str(error)[:200]):
                raise GuestError("RuntimeError", f"{name} cannot be copied out: it is too large for memory_bytes") from None
            kind, _, message = str(error).partition(": ")
            raise GuestError(kind, message) from None

    def run(self, code: str, dispatch: Dispatch, *, inputs: Mapping[str, Any], write: Callable[[str], None], shows: bool) -> Outcome:
        """Run one cell to its end, answering its calls."""
        assert self.session is not None
        if (size := _longest(inputs)) * 2 > self.memory_bytes + CHILD_SLACK_BYTES:
            # The child would abort while it reads it, and the cell would not hear why.
            told = (
                f"a text of {size} bytes, held twice while it is read, does not fit into memory_bytes={self.memory_bytes}; read parts of it"
            )
            return Outcome(error=("MemoryError", told, None), limit="memory_bytes")
        self.files.begin(dispatch)
        try:
            step = self.session.feed_start(
                code, inputs=dict(inputs), external_lookup=self.lookup, print_callback=lambda _stream, text: write(text)
            )
            while not isinstance(step, monty.MontyComplete):
                step = self._resume(step, dispatch)
        except monty.MontyError as error:
            with contextlib.suppress(GuestError):  # the cell's own error is the one that counts
                self.files.save_all()
            return _failure(error)
        try:
            self.files.save_all()
        except GuestError as error:
            return Outcome(error=(error.kind, error.message, None))
        preview = step.output if shows else None
        return Outcome(preview=preview if isinstance(preview, str) and preview else None)

    def _resume(self, step: Any, dispatch: Dispatch) -> Any:
        if not isinstance(step, monty.FunctionSnapshot):
            return step.resume_auto()
        if step.is_os_function:
            return self._os_call(step)
        name = step.function_name.removeprefix(FAR_PREFIX).removeprefix(NEAR_PREFIX)
        try:
            args, named = self._arguments(step)
            if name == METHOD:
                name, args, named = _of_method(args)
                self.files.save_all()
            elif name in self.methods:  # a call of a name that is bound to nothing arrives here all the same
                raise GuestError("NameError", f"name {name!r} is not defined")
            value = dispatch(name, args, named)
            del args, named  # before the answer is converted
        except GuestError as error:
            return self._raise_inside(step, error)
        return step.resume({"return_value": value})

    def _os_call(self, step: Any) -> Any:
        name = step.function_name
        if name == "datetime.now":
            zone = step.args[0] if step.args else None
            now = self.clock if zone is None else self.clock.replace(tzinfo=datetime.UTC).astimezone(zone)
            return step.resume({"return_value": now})
        if name == "date.today":
            return step.resume({"return_value": self.clock.date()})
        if name == "time.time":
            return step.resume({"return_value": self.clock.replace(tzinfo=datetime.UTC).timestamp()})
        if not self.files.knows(name):
            return step.resume_not_handled()
        try:
            args, named = self._arguments(step)
            return step.resume({"return_value": self.files.answer(name, args, named)})
        except GuestError as error:
            return self._raise_inside(step, error)

    def _arguments(self, step: monty.FunctionSnapshot) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A call's arguments, made from the guest's values here and now."""
        try:
            with self._little_memory():
                return step.args, step.kwargs
        except (TypeError, ValueError, OverflowError) as error:  # a key of a class of the guest's, say
            raise GuestError("TypeError", f"the arguments cannot cross: {str(error)[:200]}") from None
        except BaseException as error:
            if not isinstance(error, MemoryError) and type(error).__name__ != "PanicException":
                raise
            raise GuestError("ValueError", "the arguments cannot cross: they are too large here; send them in parts") from None

    def _little_memory(self) -> contextlib.AbstractContextManager[object]:
        # One character beyond U+FFFF makes a text four times as large as it came. What is mapped counts, touched or not, so that this
        # leaves little for it; and where that is too little, the library panics.
        size = DRIVER_SLACK_BYTES - CONVERTED_BYTES + self.memory_bytes // 2
        try:
            return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
        except OSError:  # a kernel that promises no more than it has
            return contextlib.nullcontext()

    def _raise_inside(self, step: Any, error: GuestError) -> Any:
        try:
            return step.resume({"exc_type": error.kind, "message": error.message})
        except (TypeError, ValueError):  # a kind that this interpreter does not know
            return step.resume({"exc_type": "RuntimeError", "message": f"{error.kind}: {error.message}"})

    def _feed(self, code: str) -> Any:
        assert self.session is not None
        return self.session.feed_run(code, external_lookup=self.lookup, print_callback=lambda _stream, _text: None)

    def _checkout(self, seed: int) -> None:
        # A second checkout reuses the child: it has only ever served this one session.
        assert self.pool is not None
        if self.session is not None:
            self.session.__exit__(None, None, None)
        session = self.pool.checkout(
            limits={"max_memory": self.memory_bytes, "max_suspensions": UNLIMITED_CALLS},
            # A spare is checked out before its session's clock is known: the clock is asked for.
            os_policy={"sleep": "zero", "datetime": "call_host", "random_start": {"seed": seed}},
            assert_message_annotations=False,
        )
        session.__enter__()
        self.session, self.seed = session, seed


def _of_method(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """A far function's name and arguments, from those of a method of a group."""
    if tuple(map(type, given)) not in ((str, tuple, dict), (str, list, dict)):
        raise GuestError("TypeError", f"{METHOD} is not to be called")
    return given[0], tuple(given[1]), given[2]


def _longest(inputs: Mapping[str, Any]) -> int:
    """Bytes of the longest text among them."""
    texts = [value for value in inputs.values() if isinstance(value, str)]
    return max((len(text) if text.isascii() else len(text.encode()) for text in texts), default=0)


def _failure(error: monty.MontyError) -> Outcome:
    text = str(error)
    kind, _, message = text.partition(": ")
    if isinstance(error, monty.MontySyntaxError):
        kind, message = "SyntaxError", text
    frames = error.traceback() if isinstance(error, (monty.MontyRuntimeError, monty.MontySyntaxError)) else []
    if isinstance(error, monty.MontyCrashedError):
        return Outcome(error=("InterpreterCrashed", "the interpreter crashed on this cell", None), lost=True)
    if kind == "MemoryError" and _MEMORY_MESSAGE.search(message[:200]):
        return Outcome(error=("LimitExceeded", message[:200], None), limit="memory_bytes", lost=True)
    if not kind.replace("_", "").replace(".", "").isalnum():
        kind, message = type(error).__name__, text
    if kind == "NotImplementedError" and "cannot suspend" in message[:300]:
        message = "ctx, P and llm_query cannot be called from inside sorted, map, filter, max and the like: make a list in a loop first"
    kind = kind.rpartition(".")[2]  # `json.JSONDecodeError` is the name of its place, too
    # The outermost frame is the cell; deeper ones may lie in earlier cells or in the prelude.
    mine = [frame.line for frame in frames if frame.filename == frames[0].filename]
    return Outcome(error=(kind, message, mine[-1] if mine else None))


class Guest:
    """What the zygote makes of a fresh worker process."""

    needs_threads = False
    forks = False
    own_pids = True
    address_bytes = lockdown.SHARED_BYTES
    usual_seed = 0

    def __init__(self, fd: int, memory_bytes: int, base_bytes: int) -> None:
        # Made before the last filter, which refuses the questions that a new socket object asks.
        self.connection, self.memory_bytes = socket.socket(fileno=fd), memory_bytes
        self.data_bytes = base_bytes + memory_bytes + DRIVER_SLACK_BYTES
        self.interpreter = MontyInterpreter(memory_bytes)

    def start(self) -> None:
        """Spawn the interpreter and bound it, while that is still possible."""
        try:
            pid = self.interpreter.start(self.usual_seed)
        except (monty.MontyError, RuntimeError) as error:
            raise OSError(str(error)) from error
        with contextlib.suppress(ProcessLookupError):
            lockdown.bound_child(pid, self.memory_bytes + CHILD_SLACK_BYTES)

    def serve(self, layers: dict[str, str]) -> None:
        """Answer the host until it hangs up."""
        Worker(self.connection, self.interpreter, ADVICE).serve(layers)
