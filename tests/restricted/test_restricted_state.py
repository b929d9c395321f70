# ruff: noqa: E501 - the cells are as dense as they come
"""Dump and load: what comes back is what was there, and what cannot be carried is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from restricted_harness import Cells, request

from interpreter import GuestError
from restricted.saving import State

CARRIED = {
    "aliases": ("a = b = [1]; a.append(a)", "(a is b, a[1] is a, len(a))"),
    "plain values": ("x = [None, True, 1, -2**70, 1.5, 'é', b'b', float('inf'), '\\udc80']", "x"),
    "large texts": ("t = 'é' * 70000; b = b'x' * 70000; u = '\\ud800' * 70000", "(len(t), t[-1], len(b), ascii(u[0]))"),
    "containers": ("t = (1, [2]); s = {1}; f = frozenset([t[0]]); d = {1: 'a', (2, 3): None}; y = bytearray(b'q')", "(t, s, f, d, y)"),
    "order": ("d = {'z': 1, 'a': 2}; z = 1; a = 2", "(list(d), [n for n in globals() if n in 'za'])"),
    "counters": (
        "from collections import *\nc = Counter('aab'); q = deque([1], maxlen=2); d = defaultdict(list, a=[1]); o = OrderedDict(b=1); m = ChainMap({1: 2})",
        "(c, q, q.maxlen, d, d['new'], o, m[1])",
    ),
    "dates": (
        "from datetime import *\nx = [datetime(2024, 1, 2, 3, fold=1), date(2020, 1, 1), time(1, 2), timedelta(1, 2, 3), datetime.now(timezone.utc), timezone(timedelta(hours=2), 'T')]",
        "(x, x[0].fold, x[-1].tzname(None))",
    ),
    "numbers": (
        "import decimal, fractions, uuid\nx = [decimal.Decimal('1.10'), fractions.Fraction(1, 3), 1j, range(1, 9, 2), slice(1, None), uuid.uuid4()]\ndecimal.getcontext().prec = 5",
        "(x, decimal.Decimal(1) / 3)",
    ),
    "patterns": ("p = re.compile('a+', re.I | re.M)", "(p, p.findall('aAb'))"),
    "randomness": (
        "random.seed(3); r = random.Random(5); r.random(); random.gauss(0, 1); u = random.Random()",
        "(random.random(), random.gauss(0, 1), r.random(), u.random(), random.Random().random())",
    ),
    "functions": ("n = 5\ndef f(x, acc=[], *, k=2):\n    acc.append(x)\n    return len(acc) + n + k\nf(0); f.tag = [1]", "(f(1), f.tag, f.__name__)"),
    "lambdas": ("fs = [lambda x, k=k: x + k for k in (1, 2)]", "[f(10) for f in fs]"),
    "closures that share": (
        "def mk():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    return inc, lambda: n\ninc, get = mk(); inc()",
        "(inc(), get())",
    ),
    "recursion inside": ("def mk():\n    def fact(n): return 1 if n < 2 else n * fact(n - 1)\n    return fact\nf = mk()", "f(5)"),
    "decorated functions": (
        "import functools\ndef twice(fn):\n    @functools.wraps(fn)\n    def w(*a): return fn(*a) * 2\n    return w\n@twice\ndef f(x): return x + 1\n@functools.lru_cache(maxsize=5)\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\np = functools.partial(f, 4)",
        "(f(1), f.__name__, fib(20), fib.cache_parameters()['maxsize'], p())",
    ),
    "classes and objects": (
        "class A:\n    count = 0\n    def __init__(self, v):\n        self.v, self._p, self.me = v, [v], self\n        A.count += 1\n    def get(self): return self.v\nclass B(A):\n    __slots__ = ('s',)\n    def get(self): return super().get() + 'B'\na = A('a'); b = B('b'); b.s = a; A.extra = [1]; m = b.get",
        "(a.get(), b.get(), b.s is a, a.me is a, A.count, A.extra, isinstance(b, A), type(a) is A, m(), A('c').get(), A.count)",
    ),
    "subclasses of data": (
        "class D(dict): pass\nclass L(list): pass\nclass S(str): pass\nclass I(int): pass\nclass T(tuple): pass\nfrom collections import *\nclass C(Counter): pass\nclass DD(defaultdict): pass\nd = D(a=1); d.x = 2; l = L([1]); l.append(l); s = S('s'); s.y = 1; i = I(5); t = T((1, [2])); c = C('aa'); dd = DD(int); dd['q'] += 1",
        "(d, d.x, type(d) is D, l[1] is l, s, s.y, i + 1, t, type(t) is T, c, dd['q'], dd['new'], type(dd) is DD)",
    ),
    "dataclasses": (
        "from dataclasses import *\n@dataclass(frozen=True, order=True)\nclass P:\n    x: int\n    y: list = field(default_factory=list, compare=False)\n@dataclass(slots=True)\nclass Q:\n    a: int = 1\np = P(1, [2]); q = Q(); ps = {P(1): 'one'}",
        "(p, p < P(2), ps[P(1)], q, Q(5), P(3), type(q) is Q)",
    ),
    "enums": (
        "from enum import *\nclass C(Enum):\n    RED = 1\n    BLUE = (1, 2)\nclass F(Flag):\n    A = auto()\n    B = auto()\nx = {C.RED: [C.BLUE], 'f': F.A | F.B}",
        "(x[C.RED][0] is C.BLUE, C.BLUE.value, x['f'], C(1))",
    ),
    "named tuples": (
        "from collections import namedtuple\nfrom typing import NamedTuple\nP = namedtuple('P', 'x y', defaults=[7])\nclass N(NamedTuple):\n    a: int\n    def hi(self): return self.a\np = P(1); n = N(4); k = {p: n}",
        "(p, p.y, n.hi(), k[P(1)], P(2), type(p) is P)",
    ),
    "abstract and generic": (
        "from abc import *\nfrom typing import *\nclass A(ABC):\n    @abstractmethod\n    def go(self): ...\nclass B(A):\n    def go(self): return 1\nT = TypeVar\nclass G(Generic[TypeVar('K')]):\n    def __init__(self, v): self.v = v\nb = B(); g = G(3)\ndel T",
        "(b.go(), isinstance(b, A), g.v)",
    ),
    "exceptions": (
        "class E(ValueError):\n    def __init__(self, m, code):\n        super().__init__(m)\n        self.code = code\ne = E('boom', 4); k = KeyError('z', 1); k.extra = 5\ntry:\n    1 / 0\nexcept ZeroDivisionError as z:\n    zz = z",
        "(e.code, str(e), type(e) is E, repr(k), k.extra, repr(zz))",
    ),
    "known things under other names": ("j = json; d = json.dumps; f = ctx.find; q = llm_query; up = str.upper; l = []; ap = l.append; ch = random.choice; T = dict; P2 = P", "(j is json, d([1]), f is ctx.find, q is llm_query, up('a'), ap(1), l, ch([5]), T, P2 is P)"),
    "nested classes": ("class A:\n    class B:\n        def f(self): return 'f'\nx = A.B()", "(x.f(), type(x) is A.B)"),
    "classes that know each other": (
        "def helper(): return [type(x).__name__ for x in items] + [A.tag]\nclass A:\n    tag = 't'\n    def other(self): return B()\n    def all(self): return helper()\nclass B:\n    base = A\n    def other(self): return A()\nitems = [A(), B()]",
        "(type(A().other()) is B, B.base is A, A().all(), items[0].other().other().tag)",
    ),
    "classes under a condition": ("if True:\n    class A:\n        def f(self): return 1\nelse:\n    class A:\n        def f(self): return 2\nx = A()", "(x.f(), isinstance(x, A))"),
    "files in memory": ("import io\ns = io.StringIO('abc'); s.read(1); b = io.BytesIO(b'xyz'); b.read(2)", "(s.read(), b.read())"),
    "hashed objects": (
        "class H:\n    def __init__(self, v): self.v = v\n    def __hash__(self): return hash(self.v)\n    def __eq__(self, o): return self.v == o.v\ns = {H(1), H((2, 'x'))}; f = frozenset([H(3)]); d = {H(4): H(5)}; n = {frozenset([H(6)]): 1}\nclass Plain: pass\np = Plain(); ps = {p: 1}",
        "(H(1) in s, H((2, 'x')) in s, H(3) in f, d[H(4)].v, n[frozenset([H(6)])], ps[p], hash(p))",
    ),
    "deep chains": ("class N:\n    def __init__(self, n): self.n = n\nn = None\nfor i in range(3000): n = N(n)\nl = []\nfor i in range(3000): l = [l]\nc = 0\nx = n\n", "len(l)"),
    "postponed annotations": ("from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass N:\n    v: int\n    n: N | None = None\nx = N(1, N(2))", "(x.n.v, N(3))"),
    "deleted names": ("del math, peek", "[n for n in ('math', 'peek', 'json') if n in globals()]"),
    "rebound names": ("json = 5; len = lambda x: 'mine'", "(json, len([]))"),
    "stopwatch": ("import time\nfor i in range(5): time.perf_counter()", "time.perf_counter()"),
}  # fmt: skip


@pytest.mark.parametrize("what", CARRIED)
def test_state_comes_back(what: str) -> None:
    before, after = CARRIED[what]
    cells = Cells(far=("llm_query",))
    cells.value(before)
    other, lost = cells.reloaded()
    assert not lost
    assert other.interpreter.names() == cells.interpreter.names()
    again, _ = other.reloaded()
    assert cells.value(after) == other.value(after) == again.value(after)


def test_a_dump_changes_nothing() -> None:
    found = []
    for dumps in (True, False):
        cells = Cells()
        cells.value("class A: pass\na = A(); s = {a}; random.random()")
        if dumps:
            cells.interpreter.dump()
        after = cells.value("(hash(a), hash(A()), random.random(), id(a), random.Random().random())")
        found.append((after, cells.interpreter.dump()[0]))
    assert found[0] == found[1]


def test_sets_of_texts_are_walked_in_the_same_order_after_a_load() -> None:
    cells = Cells()
    cells.value("s = [{f'{a}{i * 7919}' for i in range(n)} for n in (2, 3, 4, 5, 9, 17, 40) for a in 'abcdefgh']")
    assert cells.value("repr(s)") == cells.reloaded()[0].value("repr(s)")


LOST = {
    "g": "g = (i for i in [1])",
    "l": "l = [1, [iter([2])]]",
    "o": "class K: pass\no = K(); o.it = map(str, [1])",
    "made": "def f():\n    class Inside: pass\n    return Inside\nmade = f()",
    "inst": "def f():\n    class Inside: pass\n    return Inside()\ninst = f()",
}


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_carried_is_named(name: str) -> None:
    cells = Cells()
    cells.value(f"kept = [1]; also = kept\n{LOST[name]}\nlast = kept")
    other, lost = cells.reloaded()
    assert list(lost) == [name] and lost[name]
    assert name not in other.interpreter.names()
    assert other.value("(kept is also, last is kept, kept)") == "(True, True, [1])"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner) | st.sets(st.integers()),
    max_leaves=30,
)


@settings(max_examples=80, deadline=None)
@given(value=PLAIN)
def test_any_plain_value_comes_back(value: Any) -> None:
    cells = Cells()
    cells.run("None", x=value, y=[value, value])
    other, lost = cells.reloaded()
    assert not lost
    assert other.interpreter.variables["x"] == value
    twice = other.interpreter.variables["y"]
    assert twice[0] is twice[1] or not isinstance(value, (list, dict, set))


@settings(max_examples=60, deadline=None)
@given(
    links=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40),
    kinds=st.lists(st.integers(0, 3), min_size=10, max_size=10),
)
def test_any_graph_of_objects_comes_back(links: list[tuple[int, int]], kinds: list[int]) -> None:
    code = "class N:\n    def __init__(self): self.out = []\nfrom collections import deque\nmakers = [list, dict, deque, N]\n"
    code += f"nodes = [makers[k]() for k in {kinds}]\n"
    code += "def link(a, b):\n    if type(a) is dict: a[len(a)] = b\n    elif type(a) is N: a.out.append(b)\n    else: a.append(b)\n"
    code += "".join(f"link(nodes[{a}], nodes[{b}])\n" for a, b in links)
    shape = "".join((
        "def parts(a): return a.values() if type(a) is dict else a.out if type(a) is N else a\n",
        "[[[n is p for n in nodes].index(True) for p in parts(a)] for a in nodes]",
    ))  # fmt: skip
    cells = Cells()
    cells.value(code)
    other, lost = cells.reloaded()
    assert not lost
    assert cells.value(shape) == other.value(shape)


# -- hostile states


def state(**changed: Any) -> memoryview:
    pieces, _ = Cells().interpreter.dump()
    saved = msgspec.msgpack.decode(pieces[1], type=State, ext_hook=lambda code, data: msgspec.msgpack.Ext(code, data))
    for name, value in changed.items():
        setattr(saved, name, value)
    head = msgspec.msgpack.encode(saved)
    return memoryview(len(head).to_bytes(8, "little") + head)


REF = msgspec.msgpack.Ext(1, b"\0")
HOSTILE: dict[str, dict[str, Any]] = {
    "builtins taken away": {"gone": ["__builtins__"]},
    "a hook taken away": {"gone": ["read!"]},
    "builtins put in": {"variables": [("__builtins__", 1)]},
    "a hook put in": {"variables": [("read!", 1)]},
    "a helper put in": {"variables": [("_cb_show", 1)]},
    "an unknown tag": {"nodes": [["pickle", b"x"]], "variables": [("x", REF)]},
    "a private tag": {"nodes": [["_fill", 1]], "variables": [("x", REF)]},
    "a hidden path": {"nodes": [["known", "builtins __import__"]], "variables": [("x", REF)]},
    "a path to a module": {"nodes": [["known", "os system"]], "variables": [("x", REF)]},
    "a number that is not there": {"variables": [("x", msgspec.msgpack.Ext(1, b"\x09"))]},
    "a tuple in itself": {"nodes": [["tuple", [REF]]], "variables": [("x", REF)]},
    "a refused source": {"sources": {"c": "def f(): return ().__class__.__base__"}, "nodes": [["function", "c", [0, 0], "f", "f", None, None, [], []]], "variables": [("x", REF)]},
    "the code of a class body": {"sources": {"c": "class A: x = 1"}, "nodes": [["function", "c", [0, 0], "f", "f", None, None, [], []]], "variables": [("x", REF)]},
    "the code of a cell": {"sources": {"c": "x = 1"}, "nodes": [["function", "c", [0], "f", "f", None, None, [], []]], "variables": [("x", REF)]},
    "an attribute of a function that is special": {"sources": {"c": "def f(): pass"}, "nodes": [["function", "c", [0, 0], "f", "f", None, None, [], ["__code__", 1]]], "variables": [("x", REF)]},
    "a special method of a known object": {"nodes": [["method", msgspec.msgpack.Ext(1, b"\1"), "__class__"], ["known", "json dumps"]], "variables": [("x", REF)]},
    "an object of a class that is no cell's": {"nodes": [["object", msgspec.msgpack.Ext(1, b"\1"), "object", [], []], ["known", "random Random"]], "variables": [("x", REF)]},
    "a class named like builtins": {"sources": {"c": "class __builtins__: pass"}, "nodes": [["class", "c", 1, "__builtins__", []]], "variables": []},
    "a base exception": {"nodes": [["error", "SystemExit", [], []]], "variables": [("x", REF)]},
    "a field that is code": {"nodes": [["namedtuple", "X", ["a): print(1) #"], []]], "variables": [("x", REF)]},
    "a state of randomness that is none": {"shared": (3, [1], None)},
    "a piece past the end": {"variables": [("x", msgspec.msgpack.Ext(4, b"\0" * 8 + b"\xff" * 8))]},
    "settings of decimals that are none": {"decimals": (0, "x", 0, 0, 0, 0)},
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_state_is_refused(what: str) -> None:
    cells = Cells()
    hooks = {name: value for name, value in cells.interpreter.variables.items() if "!" in name or name.startswith("__")}
    with pytest.raises(GuestError) as refused:
        cells.interpreter.load(request(), {}, state(**HOSTILE[what]))
    assert refused.value.kind == "ValueError" and "\n" not in refused.value.message
    assert {name: value for name, value in cells.interpreter.variables.items() if "!" in name or name.startswith("__")} == hooks


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 2_000), change=st.integers(0, 2_000))
def test_damaged_bytes_are_refused_or_loaded(data: bytes, cut: int, change: int) -> None:
    pieces, _ = _rich().interpreter.dump()
    saved = bytearray(b"".join(pieces)[: -cut or None])
    if saved:
        saved[change % len(saved)] ^= 1 + change % 255
    for damaged in (bytes(saved), data):
        cells = Cells()
        try:
            cells.interpreter.load(request(), {}, memoryview(damaged))
        except GuestError as error:
            assert error.kind == "ValueError"
        assert cells.value("1 + 1") == "2"


def _rich() -> Cells:
    cells = Cells()
    cells.value("class A:\n    def f(self): return 1\nx = [A(), {1: (2,)}]\ndef g(y=[1]): return y")
    return cells
