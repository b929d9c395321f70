"""Cells as models write them, each on its own: what they print is compared with what plain CPython prints."""

# ruff: noqa: E501 - the cells are as dense as they come
from __future__ import annotations

CELLS: dict[str, str] = {}


def _read(text: str) -> None:
    for part in text.split("\n### ")[1:]:
        name, _, code = part.partition("\n")
        assert name not in CELLS, name
        CELLS[name] = code.strip("\n") + "\n"


_read('''
### class with state
class Account:
    """An account."""
    rate = 0.5
    def __init__(self, owner, balance=0):
        self.owner = owner
        self._balance = balance
    @property
    def balance(self):
        return self._balance
    @balance.setter
    def balance(self, value):
        if value < 0:
            raise ValueError("negative")
        self._balance = value
    def deposit(self, amount):
        self._balance += amount
        return self
    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance})"
a = Account("Ann").deposit(5).deposit(7)
a.balance = 20
a.balance += 1
print(a, a.balance, Account.rate, Account.__doc__, Account.__name__)
try:
    a.balance = -1
except ValueError as e:
    print("refused", e, type(e).__name__)
### inheritance and super
class A:
    def __init__(self, x): self.x = x
    def who(self): return "A"
class B(A):
    def __init__(self, x, y):
        super().__init__(x)
        self.y = y
    def who(self): return super().who() + "B"
class C(A):
    def who(self): return super().who() + "C"
class D(B, C):
    def who(self): return super().who() + "D"
d = D(1, 2)
print(d.who(), d.x, d.y, isinstance(d, A), issubclass(D, C), type(d).__name__, d.__class__.__name__)
### old style base call
class Base:
    def __init__(self, n): self.n = n
class Sub(Base):
    def __init__(self): Base.__init__(self, 9)
print(Sub().n)
### operators of a class
class V:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return V(self.x + o.x, self.y + o.y)
    def __sub__(self, o): return V(self.x - o.x, self.y - o.y)
    def __mul__(self, k): return V(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __neg__(self): return V(-self.x, -self.y)
    def __eq__(self, o): return isinstance(o, V) and (self.x, self.y) == (o.x, o.y)
    def __hash__(self): return hash((self.x, self.y))
    def __lt__(self, o): return abs(self) < abs(o)
    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
    def __bool__(self): return bool(self.x or self.y)
    def __iter__(self): return iter((self.x, self.y))
    def __getitem__(self, i): return (self.x, self.y)[i]
    def __len__(self): return 2
    def __contains__(self, v): return v in (self.x, self.y)
    def __call__(self, k): return k * self.x
    def __str__(self): return f"<{self.x}, {self.y}>"
    def __format__(self, spec): return f"{self.x:{spec}}"
    def __iadd__(self, o):
        self.x += o.x
        return self
v = V(3, 4)
v += V(1, 0)
print(v + V(1, 1), 2 * v, -v, abs(V(3, 4)), bool(V(0, 0)), list(v), v[0], len(v), 4 in v, v(10), f"{v:>5}", V(1, 2) == V(1, 2))
print(sorted([V(3, 3), V(1, 0)])[0], {V(1, 1): "k"}[V(1, 1)])
### generators
def count(n):
    total = 0
    for i in range(n):
        got = yield i
        if got:
            total += got
    return total
def outer():
    result = yield from count(3)
    yield ("total", result)
g = outer()
print(next(g), g.send(5), g.send(6), next(g))
print(list(x * x for x in range(4) if x % 2), sum(i for i in range(5)))
def closing():
    try:
        yield 1
    finally:
        print("closed")
c = closing(); next(c); c.close()
### match statement
def kind(v):
    match v:
        case 0 | 1: return "small"
        case int(n) if n > 100: return "big"
        case [a, b]: return f"pair {a} {b}"
        case [first, *rest]: return f"list {first} {len(rest)}"
        case {"type": t, **other}: return f"dict {t} {sorted(other)}"
        case str() as s: return s.upper()
        case None: return "none"
        case _: return "other"
print([kind(v) for v in (0, 500, [1, 2], [1, 2, 3], {"type": "x", "k": 1}, "abc", None, 3.5)])
class Point:
    __match_args__ = ("x", "y")
    def __init__(self, x, y): self.x, self.y = x, y
match Point(1, 2):
    case Point(1, y): print("y", y)
match Point(5, 6):
    case Point(x=a, y=b): print(a, b)
### dataclasses
from dataclasses import dataclass, field, asdict, astuple, replace, fields
@dataclass
class Item:
    name: str
    price: float = 1.5
    tags: list[str] = field(default_factory=list)
    total: float = field(init=False, repr=False, default=0)
    def __post_init__(self):
        self.total = self.price * 2
@dataclass(frozen=True, order=True)
class Key:
    a: int
    b: str = "z"
    def bigger(self): return replace(self, a=self.a + 1)
i = Item("pen", tags=["x"])
print(i, asdict(i), astuple(i), i.total, i == Item("pen", tags=["x"]), [f.name for f in fields(Item)])
k = Key(1)
print(k.bigger(), k < Key(2), sorted([Key(2), Key(1)]), {k: 1}[Key(1)], hash(k) == hash(Key(1)))
try:
    k.a = 5
except Exception as e:
    print(type(e).__name__, e)
@dataclass(slots=True, kw_only=True)
class Slot:
    x: int
print(Slot(x=3), Slot(x=3) == Slot(x=3))
@dataclass
class Child(Item):
    extra: int = 0
print(Child("c", extra=4))
@dataclass(frozen=True)
class Cached:
    n: int
    sq: int = field(init=False)
    def __post_init__(self):
        object.__setattr__(self, "sq", self.n ** 2)
print(Cached(4))
### exceptions of one's own
class AppError(Exception):
    """Base."""
class NotFound(AppError):
    def __init__(self, key, hint=None):
        super().__init__(f"no {key}")
        self.key, self.hint = key, hint
    def __str__(self): return f"{self.args[0]} ({self.hint})"
class Bad(ValueError): pass
def find(k):
    try:
        raise KeyError(k)
    except KeyError as error:
        raise NotFound(k, hint="try x") from error
try:
    find("a")
except AppError as e:
    print(type(e).__name__, e, e.key, e.args, repr(e.__cause__), isinstance(e, NotFound))
else:
    print("not here")
finally:
    print("finally")
for e in (Bad("b"), NotFound("q")):
    try:
        raise e
    except (ValueError, NotFound) as caught:
        print(repr(str(caught)), caught.__class__.__name__)
def f():
    try:
        return "try"
    finally:
        print("cleanup")
print(f())
try:
    try:
        1 / 0
    finally:
        print("inner")
except ZeroDivisionError as e:
    print(e)
e = ValueError("a", 1); e.add_note("n"); print(e.args, repr(e))
### with statements
from contextlib import contextmanager, suppress, closing, ExitStack, nullcontext
class Timer:
    def __init__(self, log): self.log = log
    def __enter__(self):
        self.log.append("in")
        return self
    def __exit__(self, kind, error, trace):
        self.log.append(kind.__name__ if kind else None)
        return kind is ValueError
log = []
with Timer(log) as t, Timer(log):
    log.append("body")
with Timer(log):
    raise ValueError("x")
print(log, t.log is log)
@contextmanager
def tag(name):
    print("<" + name + ">")
    try:
        yield name.upper()
    except KeyError:
        print("swallowed")
    finally:
        print("</" + name + ">")
with tag("b") as big:
    print(big)
with tag("i"):
    raise KeyError("k")
with suppress(KeyError):
    {}["x"]
with ExitStack() as stack:
    stack.enter_context(tag("s"))
    stack.callback(print, "callback")
with nullcontext(5) as five:
    print(five)
try:
    with 5: pass
except TypeError as e:
    print("type error")
### f-strings and formats
name, value, width = "Ann", 1234.5678, 10
print(f"{name!r:>8}|{value:,.2f}|{value:{width}.1f}|{name=}|{3 + 4=}|{{}}|{'q' * 2}|{None}")
print("{} {1}".replace("{1}", "{}").format(1, 2), "{a[k]} {b.real} {0[0]}".format([7], a={"k": 3}, b=5), "{:>5}|{:<5}|{:^5}|{:+d}".format(1, 2, 3, 4))
print("%s %5.2f %-5s| %05d %x %r" % ("s", 3.14159, "l", 42, 255, "q"), "{x} {y!r}".format_map({"x": 1, "y": "z"}))
print("{:{w}.{p}f}|".format(3.14159, w=8, p=2), format(3.5, ".2f"), format(255, "#x"), "{!s:>4}".format("a"))
import datetime
print("{:%Y-%m-%d}".format(datetime.date(2024, 1, 2)), f"{datetime.date(2024, 1, 2):%d %b}")
### closures and decorators
import functools
def logged(prefix):
    def deco(fn):
        @functools.wraps(fn)
        def wrapper(*args, **kwargs):
            wrapper.calls += 1
            return prefix + str(fn(*args, **kwargs))
        wrapper.calls = 0
        return wrapper
    return deco
@logged("> ")
def add(a, b=2, *rest, c=3, **kw):
    """Add."""
    return a + b + c + sum(rest) + sum(kw.values())
print(add(1), add(1, 2, 3, c=4, d=5), add.__name__, add.__doc__, add.calls)
def counter():
    n = 0
    def inc(step=1):
        nonlocal n
        n += step
        return n
    return inc
c = counter(); c(); print(c(5), counter()())
total = 0
def bump():
    global total
    total += 1
bump(); bump(); print(total)
print([f(2) for f in [lambda x: x + 1, lambda x, k=3: x * k]], (lambda *a, **k: (a, k))(1, b=2))
def only(a, /, b, *, c): return a, b, c
print(only(1, 2, c=3), only(1, b=2, c=3))
### comprehensions and walrus
words = "the cat sat on the mat the end".split()
counts = {}
for w in words:
    counts[w] = counts.get(w, 0) + 1
print(counts, {k: v for k, v in counts.items() if v > 1}, {len(w) for w in words} == {3, 2})
print([(i, j) for i in range(3) for j in range(i)], [[c for c in w] for w in ["ab", "c"]])
if (n := len(words)) > 5:
    print(n)
print([y for x in range(5) if (y := x * 2) > 4], y)
matrix = [[1, 2], [3, 4]]
print([list(row) for row in zip(*matrix)], [x for row in matrix for x in row])
### augmented assignment everywhere
d = {"n": 1, "l": [1]}
d["n"] += 5; d["l"] += [2]; d["l"][0] -= 1
l = [1, 2, 3, 4]
l[1:3] += [9]; l[-1] *= 2
class O: pass
o = O(); o.x = 1; o.x += 4; o.x **= 2; o.l = []; o.l += [1]; o.d = {}; o.d["k"] = 0; o.d["k"] += 3
o.o = O(); o.o.v = 2; o.o.v <<= 3
s = {1}; s |= {2}; s &= {2, 3}
t = (1,); t += (2,)
print(d, l, o.x, o.l, o.d, o.o.v, s, t)
def side(): o.x = 100; return 1
o.x = 1; o.x += side(); print(o.x)
del d["n"], l[0], o.x
print(d, l, hasattr(o, "x"))
### unpacking
a, *b, c = range(5); (d, (e, *f)), g = (1, (2, 3, 4)), 5
print(a, b, c, d, e, f, g, [*b, *f], {**{"x": 1}, "y": 2}, (*b, 1))
x, y = 1, 2; x, y = y, x; print(x, y)
for i, (k, v) in enumerate({"p": 1, "q": 2}.items(), start=1): print(i, k, v)
def many(): return 1, [2, 3]
p, (q, r) = many(); print(p, q, r)
### enums
from enum import Enum, IntEnum, StrEnum, Flag, auto, unique
class Color(Enum):
    RED = "r"
    GREEN = "g"
    CRIMSON = "r"
    @property
    def long(self): return self.name.lower()
    @classmethod
    def first(cls): return next(iter(cls))
@unique
class Level(IntEnum):
    LOW = 1
    HIGH = auto()
class Perm(Flag):
    R = auto(); W = auto(); X = auto()
class Word(StrEnum):
    HI = auto()
    YO = "yo!"
print(Color.RED, repr(Color.RED), Color("g"), Color["GREEN"], Color.CRIMSON is Color.RED, [c.name for c in Color], Color.RED.long, Color.first())
print(Level.HIGH, Level.HIGH > 1, Level(1).name, sorted(Level, reverse=True)[0], Perm.R | Perm.W, Perm.R in (Perm.R | Perm.X), Word.HI, Word.YO.upper(), Word.HI == "hi")
print({Color.RED: 1}[Color.RED], Color.RED in Color, len(Color), isinstance(Color.RED, Color), list(Color.__members__))
try:
    Color("nope")
except ValueError as e:
    print(e)
Shape = Enum("Shape", "CIRCLE SQUARE"); print(Shape.SQUARE, Shape.SQUARE.value)
class Planet(Enum):
    EARTH = (5.9, 6.3)
    MARS = (0.6, 3.3)
    def __init__(self, mass, radius):
        self.mass, self.radius = mass, radius
    @property
    def density(self): return round(self.mass / self.radius, 3)
print(Planet.MARS.density, Planet((5.9, 6.3)).mass)
match Color.RED:
    case Color.GREEN: print("g")
    case Color.RED: print("r")
### named tuples
from collections import namedtuple
from typing import NamedTuple
P = namedtuple("P", ["x", "y"], defaults=[0])
p = P(1)
print(p, p.x, p._asdict(), p._replace(x=9), P._fields, P._make([4, 5]), p == (1, 0), tuple(p), p[0], len(p))
class Emp(NamedTuple):
    """An employee."""
    name: str
    age: int = 3
    def greet(self): return "hi " + self.name
e = Emp("Bo")
print(e, e.greet(), e.age, Emp._fields, Emp(name="C", age=4)._asdict(), Emp.__doc__)
name, age = e; print(name, age)
class Q(namedtuple("Q", "a b")):
    __slots__ = ()
    @property
    def total(self): return self.a + self.b
print(Q(1, 2).total, Q(1, 2), isinstance(Q(1, 2), tuple))
print(sorted([P(2, 1), P(1, 5)]), max([P(2, 1), P(1, 5)], key=lambda p: p.y))
### abstract classes
from abc import ABC, abstractmethod, ABCMeta
class Shape(ABC):
    @abstractmethod
    def area(self): ...
    @property
    @abstractmethod
    def name(self): ...
    def describe(self): return f"{self.name} {self.area()}"
class Square(Shape):
    def __init__(self, s): self.s = s
    def area(self): return self.s ** 2
    @property
    def name(self): return "square"
print(Square(3).describe(), isinstance(Square(1), Shape))
try:
    Shape()
except TypeError as e:
    print(str(e).split(" with")[0])
class Old(metaclass=ABCMeta):
    @abstractmethod
    def go(self): pass
try:
    Old()
except TypeError as e:
    print("abstract")
from collections.abc import Mapping, Iterable, Sequence
class Lower(Mapping):
    def __init__(self, d): self.d = d
    def __getitem__(self, k): return self.d[k.lower()]
    def __iter__(self): return iter(self.d)
    def __len__(self): return len(self.d)
m = Lower({"a": 1})
print(m["A"], "A" in m, m.get("zz", 0), list(m.items()), isinstance([], Sequence), isinstance({}, Iterable), dict(m))
### typing
from typing import Any, Optional, Union, List, Dict, Callable, TypeVar, Generic, Protocol, Literal, TypedDict, NewType, cast, Iterator
T = TypeVar("T")
class Stack(Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []
    def push(self, item: T) -> None:
        self.items.append(item)
    def pop(self) -> T:
        return self.items.pop()
s: Stack[int] = Stack(); s.push(1); s.push(2); print(s.pop(), s.items)
s2 = Stack[str](); s2.push("a"); print(s2.items)
def f(a: int, b: Optional[str] = None, *c: Union[int, str], d: "Callable[[int], str]" = str) -> Dict[str, List[int]]:
    x: int = a
    return {d(x): [a]}
print(f(1), f.__annotations__["a"])
class HasArea(Protocol):
    def area(self) -> float: ...
class Movie(TypedDict):
    name: str
    year: int
m: Movie = {"name": "x", "year": 1}; print(m, Movie(name="y", year=2))
UserId = NewType("UserId", int); print(UserId(5), cast(int, "q"))
def g() -> Iterator[int]: yield 1
print(list(g()))
### an annotation without a value
x = "outer"
def f():
    x: str
    try: return x
    except UnboundLocalError: return "the name is the function's own"
print(f()); y: int; print("y" in globals())
### postponed annotations
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Node:
    value: int
    next: Node | None = None
    def chain(self) -> list[Node]:
        return [self] + (self.next.chain() if self.next else [])
print([n.value for n in Node(1, Node(2)).chain()])
### counters and friends
from collections import Counter, defaultdict, deque, OrderedDict, ChainMap
c = Counter("mississippi"); c["z"] += 2; c.update("ss")
print(c.most_common(2), c["q"], sum(c.values()), (c - Counter("ss"))["s"], sorted(c.elements())[:3], Counter(a=1) + Counter(a=2))
g = defaultdict(list)
for k, v in [("a", 1), ("b", 2), ("a", 3)]: g[k].append(v)
n = defaultdict(lambda: defaultdict(int)); n["x"]["y"] += 1
print(dict(g), n["x"]["y"], dict(n["x"]))
q = deque([1, 2, 3], maxlen=3); q.append(4); q.appendleft(0); q.rotate(1); print(q, q[0], list(q))
o = OrderedDict(a=1, b=2); o.move_to_end("a"); print(list(o), o.popitem(last=False), ChainMap({"a": 1}, {"b": 2})["b"])
class Tally(Counter):
    def top(self): return self.most_common(1)[0][0]
print(Tally("aab").top())
class Default(dict):
    def __missing__(self, key): return key * 2
print(Default()["ab"])
### regular expressions
import re
text = "Call 555-1234 or 555-9876, on 2024-01-02."
print(re.findall(r"\\d{3}-\\d{4}", text), re.sub(r"(\\d{3})-(\\d{4})", r"\\2/\\1", text), re.split(r"[ ,]+", "a, b c"))
m = re.search(r"(?P<y>\\d{4})-(?P<m>\\d\\d)", text); print(m.group("y"), m["m"], m.groupdict(), m.span(), m.start(1), bool(re.match("x", "y")))
p = re.compile(r"^(\\w+)", re.M | re.I); print(p.findall("a b\\nc d"), p.pattern, [x.group() for x in re.finditer("[aeiou]", "education")])
print(re.sub(r"\\d+", lambda m: str(int(m.group()) * 2), "a1b22"), re.escape("a.b"), re.fullmatch("a+", "aaa") is not None)
try:
    re.compile("(")
except re.error as e:
    print("bad pattern")
### json
import json
data = {"a": [1, 2.5, None, True], "b": {"c": "é"}}
print(json.dumps(data, sort_keys=True), json.dumps(data, indent=2, ensure_ascii=False), json.loads('{"x": [1, {"y": null}]}'))
try:
    json.loads("{bad}")
except json.JSONDecodeError as e:
    print(e.msg, e.pos, type(e).__name__)
class Enc(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, set): return sorted(o)
        return super().default(o)
print(json.dumps({"s": {2, 1}}, cls=Enc), json.dumps({1, 2}, default=list), json.loads("[1.5]", parse_float=str), json.loads('{"a":1}', object_hook=lambda d: sorted(d)))
### dates
from datetime import datetime, timedelta, date, time, timezone
d = datetime(2024, 2, 28, 13, 5)
print(d + timedelta(days=2), d.strftime("%Y/%m/%d %H:%M %A"), d.isoformat(), d.date(), d.weekday(), (date(2024, 3, 1) - date(2024, 2, 1)).days)
print(datetime.strptime("03 Feb 2021", "%d %b %Y"), datetime.fromisoformat("2024-01-02T03:04:05+00:00"), date.fromisoformat("2024-05-06").month, d.replace(year=2025))
print(repr(d), repr(date(2024, 1, 1)), timedelta(hours=25), timedelta(days=1).total_seconds(), d.replace(tzinfo=timezone.utc).timestamp(), isinstance(d, date), isinstance(d, datetime), d < datetime(2025, 1, 1))
print(datetime.fromtimestamp(0, timezone.utc), datetime.combine(date(2020, 1, 1), time(2, 3)), max(date(2020, 1, 1), date(2021, 1, 1)))
### time zones of one's own
from datetime import tzinfo, timedelta, datetime
class One(tzinfo):
    def utcoffset(self, d): return timedelta(hours=1)
    def dst(self, d): return timedelta(0)
    def tzname(self, d): return "ONE"
print(datetime(2024, 1, 1, tzinfo=One()).isoformat())
### mathematics
import math, statistics, cmath, decimal, fractions
from decimal import Decimal, getcontext
from fractions import Fraction
print(math.sqrt(2), math.pi, math.comb(5, 2), math.gcd(12, 18), math.isclose(0.1 + 0.2, 0.3), math.floor(-1.5), math.inf, math.prod([1, 2, 3]), math.dist([0, 0], [3, 4]))
print(statistics.mean([1, 2, 3, 4]), statistics.median([1, 3, 2]), statistics.stdev([1, 2, 4]), statistics.mode("aab"), statistics.quantiles([1, 2, 3, 4]), statistics.NormalDist(0, 1).cdf(0))
getcontext().prec = 6
print(Decimal("1") / Decimal("3"), Decimal("1.10") + 1, Fraction(1, 3) + Fraction(1, 6), Fraction("0.25"), cmath.sqrt(-1), round(2.675, 2), divmod(-7, 3), 7 // 2, -7 % 3, 2 ** 100)
print(int("ff", 16), bin(10), hex(255), oct(8), float("nan") != float("nan"), complex(1, 2) * 2, (5).bit_length(), (3.75).as_integer_ratio(), int.from_bytes(b"ab", "big"))
### itertools and functools
import itertools, functools, operator
print(list(itertools.chain([1], [2])), list(itertools.islice(itertools.count(5), 3)), [(k, list(g)) for k, g in itertools.groupby("aabc")], list(itertools.combinations("abc", 2)), list(itertools.product([0, 1], repeat=2)), list(itertools.accumulate([1, 2, 3])), list(itertools.zip_longest([1], [2, 3])), list(itertools.pairwise([1, 2, 3])), list(itertools.permutations([1, 2])), list(itertools.takewhile(lambda x: x < 2, [1, 2])))
print(functools.reduce(lambda a, b: a * b, [1, 2, 3]), functools.partial(int, base=2)("101"), sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: b - a)))
@functools.lru_cache(maxsize=None)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
@functools.cache
def sq(n): return n * n
print(fib(60), fib.cache_info().hits > 0, sq(4))
@functools.total_ordering
class T:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return self.v == o.v
    def __lt__(self, o): return self.v < o.v
print(T(1) >= T(0), T(1) <= T(0))
class Lazy:
    @functools.cached_property
    def value(self):
        print("computed")
        return 5
z = Lazy(); print(z.value, z.value)
print(sorted([{"a": 2}, {"a": 1}], key=operator.itemgetter("a")), operator.add(1, 2), operator.mul(2, 3), list(map(operator.attrgetter("real"), [1, 2])), operator.methodcaller("upper")("x"), operator.attrgetter("real", "imag")(3))
### heaps and bisection
import heapq, bisect
h = [5, 1, 4]; heapq.heapify(h); heapq.heappush(h, 0); print(heapq.heappop(h), heapq.nsmallest(2, h), heapq.nlargest(1, h), list(heapq.merge([1, 3], [2])))
l = [1, 3, 5]; bisect.insort(l, 4); print(l, bisect.bisect_left(l, 3), bisect.bisect(l, 3))
def dijkstra(graph, start):
    dist, queue = {start: 0}, [(0, start)]
    while queue:
        d, node = heapq.heappop(queue)
        for nxt, cost in graph.get(node, {}).items():
            if d + cost < dist.get(nxt, float("inf")):
                dist[nxt] = d + cost
                heapq.heappush(queue, (d + cost, nxt))
    return dist
print(dijkstra({"a": {"b": 1, "c": 4}, "b": {"c": 2}}, "a"))
### copies
import copy
a = [1, [2, 3], {"k": [4]}]
b = copy.copy(a); c = copy.deepcopy(a)
a[1].append(9); a[2]["k"].append(5)
print(b, c)
class N:
    def __init__(self): self.items = [1]; self.me = self
n = N(); m = copy.deepcopy(n); k = copy.copy(n)
n.items.append(2)
print(m.items, k.items, m.me is m, k.me is n)
x = []; x.append(x); y = copy.deepcopy(x); print(y[0] is y, y is not x)
class W:
    def __init__(self, v): self.v = v
    def __copy__(self): return W(self.v + 1)
    def __deepcopy__(self, memo): return W(copy.deepcopy(self.v, memo) + [0])
print(copy.copy(W(1)).v, copy.deepcopy(W([1])).v)
### texts
import string, textwrap, unicodedata, html, difflib
print(string.ascii_lowercase[:3], string.capwords("a b"), string.Template("$x and ${y}").substitute(x=1, y=2), textwrap.fill("aaa bbb ccc", 7), textwrap.dedent("  a\\n  b"), textwrap.shorten("hello big world", 11))
print(unicodedata.normalize("NFKD", "é").encode("ascii", "ignore"), unicodedata.name("a"), html.unescape("&lt;a&gt;"), html.escape("<"), difflib.get_close_matches("appel", ["apple", "ape"]), round(difflib.SequenceMatcher(None, "abcd", "bcde").ratio(), 2))
print("\\n".join(difflib.unified_diff(["a"], ["b"], lineterm="")))
print("a,b;c".replace(";", ",").split(","), "abc".translate(str.maketrans("a", "x")), "Hello".swapcase(), "x".zfill(3), " s ".strip(), "a-b".partition("-"), "abc"[::-1], "%d%%" % 5, "ß".casefold(), "a\\tb".expandtabs(2), "abc".find("c"), "l1\\nl2".splitlines(), ord("a"), chr(98), "é".encode(), b"\\xc3\\xa9".decode("utf-8"), "x".encode("utf-16"), "é".encode("latin-1"))
### files in memory
import io, csv
f = io.StringIO()
w = csv.writer(f); w.writerow(["a", "b,c"]); w.writerows([[1, 2]])
print(repr(f.getvalue()), list(csv.reader(io.StringIO("x,y\\n1,\\"2,3\\"\\n"))), list(csv.DictReader(io.StringIO("a,b\\n1,2\\n"))))
out = io.StringIO(); print("to file", 5, file=out, end="!"); print(out.getvalue())
d = csv.DictWriter(out, ["p"]); d.writeheader(); d.writerow({"p": 1}); print(repr(out.getvalue()))
b = io.BytesIO(b"abc"); print(b.read(2), b.tell(), [line for line in io.StringIO("1\\n2\\n")])
with io.StringIO("q") as g: print(g.read())
### bytes and hashes
import base64, binascii, hashlib, zlib
print(base64.b64encode(b"hi"), base64.b64decode("aGk="), binascii.hexlify(b"a"), hashlib.sha256(b"x").hexdigest()[:8], hashlib.md5(b"").hexdigest()[:6], zlib.decompress(zlib.compress(b"zz")), zlib.crc32(b"a"), hashlib.new("sha1", b"a").hexdigest()[:6])
ba = bytearray(b"abc"); ba[0] = 65; ba.extend(b"d"); print(ba, bytes(ba), memoryview(b"abc")[1], b"a".hex(), bytes.fromhex("6162"), b"a,b".split(b","))
### random numbers
import random
random.seed(42)
print(random.random(), random.randint(1, 10), random.choice("abc"), random.sample(range(10), 3), random.gauss(0, 1), random.choices([1, 2], k=3))
r = random.Random(7); l = list(range(5)); r.shuffle(l); print(l, r.random(), r.uniform(1, 2))
### built-in functions
print(sorted([3, 1, 2], reverse=True), sum([1, 2], 10), min([3, 1], key=lambda x: -x), max("ab", "c"), any([0, 1]), all([]), list(zip([1, 2], "ab")), list(map(str, [1])), list(filter(None, [0, 1])), list(reversed([1, 2])), list(enumerate("a", 1)), abs(-2), round(2.567, 1), pow(2, 3, 5), divmod(7, 2), isinstance(True, int), callable(len), len("abc"), repr("a"), ascii("é"), next(iter([1])), next(iter([]), "d"))
print(type(3) is int, type("a").__name__, type([]) == list, type(None).__name__, isinstance(3, (int, str)), type(lambda: 0).__name__, isinstance(int, type), bool([]), int("5"), float("1e3"), str(5), list("ab"), tuple([1]), set([1]), frozenset([1]), dict(a=1), dict([(1, 2)]), bytes(2), complex("1j"), slice(1, 2), range(3), hasattr("a", "upper"), getattr("a", "upper")(), getattr(3, "nope", "dflt"))
class X: pass
x = X(); setattr(x, "v", 1); print(getattr(x, "v"), hasattr(x, "w"), vars(x), x.__dict__); delattr(x, "v"); print(hasattr(x, "v"))
print([n for n in dir(x) if not n.startswith("_")], [n for n in dir("") if n.startswith("is")][:2])
print(hash("a") == hash("a"), id(x) == id(x), id(x) != id(X()), 3 .__add__(4), [1].__len__(), "a".__eq__("a"))
print(*[1, 2], sep="-", end=".\\n"); print(); print("a", "b", sep=""); print(1, None, True, [1.0, "x"], {"k": (1,)}, flush=True)
### class features
class Meta:
    count = 0
    registry = {}
    def __init_subclass__(cls, /, tag=None, **kw):
        super().__init_subclass__(**kw)
        Meta.registry[tag or cls.__name__] = cls
    def __new__(cls, *a):
        self = super().__new__(cls)
        Meta.count += 1
        return self
class One(Meta, tag="one"): pass
class Named:
    def __init_subclass__(cls, name, bases=(), namespace=None, self=0): cls.given = (name, bases, namespace, self)
class Child(Named, name="n", bases=(1,), namespace=2, self=3): pass
print(Child.given)
class Two(Meta): pass
One(); Two(); print(sorted(Meta.registry), Meta.count)
class Single:
    _inst = None
    def __new__(cls):
        if cls._inst is None: cls._inst = super().__new__(cls)
        return cls._inst
print(Single() is Single())
class Temp:
    def __init__(self, c): self._c = c
    @staticmethod
    def conv(f): return (f - 32) * 5 / 9
    @classmethod
    def from_f(cls, f): return cls(cls.conv(f))
    def __getattr__(self, name):
        if name == "magic": return 7
        raise AttributeError(name)
print(Temp.from_f(212)._c, Temp(1).magic, hasattr(Temp(1), "zip"), Temp.conv(32))
class Slots:
    __slots__ = ("a", "_b")
    def __init__(self): self.a = 1; self._b = 2
s = Slots(); print(s.a, s._b)
try: s.c = 1
except AttributeError: print("no c")
class Private:
    def __init__(self): self.__secret = 5
    def get(self): return self.__secret
    def __hidden(self): return "h"
    def call(self): return self.__hidden()
print(Private().get(), Private().call(), Private()._Private__secret)
class Ctx:
    x = [i for i in range(3)]
    class Inner:
        y = 2
    def make(self): return self.Inner.y
print(Ctx().make(), Ctx.x)
class Desc:
    def __set_name__(self, owner, name): self.name = "_" + name
    def __get__(self, obj, kind=None): return getattr(obj, self.name, "unset")
    def __set__(self, obj, value): setattr(obj, self.name, value * 2)
class UseDesc:
    v = Desc()
u = UseDesc(); print(u.v); u.v = 4; print(u.v)
class S(str):
    def shout(self): return self.upper() + "!"
print(S("a").shout(), S("x{}").format(1), S("abc")[1:], len(S("ab")), isinstance(S(""), str))
class L(list):
    def second(self): return self[1]
print(L([1, 2]).second(), L([3, 1]).index(1))
class I(int):
    def double(self): return I(self * 2)
print(I(4).double() + 1)
class Track:
    def __setattr__(self, k, v):
        print("set", k)
        super().__setattr__(k, v)
    def __delattr__(self, k):
        print("del", k)
        object.__delattr__(self, k)
t = Track(); t.q = 1; del t.q
class It:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n <= 0: raise StopIteration
        self.n -= 1
        return self.n
print(list(It(3)), sum(It(3)))
### control flow
for i in range(5):
    if i == 1: continue
    if i == 3: break
    print(i)
else:
    print("no break")
n = 3
while n:
    n -= 1
else:
    print("done")
x = 5
print("big" if x > 3 else "small", 1 < x <= 5 != 6, x and 0 or "z", not x)
try:
    assert x == 6, "must be six"
except AssertionError as e:
    print("assert", e)
def f(n):
    if n == 0: return "base"
    return f(n - 1)
print(f(50))
def g(x, acc=[]):
    acc.append(x)
    return acc
g(1); print(g(2))
if __name__ == "__main__": print("main")
pass; ...; print(1 if True else 2); print(1) ; print(2)
### sorting with many keys
rows = [("b", 2), ("a", 2), ("c", 1)]
print(sorted(rows, key=lambda r: (-r[1], r[0])), sorted(rows, key=lambda r: r[1]), max(rows, key=lambda r: r[1]))
rows.sort(key=lambda r: r[0], reverse=True); print(rows)
print(sorted("bac", key=str.upper), list(map(str.strip, [" a "])), list(map(str.upper, "ab")), sorted({"x": 2, "y": 1}.items(), key=lambda kv: kv[1]))
d = {"k": 1}
print(sorted(["k"], key=d.get), max(d, key=d.get), "".join(map(chr, [97, 98])), list(map(lambda a, b: a + b, [1], [2])))
### trees and recursion
class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right
    def insert(self, v):
        side = "left" if v < self.value else "right"
        child = getattr(self, side)
        if child is None: setattr(self, side, Tree(v))
        else: child.insert(v)
    def __iter__(self):
        if self.left: yield from self.left
        yield self.value
        if self.right: yield from self.right
    def depth(self): return 1 + max(self.left.depth() if self.left else 0, self.right.depth() if self.right else 0)
t = Tree(5)
for v in [3, 8, 1, 4, 9]: t.insert(v)
print(list(t), t.depth())
def perms(s): return [s] if len(s) < 2 else [c + p for i, c in enumerate(s) for p in perms(s[:i] + s[i + 1:])]
print(perms("abc"))
memo = {}
def fib(n):
    if n in memo: return memo[n]
    memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]
print(fib(80))
def flatten(x): return [y for i in x for y in (flatten(i) if isinstance(i, list) else [i])]
print(flatten([1, [2, [3]]]))
### urls and calendars
from urllib.parse import urlparse, quote, parse_qs, urlencode, urljoin
import urllib.parse, calendar, uuid, pprint, numbers
print(urlparse("http://a.b/c?d=e#f").netloc, quote("a b/é"), parse_qs("a=1&a=2"), urlencode({"x": "y z"}), urljoin("http://a/b", "c"), urllib.parse.unquote("%20"))
print(calendar.monthrange(2024, 2), calendar.isleap(2024), calendar.month_name[3], calendar.day_abbr[0], uuid.UUID(int=5), uuid.uuid5(uuid.NAMESPACE_DNS, "a"), isinstance(3, numbers.Integral))
pprint.pprint({"b": [1, 2], "a": 1}); print(pprint.pformat([1]), pprint.pformat({"k": "v" * 60, "l": "w" * 60}))
### try to import what is not there
try:
    import numpy as np
except ImportError:
    np = None
print(np)
try:
    from collections import nothing
except ImportError as e:
    print("import error")
### generator based pipeline
def read(lines):
    for line in lines:
        yield line.strip()
def parse(lines):
    for line in lines:
        key, _, value = line.partition("=")
        yield key, int(value)
def only_big(pairs, limit):
    return ((k, v) for k, v in pairs if v > limit)
print(dict(only_big(parse(read(["a=1 ", " b=20", "c=30"])), 10)))
def infinite():
    n = 0
    while True:
        yield n
        n += 1
import itertools
print(list(itertools.islice(infinite(), 4)))
gen = (x for x in range(3))
print(next(gen), list(gen), next(gen, None))
### threads of text work
docs = ["The quick brown fox", "jumps over the lazy dog", "the end"]
index = {}
for i, doc in enumerate(docs):
    for w in doc.lower().split():
        index.setdefault(w, set()).add(i)
print(sorted((w, sorted(ids)) for w, ids in index.items() if len(ids) > 1))
import re, collections
print(collections.Counter(re.findall(r"\\w+", " ".join(docs).lower())).most_common(2))
table = [["name", "n"], ["a", 1], ["bb", 22]]
for row in table:
    print(" | ".join(str(c).ljust(5) for c in row))
print("\\n".join(f"{i:02d}: {d[:10]}..." for i, d in enumerate(docs)))
### star expressions in calls and index
def f(*a, **k): return a, sorted(k.items())
args, kw = (1, 2), {"z": 3}
print(f(*args, 4, *[5], **kw, y=6), f(*"ab"))
l = list(range(10)); print(l[::2], l[-3:], l[5:2:-1], l[:], l[slice(1, 3)])
l[2:5] = ["x"]; del l[::3]; print(l)
class G:
    def __getitem__(self, key): return key
print(G()[1, 2:3, ...], G()["a"])
### integers and bits
print(5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 10, 1024 >> 3, 10 ** 20, -7 // 2, 0b101, 0o17, 0xFF, 1_000_000, 1e-3, 3 / 2, int(-3.7), round(0.5), round(1.5), 7.0 // 2, float("inf") > 1, (-1) ** 0.5 == (-1) ** 0.5)
print(f"{255:08b} {255:x} {1e6:.2e} {0.25:.0%} {12345678:_}", int("0b11", 2), (1).to_bytes(2, "big"), 10 .bit_count())
### del and scope
x = 1
def f():
    x = 2
    def g():
        return x
    return g()
print(f(), x)
del x
try:
    print(x)
except NameError as e:
    print(type(e).__name__, e)
def h():
    try:
        return y
    except UnboundLocalError as e:
        return type(e).__name__
    y = 1
print(h())
class K:
    a = 1
    b = a + 1
print(K.b)
### base exceptions
class Stop(BaseException): pass
def attempt(error):
    try:
        try:
            raise error
        except Exception as e:
            return "ordinary", repr(e)
    except BaseException as e:
        return "base", repr(e), isinstance(e, BaseException)
print(attempt(ValueError(1)), attempt(Stop("s")), attempt(SystemExit(2)), attempt(KeyboardInterrupt()), attempt(BaseException("b")))
try:
    raise Stop("x")
except:
    print("bare")
try:
    raise Stop("y")
except (KeyError, Stop) as e:
    print(e, issubclass(ValueError, BaseException), issubclass(Stop, Exception))
class M:
    def __enter__(self): return self
    def __exit__(self, kind, error, trace):
        print("exit", kind.__name__)
        return kind is Stop
with M():
    raise Stop()
try:
    with M():
        raise BaseException("z")
except BaseException as e:
    print(repr(e), type(e).__name__)
def g():
    try:
        yield 1
    except GeneratorExit:
        print("left")
x = g(); next(x); x.close()
### imports of everything
from math import *
from itertools import *
from dataclasses import *
print(sqrt(4), list(chain([1], [2])), floor(2.5), is_dataclass(1))
### attributes as a dict
class A:
    def __init__(self, **given): self.__dict__.update(given)
a = A(x=1, y=2)
a.__dict__["z"] = 3
vars(a)["w"] = 4
import json
print(a.x, a.z, a.w, json.dumps(a, default=lambda o: o.__dict__), {**a.__dict__}, sorted(vars(a)), "x" in a.__dict__, a.__dict__.pop("x"), hasattr(a, "x"))
''')
