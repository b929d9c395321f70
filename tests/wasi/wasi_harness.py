"""The wasi interpreter without a jail: in this process, on a thread with room for the guest's stack."""

import os
import queue
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandboxes"))

from frames import Caps
from interpreter import GuestError, Movable, OpenRequest, Outcome
from wasi.artefact import read_head
from wasi.cache import Cache
from wasi.compile import load_modules
from wasi.delta import Image
from wasi.engine import HOST_STACK_BYTES, STACK_BYTES, cache_key, make_engine
from wasi.instance import Instance
from wasi.session import WasiInterpreter

SANDBOXES = Path(__file__).resolve().parents[2] / "sandboxes"
ARTEFACT = SANDBOXES / "wasi" / "guest.bin"
CACHE = Path(os.environ["CELLBLOCK_CACHE"]) / "wasi"
MIB = 2**20
CLOCK = 1_700_000_000.0


class BigThread:
    """Runs functions one after the other on a thread of the size that guests need."""

    def __init__(self):
        self.work = queue.SimpleQueue()
        before = threading.stack_size(STACK_BYTES + HOST_STACK_BYTES)
        threading.Thread(target=self._loop, daemon=True).start()
        threading.stack_size(before)

    def _loop(self):
        while True:
            function, answer = self.work.get()
            try:
                answer.put((function(), None))
            except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
                answer.put((None, error))

    def __call__(self, function):
        answer = queue.SimpleQueue()
        self.work.put((function, answer))
        value, error = answer.get()
        if error is not None:
            raise error
        return value


class Runtime:
    """What the zygote has: compiled modules and the image."""

    def __init__(self):
        self.run = BigThread()
        self.engine = make_engine()
        self.head = read_head(ARTEFACT)
        key = cache_key(self.head.digest)
        self.modules = load_modules(self.engine, Cache(CACHE).open_files(key, len(self.head.plan.steps)))
        self.image = self.run(self._image)

    def instance(self):
        return Instance(self.engine, self.modules, self.head.plan)

    def _image(self):
        instance = self.instance()
        return Image(instance.memory.read(0, instance.memory.size), b"image".ljust(32))


class Session:
    """One session, and what a worker would keep of it."""

    def __init__(self, runtime, memory_bytes=64 * MIB):
        self.runtime = runtime
        self.instance = runtime.run(runtime.instance)
        self.instance.limit(len(runtime.image.data) + memory_bytes)
        self.interpreter = WasiInterpreter(self.instance, runtime.image, memory_bytes)
        self.instance.interrupt_wanted = lambda: self.wanted
        self.wanted = False
        self.printed = []
        self.externals = {}
        self.calls = []

    def open(self, *, seed=0, clock=CLOCK, far=(), state=None, inputs=None, file=None):
        request = OpenRequest(
            far=list(far), caps=Caps(0, 0, 0, 0), mail_bytes=0, seed=seed, clock=clock, has_context=False, state_place=file
        )
        if state is None:
            self.runtime.run(lambda: self.interpreter.open(request, inputs or {}))
        else:
            self.runtime.run(lambda: self.interpreter.load(request, inputs or {}, memoryview(state)))
        return self

    def dispatch(self, name, args, kwargs):
        self.calls.append((name, args, kwargs))
        if name not in self.externals:
            raise GuestError("NameError", f"no external {name}")
        return self.externals[name](*args, **kwargs)

    def cell(self, code, *, inputs=None, shows=False, seconds=None) -> Outcome:
        """Run a cell; after `seconds` ask for its interrupt until it ends."""
        self.printed = []
        over = threading.Event()
        if seconds is not None:
            threading.Thread(target=self._interrupt, args=(seconds, over), daemon=True).start()
        try:
            options = {"inputs": inputs or {}, "write": self.printed.append, "shows": shows}
            return self.runtime.run(lambda: self.interpreter.run(code, self.dispatch, **options))
        finally:
            self.wanted = False
            over.set()

    def _interrupt(self, seconds, over):
        if over.wait(seconds):
            return
        self.wanted = True
        while not over.wait(0.005):
            self.runtime.engine.increment_epoch()

    def output(self, code, **options):
        """What a cell prints; it must not fail."""
        outcome = self.cell(code, **options)
        assert outcome.error is None, outcome
        return "".join(self.printed)

    def value(self, expression):
        """The preview of an expression."""
        outcome = self.cell(f"_cb_show(({expression}))", shows=True)
        assert outcome.error is None, outcome
        return outcome.preview

    def get(self, name):
        return self.runtime.run(lambda: self.interpreter.get(name))

    def names(self):
        return self.runtime.run(self.interpreter.names)

    def dump(self):
        pieces, left_out = self.runtime.run(self.interpreter.dump)
        assert left_out == {}
        return joined(pieces)


def joined(pieces):
    return b"".join(bytes(piece.view if isinstance(piece, Movable) else piece) for piece in pieces)


@pytest.fixture(scope="session")
def runtime():
    return Runtime()


@pytest.fixture
def session(runtime):
    """A session that was opened with no externals."""
    return Session(runtime).open()


@pytest.fixture
def new_session(runtime):
    """Makes sessions: `new_session(memory_bytes=..., seed=...)`."""

    def make(memory_bytes=64 * MIB, **options):
        return Session(runtime, memory_bytes).open(**options)

    return make


@pytest.fixture
def timer():
    """Seconds since the last call."""
    last = [time.perf_counter()]

    def lap():
        before, last[0] = last[0], time.perf_counter()
        return last[0] - before

    return lap
