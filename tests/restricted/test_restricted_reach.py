# ruff: noqa: E501 - the cells are as dense as they come
"""Everything that a cell can come by through attributes, items and calls with hostile arguments is looked at, not a list of attempts."""

from __future__ import annotations

import collections
import itertools
import random
import signal
import types
from collections.abc import Iterator
from typing import Any

import pytest
from restricted_harness import Cells
from test_restricted_escapes import reached, trusted

from restricted import rules

MODULES = (
    "abc base64 binascii bisect calendar cmath collections.abc contextlib copy csv dataclasses datetime decimal difflib enum fractions "
    "functools hashlib heapq html io numbers operator pprint statistics string textwrap time typing unicodedata urllib.parse uuid zlib"
)
OBJECTS = f"""
import {", ".join(MODULES.split())}
class A:
    def go(self): return super()
    def __getattr__(self, name): return ARGS[0]
    def __call__(self, *a, **k):
        SEEN.append((a, k))
        return A()
    def __iter__(self): return iter([A()])
    def __len__(self): return 1
    def __getitem__(self, key):
        SEEN.append(key)
        return A()
    def __eq__(self, other):
        SEEN.append(other)
        return True
    def __hash__(self): return 1
    def __lt__(self, other):
        SEEN.append(other)
        return True
    def __add__(self, other):
        SEEN.append(other)
        return self
    __radd__ = __mul__ = __sub__ = __truediv__ = __and__ = __or__ = __mod__ = __add__
    def __enter__(self): return self
    def __exit__(self, *a):
        SEEN.append(a)
        return True
    def __str__(self): return "a"
    def __index__(self): return 1
    def __float__(self): return 1.0
class S(A, str): pass
class D(A, dict): pass
class L(A, list): pass
class Err(A, Exception): pass
class Sup(str):
    def go(self): return super()
@dataclasses.dataclass
class DC:
    x: object = None
class En(enum.Enum):
    X = 1
class NT(typing.NamedTuple):
    x: int = 1
class TD(typing.TypedDict): pass
class G(typing.Generic[typing.TypeVar("T")]): pass
class Ab(abc.ABC): pass
class Base(BaseException): pass
SEEN = []
def fn(*a, **k):
    SEEN.append((a, k))
    return 1
def gen(*a):
    yield 1
try:
    json.nope
except Exception as e:
    error = e
ARGS = [A(), S("x"), D(), L(), DC(), En.X, En, A, DC, fn, gen, gen(), "abc", 1, 2.5, b"x", [1, 2], {{"a": 1}}, (1, 2), None, Err(), iter([1]),
    datetime.datetime(2024, 1, 1), io.StringIO("x"), "{{0.__class__}}", re.compile("a"), lambda *a: a, NT(), Sup("x").go(), error, Base(), A().__dict__,
    Ab, G, TD, property(fn), staticmethod(fn), functools.partial(fn), functools.lru_cache(fn), contextlib.ExitStack(), list[int], typing.List[int],
    int | str, decimal.getcontext(), re.match("a", "a"), json.JSONEncoder(), json.JSONDecoder(), random.Random(), textwrap.TextWrapper(),
    difflib.SequenceMatcher(), statistics.NormalDist(), hashlib.md5(), uuid.uuid4(), memoryview(b"a"), globals(), csv.reader([]), string.Template("x")]
"""
NAMES = rules.READABLE | rules.NAMED_TUPLE | rules.ENUM
DEPTH, ROUNDS = 4, 3
_LEAVES = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType, types.FunctionType)


@pytest.fixture
def cells() -> Cells:
    cells = Cells(far=("llm_query",))
    outcome = cells.run(OBJECTS)
    assert outcome.error is None, outcome.error
    return cells


def parts(cells: Cells, value: Any) -> Iterator[tuple[str, Any]]:
    """What the screen gives of a value, and what is in it."""
    for name in {name for name in dir(value) if type(name) is str} | NAMES:
        try:
            yield name, cells.interpreter.screen.look(value, name)
        except Exception:  # noqa: BLE001 - a property may raise anything
            continue
    if type(value) in (list, tuple, set, frozenset):
        yield from ((f"[{place}]", item) for place, item in enumerate(value))


def everything(cells: Cells) -> Iterator[tuple[str, Any]]:
    """All that can be reached without a call, each thing once, with a way to it."""
    variables, seen = cells.interpreter.variables, set()
    waiting = collections.deque(
        (name, value, 0) for name, value in variables.items() if rules.HIDDEN not in name and name != "__builtins__"
    )
    waiting += [(name, value, 0) for name, value in variables["__builtins__"].items() if not rules.is_special(name)]
    kept = []  # so that no two things ever have the same number
    while waiting:
        path, value, depth = waiting.popleft()
        if id(value) in seen or type(value) in (int, float, str, bytes, bool, type(None)):
            continue
        seen.add(id(value))
        kept.append(value)
        yield path, value
        if depth < DEPTH and (not isinstance(value, _LEAVES) or depth < 2):
            waiting += [(f"{path}.{name}", part, depth + 1) for name, part in parts(cells, value)]


def test_no_attribute_leads_out(cells: Cells) -> None:
    cells.interpreter.variables["SEEN"].clear()
    found = [(path, what) for path, value in everything(cells) if (what := reached(value, 1))]
    assert not found


def test_no_call_leads_out(cells: Cells) -> None:
    variables, draw = cells.interpreter.variables, random.Random(1)
    before, args, seen = trusted(cells), variables["ARGS"], variables["SEEN"]
    callables = [(path, value) for path, value in everything(cells) if callable(value) and not path.startswith(("ARGS", "SEEN"))]
    assert len(callables) > 1_000
    # Some never end with such arguments, as itertools.count does in list(): that is what the limits are for.
    signal.signal(signal.SIGALRM, _too_long)
    for path, function in callables:
        for _ in range(ROUNDS):
            given = [draw.choice(args) for _ in range(draw.randint(0, 3))]
            result = _called(function, given)
            assert not (what := reached(result, 3) or reached(seen, 4)), (path, what)
            seen.clear()
    assert trusted(cells) == before


def _too_long(*_signal: Any) -> None:
    raise TimeoutError


def _called(function: Any, given: list[Any]) -> Any:
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        result = function(*given)
        return list(itertools.islice(result, 5)) if hasattr(type(result), "__next__") else result
    except BaseException as error:  # noqa: BLE001 - what it raises is looked at, too
        return error.args
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.parametrize("leak", [types, str.format, "{}".format, [{"__builtins__": 1}], type, (lambda: 1).__code__])
def test_a_leak_would_be_found(cells: Cells, leak: Any) -> None:
    vars(cells.interpreter.facades["json"])["leak"] = leak if leak is not str.format else [leak]
    assert [path for path, value in everything(cells) if reached(value, 3)]
