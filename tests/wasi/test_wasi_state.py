"""Dump and load are exact: linear memory is the whole state."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wasi_harness import Session, joined

from interpreter import GuestError
from wasi import delta
from wasi.delta import Head

MIB = 2**20
RICH = """
import random, re, collections, datetime, decimal, sqlite3, itertools, dataclasses, enum
def g():
    for i in range(9):
        yield i
it = g(); next(it)
def counter():
    n = 0
    def step():
        nonlocal n
        n += 1
        return n
    return step
step = counter(); step()
class Base:
    def __repr__(self): return f'<{type(self).__name__} {vars(self)}>'
class C(Base): pass
c = C(); c.me = c.__class__; c.l = l = [1]
random.random(); random.gauss(0, 1)
pattern = re.compile('a(b)c')
db = sqlite3.connect(':memory:'); db.execute('create table t (x)'); db.execute('insert into t values (42)')
big = 'lorem ipsum ' * 100_000
chain = itertools.chain('ab', g()); next(chain)
"""
PROBE = """
print(next(it), step(), c, l is c.l, random.random(), random.gauss(0, 1), pattern.match('abc').group(1))
print(db.execute('select x from t').fetchall(), len(big), list(chain), object(), id(c), {str(i) for i in range(9)})
import uuid, time
print(uuid.uuid4(), time.time(), time.monotonic())
"""


def test_a_loaded_session_goes_on_as_the_dumped_one_would_have(new_session):
    session = new_session(seed=7)
    session.cell(RICH)
    saved = session.dump()
    assert new_session(state=saved, seed=99).output(PROBE) == session.output(PROBE)


def test_loading_gives_the_memory_byte_for_byte(runtime, new_session):
    session = new_session()
    session.cell(RICH)
    saved = session.dump()
    fresh = runtime.run(runtime.instance)
    state = runtime.run(lambda: delta.load(fresh.memory, runtime.image, memoryview(saved)))
    assert joined(runtime.run(lambda: delta.dump(fresh.memory, runtime.image, state))) == saved


def test_a_dump_of_little_is_little(new_session):
    session = new_session()
    session.cell("x = 1")
    assert len(session.dump()) < 2 * MIB


def test_the_clock_and_the_far_names_are_the_new_sessions(new_session):
    session = new_session(far=["ask", "old"], clock=1.0)
    session.cell("kept = ask\nimport time\na = time.time()")
    loaded = new_session(state=session.dump(), far=["ask", "new"], clock=2.0)
    loaded.externals["ask"] = loaded.externals["new"] = lambda: 5
    assert loaded.output("print(a, time.time(), ask(), new(), kept is ask, 'old' in globals())") == "1.0 2.0 5 5 True False\n"


def test_a_name_of_ours_that_a_cell_has_bound_stays_the_cells(new_session):
    session = new_session(far=["ask"], inputs={"FILES": []})
    session.cell("ask = 1\nFILES = 2")
    loaded = new_session(state=session.dump(), far=["ask"], inputs={"FILES": [{"name": "a"}]})
    assert loaded.value("ask, FILES") == "(1, 2)"
    assert sorted(loaded.names()) == ["FILES", "ask"]


def test_a_failed_cell_and_an_interrupted_one_are_in_the_state(new_session):
    session = new_session()
    session.cell("x = 1\n1 / 0")
    session.cell("y = 0\nwhile True: y += 1", seconds=0.05)
    assert new_session(state=session.dump()).value("x, y > 0") == "(1, True)"


def test_a_state_larger_than_the_new_sessions_memory_is_refused(new_session, runtime):
    session = new_session(memory_bytes=128 * MIB)
    session.cell("b = bytes(100_000_000)")
    with pytest.raises(GuestError, match="more than memory_bytes allows"):
        new_session(memory_bytes=16 * MIB, state=session.dump())


def test_a_lost_session_has_no_state(session):
    session.cell("import os\nos.abort()")
    with pytest.raises(GuestError, match="no state"):
        session.dump()


def broken(runtime, **changes):
    good = {"image": runtime.image.digest, "memory_bytes": len(runtime.image.data), "runs": b"", "monotonic": 0, "seed": 0, "drawn": 0}
    head = msgspec.msgpack.encode(Head(**(good | changes)))
    return (len(head).to_bytes(4, "little") + head).ljust(4096, b"\0")


@pytest.mark.parametrize(
    ("changes", "rest", "message"),
    [
        ({"image": b"other"}, b"", "another build"),
        ({"memory_bytes": 5}, b"", "cannot be right"),
        ({"memory_bytes": 2**40}, b"", "more than memory_bytes"),
        ({"runs": b"1234567"}, b"", "cannot be right"),
        ({"runs": bytes(8)}, b"", "do not fit"),
        ({"runs": b"\xff\xff\xff\xff\1\0\0\0"}, bytes(4096), "do not fit"),
        ({"runs": b"\1\0\0\0\1\0\0\0" * 2}, bytes(8192), "do not fit"),
        ({"runs": b"\1\0\0\0\1\0\0\0"}, bytes(4095), "not all there"),
        ({"monotonic": -1}, b"", "cannot be right"),
    ],
)
def test_a_state_that_cannot_be_is_refused_before_a_byte_is_written(runtime, new_session, changes, rest, message):
    with pytest.raises(GuestError, match=message):
        new_session(state=broken(runtime, **changes) + rest)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_bytes_break_the_reader_of_states(data):
    with pytest.raises(delta.BadState):
        delta._head(memoryview(data))
        raise delta.BadState


TWICE = """
import sys
sys.path.insert(0, {tests!r})
from wasi_harness import Runtime, Session
session = Session(Runtime()).open(seed=7)
session.cell({first!r})
print(session.output({second!r}))
import hashlib
print(hashlib.sha256(session.dump()).hexdigest())
"""


def test_two_processes_give_the_same_output_and_the_same_state():
    source = TWICE.format(tests=str(Path(__file__).parent), first=RICH, second=PROBE)
    runs = [subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    assert json.dumps(runs[0])


def test_a_mapped_state_is_the_same_and_writes_do_not_reach_the_file(runtime, new_session):
    session = new_session()
    session.cell(RICH + "\nbig = bytes(range(256)) * 40_000")
    saved = session.dump()
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4096) + saved)
        file.flush()
        mapped = Session(runtime)
        mapped.open(state=saved, file=(file.fileno(), 4096))
        probe = PROBE + "\nprint(len(big), big[-1])"
        probe += "\nbig = 5"
        assert mapped.output(probe) == new_session(state=saved).output(probe)
        file.seek(4096)
        assert file.read() == saved


def test_a_state_that_does_not_lie_on_whole_pages_is_copied(runtime, new_session):
    session = new_session()
    session.cell("big = bytes(range(256)) * 40_000")
    saved = session.dump()
    with tempfile.TemporaryFile() as file:
        file.write(b"x" + saved)
        file.flush()
        assert Session(runtime).open(state=saved, file=(file.fileno(), 1)).value("len(big)") == "10240000"
