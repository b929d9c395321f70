# ruff: noqa: E501 - attempts are as dense as they come
"""Attempts to leave the language policy, each of one or more cells parted by `#--`. What one gets hold of it leaves in R."""

from __future__ import annotations

ATTEMPTS: dict[str, str] = {}


def _read(text: str) -> None:
    for part in text.split("\n### ")[1:]:
        name, _, code = part.partition("\n")
        assert name not in ATTEMPTS, name
        ATTEMPTS[name] = code.strip("\n") + "\n"


_read(r"""
### format attribute
R = "{0.__class__}".format(ask)
### format reaches globals
R = "{0.__globals__[SECRET]}".format(ask)
### format_map
R = "{a.__globals__[SECRET]}".format_map({"a": ask})
### unbound format
R = str.format("{0.__globals__[SECRET]}", ask)
### format as a callback
R = list(map(str.format, ["{0.__globals__[SECRET]}"], [ask]))
### format by a name made at run time
R = getattr("{0.__globals__[SECRET]}", "for" + "mat")(ask)
### format of a subclass
class S(str): pass
R = S("{0.__globals__[SECRET]}").format(ask)
### format through super
class S(str):
    def go(self, x): return super().format(x), super(S, self).format(x)
R = S("{0.__globals__[SECRET]}").go(ask)
### format through super, unbound
class S(str): pass
R = super(S, S).format("{0.__globals__[SECRET]}", ask)
### format_map through super
class S(str):
    def go(self, x): return super().format_map({"a": x})
R = S("{a.__globals__[SECRET]}").go(ask)
### format in a nested field
R = "{0:{1.__globals__[SECRET]}}".format("a", ask)
### format by a class pattern
match "{0.__globals__[SECRET]}":
    case str(format=f):
        R = f(ask)
### format by positional pattern of a dataclass that is a str
from dataclasses import dataclass
@dataclass(init=False)
class X(str):
    format: int
x = X("{0.__globals__[SECRET]}")
match x:
    case X(f):
        R = f(ask)
### format by own match args
class X(str):
    __match_args__ = ("format",)
match X("{0.__globals__[SECRET]}"):
    case X(f):
        R = f(ask)
### format by asdict
from dataclasses import dataclass, asdict, astuple, replace
@dataclass(init=False)
class X(str):
    format: int
R = [asdict(X("{0.__globals__[SECRET]}"))["format"](ask), astuple(X("{0.__globals__[SECRET]}"))[0](ask)]
### format after its stand-in is deleted
class X(str): pass
try:
    del X.format
except Exception: pass
R = X("{0.__globals__[SECRET]}").format(ask)
### format of a StrEnum
from enum import StrEnum
class E(StrEnum):
    A = "{0.__globals__[SECRET]}"
R = [E.A.format(ask), E.A.value.format(ask)]
match E.A:
    case E(format=f): R.append(f(ask))
### format of a str that is an Enum
from enum import Enum
class E(str, Enum):
    A = "{0.__globals__[SECRET]}"
R = E.A.format(ask)
### format read by augmented assignment
class S(str): pass
class Radd:
    def __radd__(self, other):
        R.append(other)
        return 1
R = []
s = S("{0.__globals__[SECRET]}")
s.format += Radd()
R = [f(ask) for f in R]
### format by attrgetter
import operator
R = operator.attrgetter("format")("{0.__globals__[SECRET]}")(ask)
### format by methodcaller
import operator
R = operator.methodcaller("format", ask)("{0.__globals__[SECRET]}")
### format by partial and getattr
import functools
R = functools.partial(getattr, "{0.__globals__[SECRET]}")("format")(ask)
### format by reduce
import functools
R = functools.reduce(getattr, ["format"], "{0.__globals__[SECRET]}")(ask)
### string.Formatter
import string
R = string.Formatter().format("{0.__globals__[SECRET]}", ask)
### string.Formatter by name
from string import Formatter
R = Formatter().get_field("0.__globals__", (ask,), {})
### UserString
from collections import UserString
R = UserString("{0.__globals__[SECRET]}").format(ask)
### an alias of str by typing
import typing
R = [typing.Text.format("{0.__globals__[SECRET]}", ask), typing.Annotated[str, 1].format("{0.__globals__[SECRET]}", ask)]
### a format method kept on a class
class A:
    f = str.format
    g = "{0.__globals__[SECRET]}".format
R = [A.g(ask), A.f("{0.__globals__[SECRET]}", ask)]
### format spec of an f-string
R = f"{1:{ask.__globals__}}"
### format_map of a mapping of one's own
class M(dict):
    def __missing__(self, key): return ask
R = "{x.__globals__[SECRET]}".format_map(M())
### format by a look-alike
R = "{0.__ｇlobals__[SECRET]}".format(ask)
### class, base, subclasses
R = ().__class__.__base__.__subclasses__()
### class by a name made at run time
R = getattr(getattr((), "__cla" + "ss__"), "__ba" + "se__")
### class of a class pattern
match ():
    case object(__class__=c): R = c
### a name that lies about itself
class S(str):
    def startswith(self, *a): return False
    def __hash__(self): return hash("upper")
    def __eq__(self, other): return True
R = getattr(ask, S("__globals__"))
### a name that lies, against what was seen before
class S(str):
    def __hash__(self): return hash("upper")
    def __eq__(self, o): return True
"a".upper
R = getattr("{0.__globals__[SECRET]}", S("format"))(ask)
### frame of a generator
def g(): yield 1
R = g().gi_frame
### frame of a generator by name
R = getattr((i for i in [1]), "gi_" + "frame")
### frame of a generator by pattern
def g(): yield
match g():
    case object(gi_frame=f): R = f
### generator that sees itself
def climb():
    g = (g.gi_frame.f_back for _ in [1])
    return [x for x in g][0]
R = climb()
### traceback of an exception
try:
    1 / 0
except Exception as e:
    R = e.__traceback__
### traceback given to exit
R = []
class C:
    def __enter__(self): return self
    def __exit__(self, kind, error, trace):
        R.append(trace)
        return True
with C():
    1 / 0
### traceback given to exit by an ExitStack
from contextlib import ExitStack
R = []
class C:
    def __enter__(self): return self
    def __exit__(self, kind, error, trace):
        R.append(trace)
        return True
with ExitStack() as stack:
    stack.enter_context(C())
    stack.push(lambda kind, error, trace: R.append(trace))
    1 / 0
### traceback by with_traceback
try:
    1 / 0
except Exception as e:
    R = e.with_traceback
### traceback by format
try:
    1 / 0
except Exception as e:
    R = "{0.__traceback__.tb_frame.f_globals}".format(e)
### the object of an AttributeError
try:
    json.nope
except AttributeError as e:
    R = e.obj
### the object of an AttributeError by getattr
try:
    "{0.nope}".format(json)
except AttributeError as e:
    R = [getattr(e, "obj", None), getattr(e, "ob" + "j", None)]
### the object of an own AttributeError, by a name in its dict
class E(AttributeError): pass
class Owner:
    def __getattr__(self, name): raise E(name)
try:
    Owner().nope
except E as e:
    vars(e)["obj"] = 1
    R = getattr(e, "obj", None)
assert R is None
### the object of an AttributeError by pattern
try:
    json.nope
except AttributeError as e:
    match e:
        case AttributeError(obj=o): R = o
### methods lead to their objects
R = [getattr([].append, "__self__", None), len.__self__]
### bound methods of guards
R = [getattr(f, n, None) for f in (vars, id, repr, globals, dir, hash, print, getattr, type) for n in ("__self__", "__func__", "__globals__", "__closure__", "__code__", "screen", "look", "cls")]
R = [x for x in R if x is not None]
### what a deep copy leads to
import copy
memo = {}
for thing in (vars, id, json, print, ctx, ask, copy.deepcopy, random.choice, type):
    try: copy.deepcopy(thing, memo)
    except Exception: pass
R = list(memo.values())
### what a deep copy hands to a hook
import copy
R = []
class D:
    def __deepcopy__(self, memo):
        R.append(list(memo.values()))
        return self
copy.deepcopy([vars, json, print, D(), random.choice])
### what a deep copy hands to a hook by getattr
import copy
R = []
class D:
    def __getattr__(self, name):
        def hook(*args):
            R.append((name, args))
            return self
        return hook
for thing in ([vars, D()], {1: D(), 2: print}):
    try: copy.deepcopy(thing)
    except Exception: pass
    try: copy.copy(D())
    except Exception: pass
### what asdict hands to a hook
from dataclasses import dataclass, asdict
R = []
class D:
    def __deepcopy__(self, memo):
        R.append(dict(memo))
        return self
@dataclass
class X:
    a: object
    b: object
R.append(asdict(X(print, D())))
### type with three arguments
R = type("X", (str,), {"__eq__": lambda a, b: True})
### a metaclass
class M(type): pass
R = M
### the metaclass of a class
class A: pass
R = [type(type(1)), type(A), A.__class__, type(type(A))]
### a metaclass by keyword
class A(metaclass=lambda *a: a): pass
R = A
### a metaclass by our own keyword
class A(**{"metaclass!": print, "metaclass": print}): pass
R = A
### calling ABCMeta
import abc
R = abc.ABCMeta("X", (), {})
### subclass of what must not have one
import functools, random, string
R = []
for base in (type, super, property, functools.partial, random.Random, string.Template, type(ctx), type(json), type(ask), type(print), bool, range, slice, memoryview):
    try:
        class X(base): pass
        R.append(X)
    except Exception: pass
assert not R
### mro of classes
R = [str.mro(), getattr(str, "mr" + "o")()]
### register on abstract classes
import collections.abc, typing, numbers
R = []
for kind in (collections.abc.Mapping, collections.abc.Hashable, numbers.Number):
    try:
        kind.register(str)
        R.append(kind)
    except AttributeError: pass
assert not R
### register by an alias
import typing
class A: pass
R = typing.Mapping.register(A)
### isinstance made to lie
from abc import ABC
class A(ABC):
    __match_args__ = ("format",)
A.register(str)
match "{0.__globals__[SECRET]}":
    case A(f): R = f(ask)
### lying class by slots
class A:
    __slots__ = ("__class__",)
a = A()
a.__class__ = str
R = a
### lying class by namedtuple
from collections import namedtuple
R = namedtuple("X", ["__class__"])
### special methods past the class statement
class A: pass
R = []
for n in ("__del__", "__reduce__", "__class__", "__dict__", "__getattribute__"):
    try:
        setattr(A, n, lambda *a: 1)
        R.append(n)
    except (AttributeError, TypeError): pass
assert not R
### special methods by global in a class body
class A:
    global __build_class__
    __build_class__ = print
### special names in a class body
class A:
    __import__ = print
    __builtins__ = {}
R = A
### finalizer
class A:
    def __del__(self): R.append(1)
R = []
a = A()
del a
assert not R
### reduce
class A:
    def __reduce__(self): return (print, ("x",))
    def __reduce_ex__(self, p): return (print, ("x",))
### setstate and slots state
import copy
class A:
    def __getstate__(self): return (None, {"__class__": str})
R = copy.copy(A())
### setattr of object
object.__setattr__(ask, "stash", 1)
R = ask.stash
### setattr of object with a special name
class A: pass
a = A()
object.__setattr__(a, "__class__", str)
R = a.__class__
### setattr through super
class A:
    def go(self): super().__setattr__("__dict__", {"a": 1})
A().go()
### setattr through a frozen dataclass
from dataclasses import dataclass
@dataclass(frozen=True)
class A:
    x: int = 1
class B(A):
    def go(self, name, value): super().__setattr__(name, value)
class C: pass
b = B()
b.go("__class__", C)
assert False, 'it went through'
### attributes by the dict of an object
class A: pass
a = A()
a.__dict__["__class__"] = str
assert False, 'it went through'
### attributes by update of the dict
class A: pass
a = A()
vars(a).update({"__class__": str})
assert False, 'it went through'
### dict of a class
class A: pass
R = [A.__dict__, vars(A)]
### dict of a function
ask.__dict__["x"] = 1
R = ask.x
### function attributes
def f(): return 1
f.__code__ = (lambda: 2).__code__
### function globals
R = (lambda: 0).__globals__
### function closure of an external
R = ask.__closure__
### attribute of an external
ask.stash = 1
R = ask.stash
### defaults of an external
ask.__defaults__ = (1,)
### update_wrapper with chosen attributes
import functools
def evil(): return 1
functools.update_wrapper(json.dumps, evil, assigned=("__code__", "__defaults__"), updated=())
R = json.dumps.__code__
### wraps with chosen attributes
import functools
def evil(): return 1
functools.wraps(evil, assigned=("__code__",), updated=())(json.dumps)
R = json.dumps()
### wrapped of a cache
import functools
R = [functools.lru_cache(ask).__wrapped__, functools.cache(ask).cache_parameters.__globals__]
### abstractmethod marks what it is given
import abc
abc.abstractmethod(json.dumps)
assert False, 'it went through'
### typing.final marks what it is given
import typing
typing.final(json.dumps)
R = json.dumps.__final__
### total_ordering on a class that is not one's own
import functools, decimal
R = functools.total_ordering(decimal.Context)
assert not R
### dataclass on a class that is not one's own
import dataclasses, random
R = dataclasses.dataclass(random.Random)
### dataclass made of names
import dataclasses
R = dataclasses.make_dataclass("X", [("a: int = __import__('os')", int)])
### annotations of a class written over
class A:
    __annotations__ = {"x: int = print": int}
### string annotations are never run
from dataclasses import dataclass
import typing
@dataclass
class A:
    x: "R.append(0)" = 1
    y: typing.Optional["R.append(1)"] = None
class T(typing.NamedTuple):
    x: "R.append(1)" = 1
class D(typing.TypedDict):
    x: "R.append(1)"
R = []
A(); T()
assert not R
### type hints evaluated
import typing
def f(x: "().__class__.__base__.__subclasses__()"): pass
R = typing.get_type_hints(f)
### a forward reference evaluated
import typing
R = typing.ForwardRef("().__class__")._evaluate({}, {}, frozenset())
### a forward reference found in an alias
import typing
R = typing.Optional["().__class__.__base__"].__args__[0]._evaluate({}, {}, frozenset())
### dispatch by annotation
import functools
@functools.singledispatch
def f(x): pass
@f.register
def _(x: "().__class__.__base__.__subclasses__()"): pass
R = f
### namedtuple field that is code
from collections import namedtuple
R = namedtuple("X", ["a", "b):\n import os #"])
### namedtuple field of a lying str
from collections import namedtuple
class S(str):
    def isidentifier(self): return True
    def __str__(self): return self
R = namedtuple("X", [S("a, b=print")])
### namedtuple name that is code
from collections import namedtuple
R = namedtuple("X(tuple): pass\nprint(1)\nclass Y", "a")
### namedtuple methods lead to globals
from collections import namedtuple
R = [namedtuple("X", "a")(1)._replace.__globals__]
### typing.NamedTuple by call
import typing
R = typing.NamedTuple("X", [("a): print(1) #", int)])
### enum by call with special members
from enum import Enum
R = Enum("X", {"__reduce__": 1, "__class__": 2})
### enum by call with members that lie
from enum import Enum
class T(tuple):
    def __getitem__(self, i): return "OK"
R = Enum("X", [T(("__class__", 1))])
R = type(R.__class__)
### enum internals
from enum import Enum
class E(Enum):
    A = 1
R = [getattr(E, n) for n in ("_member_map_", "_create_", "_convert_", "_find_data_type_") if hasattr(E, n)]
assert not R
### enum past the metaclass
import enum
R = enum.EnumType
### private names of native bases
import json
class E(json.JSONEncoder): pass
R = [getattr(E(), n, None) for n in ("_abc_impl", "_iterencode")]
### private names by a mixin that has them too
import collections.abc
class Mix: _abc_impl = 1
class A(collections.abc.Mapping, Mix):
    def __getitem__(self, k): return 1
    def __iter__(self): return iter([])
    def __len__(self): return 0
R = A()._abc_impl
assert type(R) is int
### private names of the context
R = [ctx._secret, P._secret]
### hidden names of facades
R = [getattr(json, "!"), getattr(json, "__dict__"), getattr(json, "__name__")]
### a facade's name leads to the module
from json import decoder
R = decoder
### a module inside a module
import statistics
R = statistics.sys
### a module in a from import
from statistics import sys
R = sys
### a submodule under another name
import json.decoder as d
R = d
### a private submodule
import re._parser as p
R = p
### everything of a module
from json import *
from textwrap import *
R = [n for n in globals() if n.startswith("_") or n in ("sys", "re_", "codecs", "decoder")]
assert not R
### relative import
from . import engine
R = engine
### system modules
R = []
for line in ("os", "sys", "subprocess", "socket", "ctypes", "gc", "inspect", "types", "importlib", "pickle", "marshal", "builtins", "posix", "threading", "asyncio", "pathlib", "codecs", "traceback", "weakref", "_io", "signal", "shutil"):
    pass
import os
### system module, dotted
import urllib.request
R = urllib
### builtins import
import builtins
R = builtins
### the import function
R = __import__("os")
### import hook by its name
R = getattr(globals(), "import!", None) or globals()["import!"]
### names of the interpreter
R = [__builtins__, __spec__, __loader__]
### evaluation
R = eval("1")
### execution
exec("R = 1")
### compilation
R = compile("1", "", "eval")
### evaluation by decorator
@eval
def f(): pass
### evaluation, full width
R = ｅval("1")
### attribute, full width
R = ().__ｃlass__
### underscore look-alike
R = ()._﹏class﹏﹏
### files
R = open("/etc/passwd").read()
### files by io
import io
R = [io.open, io.FileIO, io.TextIOWrapper]
### rebind a guard in every way
read = lambda o, n: o
for x in (1,): pass
R = [n for n in globals() if "!" in n]
assert not R
### bind helpers of the display
_cb_show = print
### bind an external's flat name
def ctx__find(*a): return "forged"
### bind a helper as a parameter
def f(_cb_show, /): return 1
### bind a helper by import
import json as _cb_show
### bind a helper by pattern
match 1:
    case _cb_show: pass
### bind builtins by except
try:
    1 / 0
except Exception as __builtins__: pass
### bind builtins by walrus
(__builtins__ := {})
### bind builtins by for
for __builtins__ in [{}]: pass
### bind builtins by with
from contextlib import nullcontext
with nullcontext({}) as __builtins__: pass
### bind builtins by star
[*__builtins__] = [1]
### bind builtins by parameter
R = (lambda __builtins__: 1)({})
### bind builtins by keyword only parameter
def f(*, __builtins__={}): pass
### bind builtins by class
class __builtins__: pass
### bind builtins by global
def f():
    global __builtins__
    __builtins__ = {}
f()
### bind builtins by mapping pattern
match {}:
    case {**__builtins__}: pass
### delete builtins
del __builtins__
### poison a module
json.dumps = lambda *a: "poison"
assert False, 'it went through'
### poison a module in a loop
for json.dumps in [1]: pass
assert False, 'it went through'
### poison a module by setattr
setattr(json, "dumps", 1)
assert False, 'it went through'
### poison a module by delattr
delattr(json, "dumps")
assert False, 'it went through'
### poison a module by augmented assignment
json.dumps += 1
assert False, 'it went through'
### poison a module by star
[*json.dumps] = [1]
assert False, 'it went through'
### poison a module by vars
vars(json)["dumps"] = 1
assert False, 'it went through'
### poison a class of the library
import decimal
decimal.Decimal.as_tuple = 1
assert False, 'it went through'
### poison an enum of the library
import re
re.I._member_names_.append("x")
assert False, 'it went through'
### poison a table of the library
import textwrap
textwrap.TextWrapper.unicode_whitespace_trans[65] = 66
assert False, 'it went through'
### catch a limit by class
try:
    1 / 0
except BaseException as e:
    R = e.__class__.__base__
### a limit's class by exit
R = [type(x) for x in (GeneratorExit(), SystemExit())]
R = R[0].__base__
### groups of exceptions
R = [ExceptionGroup, BaseExceptionGroup]
### except star
try: pass
except* ValueError: pass
### context of an exception leads out
try:
    try: 1 / 0
    except Exception: undefined
except Exception as e:
    R = e.__context__.__traceback__
### exit of the interpreter
R = [exit, quit, SystemExit.__subclasses__]
### a hostile key for a module's tables
import typing
R = []
class K:
    def __hash__(self): return hash((int,))
    def __eq__(self, other):
        R.append(other)
        return False
for alias in (typing.List, typing.Optional, typing.Set):
    try: alias[K()]
    except TypeError: pass
### what a callback of sort sees
R = []
class K:
    def __lt__(self, other):
        R.append(other)
        return True
sorted([K(), K()]); max(K(), K())
### json decoder's inner functions
d = json.JSONDecoder()
R = [getattr(d.parse_object, n, None) for n in ("__globals__", "__code__")] + [d.scan_once.__class__]
### json encoder given a class of one's own
class E(json.JSONEncoder):
    def iterencode(self, o, _one_shot=False):
        R.append(_one_shot)
        return ["1"]
R = []
json.dumps(1, cls=E)
### regular expression callback
R = []
re.sub("a", lambda m: R.append(m.re.__class__) or "", "a")
### print to an object of one's own
R = []
class W:
    def write(self, text): R.append(text)
    def __getattr__(self, name): return R.append
print(ask, file=W(), flush=True)
### print to something private
class W: pass
w = W()
w.write = ask.__globals__
print(1, file=w)
### dunder methods called by name on natives
R = [getattr(x, n) for x in (ask, json, ctx, print, type, (i for i in ())) for n in ("__call__", "__getattribute__", "__reduce__", "__reduce_ex__", "__init_subclass__", "__dir__", "__sizeof__", "__get__", "__class_getitem__") if hasattr(x, n)]
assert not R
### new of natives
R = [object.__new__(type(ctx)), object.__new__(type(json))]
### new with a class that is not one's own
class A:
    def __new__(cls): return super().__new__(dict)
R = A()
### keyword that is special
R = dict(__class__=1)
### class keyword through a mapping
class A(**{"x": 1}): pass
### match args of a library class
import datetime
match datetime.datetime(2024, 1, 1):
    case datetime.datetime(now=f): R = f
### pattern value leads out
match 1:
    case json.__class__: pass
### pattern value is a formatter
class Q:
    def __eq__(self, other):
        R.append(other)
R = []
match Q():
    case str.format: pass
### async
async def f(): pass
R = f().cr_frame
### async comprehension
def f(): return [x async for x in y]
### type parameters
def f[T](x): pass
### type alias
type R = int
### super of the parts of the interpreter
R = [super(type, type), super.__thisclass__]
### super without a class
class A:
    def go(self): return super().__self_class__, super().__thisclass__
R = A().go()
### class cell
class A:
    def go(self): return __class__
R = A().go
A().go()
### mangled into a special name
class _:
    def peek(self, o): return o.__class
class X:
    ___class = 1
R = _().peek(())
### mangled into a helper
class cb:
    __show = 1
    def go(self): return __show
R = cb().go()
### generator throws a base exception
def g():
    try: yield
    finally: R.append(1)
R = []
x = g(); next(x)
try: x.throw(BaseException("x"))
except Exception as e: R.append(e)
### traceback handed to throw
def g():
    try: yield
    except Exception as e: R.append(e.__traceback__)
R = []
x = g(); next(x); x.throw(ValueError("a"))
### bytes and buffers
m = memoryview(bytearray(b"abc"))
R = [m.obj.__class__]
### locals and vars without argument
R = [locals(), vars()]
### names by dir
R = [n for x in (json, ctx, P, ask, 1, "", type) for n in dir(x) if n.startswith("_") or "!" in n]
assert not R
### hash of an address
assert hash(ask) < 2**20
### what a descriptor sees
R = []
class D:
    def __get__(self, instance, owner):
        R.append((instance, owner.__class__))
        return 1
class A: x = D()
A().x; A.x
### what init_subclass sees
R = []
class A:
    def __init_subclass__(cls, **k): R.append((cls.__mro__, k))
class B(A, a=1): pass
### what set_name sees
R = []
class D:
    def __set_name__(self, owner, name): R.append(owner.__base__)
class A: d = D()
### mro entries
class E:
    def __mro_entries__(self, bases): return (type,)
class F(E()): pass
R = F
### class_getitem
class G:
    def __class_getitem__(cls, k): return cls.__base__
R = G[0]
### origin of an alias
R = [list[int].__origin__, (int | str).__args__, list[int].__class__]
### the union's class
R = (int | str).__class__.__base__
### instancecheck
class M:
    def __instancecheck__(self, o): return True
R = isinstance(1, M())
### code in a pattern of a template
import string
class T(string.Template): idpattern = ".*"
R = T
### a locked context leads to its generator
from contextlib import contextmanager
@contextmanager
def c(): yield 1
R = [getattr(c(), n, None) for n in ("gen", "func", "args", "_generator", "_recreate_cm")] + [getattr(c, "__wrapped__", None)]
R = [x for x in R if x is not None]
assert not R
### state of a partial
import functools
p = functools.partial(print)
p.__setstate__((ask, (), {}, {}))
R = p
### random state and system randomness
import random
R = [random.SystemRandom, random._inst, random._os]
### decimal internals
import decimal
R = [decimal._decimal, decimal.getcontext().__reduce__()]
### uuid of the machine
import uuid
R = [uuid.getnode(), uuid.uuid1()]
### time of the machine
import time
R = [time.clock_gettime(0), time.get_clock_info("time")]
### csv dialects are shared
import csv
csv.register_dialect("x", delimiter=";")
### second cell, after the first prepared
class S(str): pass
keep = [S("{0.__globals__[SECRET]}"), getattr]
#--
R = keep[1](keep[0], "format")(ask)
### second cell, hooks kept
def f(read=None): return read
#--
R = [f(x) for x in globals().values() if callable(x) and "!" in repr(x)]
assert not R
### between two that have no default
def f(*, a, b=ask.__globals__, c): return b
R = f(a=1, c=2)
### between two mappings
R = {**{}, "a": ask.__globals__, **{}}
### as a key between two mappings
R = {**{}, (lambda: ask.__globals__): 1, **{}}
R = [key() for key in R]
### in every corner of a function
R = []
def f(a, b=lambda: ask.__globals__, /, *args, c: "x" = 1, **kw) -> "y": R.append(b())
f(1)
### in a slice, a starred, a conditional
R = [[1][slice(None, (ask.__globals__ or {}).get("x"))], *[ask.__globals__]]
### in a yield, a return, an assertion
def g():
    assert True, ask.__globals__
    x = yield ask.__globals__
    return ask.__globals__
R = list(g())
### in a raise
try: raise ValueError(ask.__globals__)
except ValueError as e: R = e.args
### in a lambda in a default in a class in a function
def f():
    class A:
        x = (lambda y=ask.__globals__: y)()
    return A.x
R = f()
### in the guard of a case
match 1:
    case x if (R := ask.__globals__): pass
### in the condition of a comprehension
R = [y for x in [1] if (y := ask.__globals__)]
### in the subject of a match
match ask.__globals__:
    case x: R = x
### in an exception type
try: 1 / 0
except (ZeroDivisionError if (R := ask.__globals__) else ValueError): pass
### in the message of an f-string of an f-string
R = f"{f'{ask.__globals__}'}"
### in the target of a for
class A: pass
a = A()
for a.__class__ in [1]: pass
assert False
### in the target of a with
from contextlib import nullcontext
class A: pass
a = A()
with nullcontext(1) as a.__dict__: pass
assert False
### in the item of a with
from contextlib import nullcontext
with nullcontext(ask.__globals__) as R: pass
### in a decorator's argument
def deco(x):
    global R
    R = x
    return lambda f: f
@deco(ask.__globals__)
def f(): pass
### in a base's expression
class A((lambda x: object)(ask.__globals__)): pass
assert False
### in a keyword of a class
R = []
class A:
    def __init_subclass__(cls, x): R.append(x)
class B(A, x=ask.__globals__): pass
### in an annotated assignment
class A: x: ask.__globals__ = 1
R = A.__annotations__
### in a set, a dict comprehension, a generator
R = [{ask.__globals__.x for i in [1]}, {1: ask.__globals__ for i in [1]}, list(ask.__globals__ for i in [1])]
### a plain template kept for later
f = "{}".format
R = [f(ask.__class__)]
### a template joined when it runs
R = ("{0." + "__globals__}").format(ask)
### the template of a spec
R = "{:{}}".format(ask, "{0.__globals__}")
### a limit's class by a decorating manager
from contextlib import contextmanager, ContextDecorator
R = ContextDecorator
### what a property's parts are
R = [property(ask).fget.__globals__, property(ask).getter(ask).fget.__code__]
### a setter that is a raw function
class A:
    x = property(None, setattr)
A().x = ("__class__", str)
### what reversed, iter and map hold
R = [getattr(x, n, None) for x in (iter([1]), reversed([1]), map(ask, []), zip([]), enumerate([]), filter(ask, [])) for n in ("__reduce__", "__setstate__", "__self__")]
R = [x for x in R if x is not None]
assert not R
### a name that is a number or bytes
R = [getattr(ask, b"__globals__"), getattr(ask, 5)]
### hasattr tells of what is hidden
R = [n for n in ("__globals__", "__code__", "__closure__", "__self__", "gi_frame", "__wrapped__") if hasattr(ask, n) or hasattr((i for i in ()), n)]
assert not R
### a function's defaults through the screen
def f(x=[1]): pass
R = [getattr(f, n, None) for n in ("__defaults__", "__kwdefaults__", "__closure__", "__code__", "__globals__", "__builtins__", "__type_params__")]
assert not any(R)
### builtins of a function
def f(): pass
R = f.__builtins__
### the module of a class
class A: pass
R = A.__module__.__class__
### the frame by an exception's notes
try:
    1 / 0
except Exception as e:
    e.add_note("x")
    R = [getattr(e, n, None) for n in ("__traceback__", "tb_frame", "__suppress_context__", "__reduce__", "__setstate__")]
assert not any(R)
### a state put into an exception
try:
    1 / 0
except Exception as e:
    e.__setstate__({"__traceback__": 1})
### a stop iteration carries what it is given
def g():
    return ask
    yield
try: next(g())
except StopIteration as e: R = e.value.__globals__
### a pattern over an object of the library
import datetime
match datetime.date(2024, 1, 2):
    case datetime.date(year=y, month=m): R = y + m
assert R == 2025
match json:
    case object(dumps=d): R = d.__globals__
### a method of the library on an object that is not its own
import difflib
for target in (json.dumps, json, ask, random.Random, print, ctx):
    try:
        difflib.SequenceMatcher.set_seq1(target, 1)
        assert False, target
    except TypeError: pass
### a setter of the library on an object that is not its own
import csv
csv.DictReader.fieldnames.fset(json.dumps, 1)
assert False
### a stack of managers on an object that is not its own
from contextlib import ExitStack
R = []
class Fake:
    def __init__(self): self._exits = self
    def append(self, given): R.append(given)
for method in (ExitStack.push, ExitStack.callback, ExitStack.enter_context):
    try:
        method(Fake(), print)
        assert False
    except TypeError: pass
assert not R
### an end that says how it is added
class S(str):
    def __radd__(self, other): return self
    def __getitem__(self, key):
        R.append(key)
        return self
R = []
print("a", end=S("b"), sep=S("c"))
assert not R
### BaseException leads to the real one
R = [getattr(BaseException, n, None) for n in ("__base__", "__mro__", "__bases__", "mro", "__class__")] + [type(BaseException), type(BaseException("x"))]
R = [x for x in R if x is not None]
class B(BaseException): pass
R += [type(B), B.__class__ if hasattr(B, "__class__") else None]
""")
