"""The state between cells as tagged data: no pickle, so that to load it does nothing that a cell could not do.

Every object that is not plain gets a number; what refers to it holds the number, so aliases and cycles stay as they are.
Children are encoded after their parents, from a queue: depth costs no stack.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import random
import re
import struct
import types
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from restricted import classes, rules
from restricted.codes import Codes, Path
from restricted.copying import attributes
from restricted.frozen import Random
from restricted.paths import VirtualPath
from restricted.set_order import in_order
from restricted.standins import Attributes
from virtual_files import BinaryFile, TextFile

LARGE = 2**16
"""A text or bytes object of this size goes into a piece of its own."""
PLACE = struct.Struct("<QQ")
"""Where a piece begins, after the head, and its size."""
EXT_REF, EXT_INT, EXT_TEXT, EXT_BLOB, EXT_BLOB_TEXT = 1, 2, 3, 4, 5
CARRIERS: tuple[type, ...] = (
    collections.defaultdict, collections.Counter, collections.OrderedDict, dict, list, set, frozenset, tuple, collections.deque,
    bytearray, BaseException, int, float, complex, str, bytes,
)  # fmt: skip
"""What an object of a cell's class may be besides: the first that fits."""
_SEQUENCES: dict[type, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
_MAPPINGS: dict[type, str] = {dict: "dict", Attributes: "dict", collections.Counter: "Counter", collections.OrderedDict: "OrderedDict"}
_TIMES: dict[type, str] = {datetime.datetime: "datetime", datetime.date: "date", datetime.time: "time"}
_EXACT: dict[type, Callable[[Any], Any]] = {
    int: int.__pos__, float: float.__pos__, complex: complex.__pos__, str: str.__str__, bytes: lambda value: bytes.__add__(value, b""),
    bytearray: lambda value: bytes(memoryview(value)),
}  # fmt: skip
_REASONS: dict[type, str] = {
    types.GeneratorType: "a generator stands in the middle of its work; keep a list instead",
    types.TracebackType: "a traceback holds the stack",
    **dict.fromkeys((TextFile, BinaryFile), "an open file is not carried; close it, and open it again"),
}


class Lost(Exception):
    """This variable cannot be carried; the text says why."""


class Dumper:
    """Encodes the variables of one session."""

    def __init__(self, codes: Codes, maker: classes.Maker, known: Mapping[int, str], functions: Callable[[object], bool]) -> None:
        self.codes, self.maker, self.known, self.is_function = codes, maker, known, functions
        self.nodes: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.objects: list[Any] = []
        self.waiting: list[int] = []
        self.blobs: list[bytes] = []
        self.sources: set[str] = set()
        self.paths: dict[types.CodeType, Path | None] = {}

    def variable(self, value: Any) -> Any:
        """What stands for a variable's value.

        Raises:
            Lost: it cannot be carried, or something in it cannot. Nothing of it is kept.
        """
        before, blobs = len(self.nodes), len(self.blobs)
        try:
            reference = self.ref(value)
            while self.waiting:
                number = self.waiting.pop()
                self.nodes[number] = self._node(self.objects[number])
        except Lost:
            for item in self.objects[before:]:
                del self.numbers[id(item)]
            del self.nodes[before:], self.objects[before:], self.blobs[blobs:]
            self.waiting.clear()
            raise
        return reference

    def ref(self, value: Any) -> Any:
        """Plain data as it is, the number of anything else."""
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**63 else _ext(EXT_INT, _int_bytes(value))
        if kind is str:
            return value if len(value) < LARGE and _is_text(value) else self._text(value)
        if kind is bytes:
            return value if len(value) < LARGE else self._blob(EXT_BLOB, value)
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.nodes)
            self.nodes.append(None)
            self.objects.append(value)
            self.waiting.append(number)
        return _ext(EXT_REF, _int_bytes(number))

    def _text(self, value: str) -> msgspec.msgpack.Ext:
        raw = value.encode("utf-8", "surrogatepass")
        return _ext(EXT_TEXT, raw) if len(value) < LARGE else self._blob(EXT_BLOB_TEXT, raw)

    def _blob(self, code: int, raw: bytes) -> msgspec.msgpack.Ext:
        place = PLACE.pack(sum(map(len, self.blobs)), len(raw))
        self.blobs.append(raw)
        return _ext(code, place)

    # -- one object

    def _node(self, value: Any) -> list[Any]:
        kind = type(value)
        if id(value) in self.known:
            return ["known", self.known[id(value)]]
        if kind in _SEQUENCES:
            return [_SEQUENCES[kind], list(map(self.ref, in_order(value) if kind in (set, frozenset) else value))]
        if kind in _MAPPINGS:
            return [_MAPPINGS[kind], self._pairs(value)]
        if isinstance(value, type):
            return self._class(value)
        if classes.of_cell(kind):
            return self._instance(value, kind)
        for encode in (self._container, self._number, self._moment, self._callable, self._other):
            node = encode(value, kind)
            if node is not None:
                return node
        raise Lost(_REASONS.get(kind, f"a {kind.__name__} cannot be carried"))

    def _pairs(self, value: Mapping[Any, Any]) -> list[Any]:
        pairs: Iterable[tuple[Any, Any]] = dict.items(value)  # type: ignore[arg-type]
        return [self.ref(part) for pair in pairs for part in pair]

    def _container(self, value: Any, kind: type) -> list[Any] | None:
        if kind is collections.deque:
            return ["deque", value.maxlen, list(map(self.ref, value))]
        if kind is collections.defaultdict:
            return ["defaultdict", self.ref(value.default_factory), self._pairs(value)]
        if kind is collections.ChainMap:
            return ["ChainMap", list(map(self.ref, value.maps))]
        return ["bytearray", self.ref(bytes(value))] if kind is bytearray else None

    def _number(self, value: Any, kind: type) -> list[Any] | None:
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind is range or kind is slice:
            return [kind.__name__, *map(self.ref, (value.start, value.stop, value.step))]
        if kind is decimal.Decimal:
            return ["Decimal", str(value)]
        if kind is fractions.Fraction:
            return ["Fraction", self.ref(value.numerator), self.ref(value.denominator)]
        return ["UUID", value.bytes] if kind is uuid.UUID else None

    def _moment(self, value: Any, kind: type) -> list[Any] | None:
        if kind in _TIMES:
            zone = getattr(value, "tzinfo", None)
            bare = value.replace(tzinfo=None) if zone is not None else value
            return [_TIMES[kind], bare.isoformat(), self.ref(zone), getattr(value, "fold", 0)]
        if kind is datetime.timedelta:
            return ["timedelta", value.days, value.seconds, value.microseconds]
        if kind is datetime.timezone:
            return ["timezone", self.ref(value.utcoffset(None)), value.tzname(None)]
        return None

    def _callable(self, value: Any, kind: type) -> list[Any] | None:
        if kind is types.FunctionType and self.is_function(value):
            return self._function(value)
        if kind is types.MethodType or kind is types.BuiltinMethodType:
            owner = value.__self__
            found = not isinstance(owner, types.ModuleType | None) and (kind is not types.MethodType or _finds(owner, value))
            return ["method", self.ref(owner), value.__name__] if found else None
        if kind is types.MethodDescriptorType:
            return ["method", self.ref(value.__objclass__), value.__name__]
        if kind is functools.partial:
            return ["partial", self.ref(value.func), self.ref(value.args), self.ref(value.keywords)]
        if kind is functools._lru_cache_wrapper:
            given = value.cache_parameters()
            return ["lru_cache", self.ref(value.__wrapped__), given["maxsize"], given["typed"]]
        return None

    def _other(self, value: Any, kind: type) -> list[Any] | None:
        if kind is types.CellType:
            try:
                return ["cell", self.ref(value.cell_contents)]
            except ValueError:  # a name that its function has not bound yet
                return ["cell"]
        if kind is re.Pattern:
            return ["Pattern", self.ref(value.pattern), int(value.flags)]
        if issubclass(kind, VirtualPath):
            return ["Path", str(value)]
        if isinstance(value, Random):
            return ["Random", *random_state(value)]
        if kind is io.StringIO or kind is io.BytesIO:
            return [kind.__name__, self.ref(value.getvalue()), value.tell()]
        if isinstance(value, BaseException) and kind.__module__ == "builtins":
            return ["error", kind.__name__, list(map(self.ref, value.args)), self._attributes(vars(value))]
        return None

    # -- functions and classes

    def _function(self, value: types.FunctionType) -> list[Any]:
        code = value.__code__
        if code not in self.paths:
            self.paths[code] = self.codes.path_of(code)
        path = self.paths[code]
        if path is None:
            raise Lost(f"the source of {value.__name__} is not known")
        self.sources.add(code.co_filename)
        defaults = [self.ref(value.__defaults__), self.ref(value.__kwdefaults__)]
        closure = list(map(self.ref, value.__closure__ or ()))
        return ["function", code.co_filename, path, value.__name__, value.__qualname__, *defaults, closure, self._attributes(vars(value))]

    def _class(self, value: Any) -> list[Any]:
        origin = self.maker.origins.get(value)
        if origin is None and classes.of_cell(value):
            namesake = self.maker.latest.get(value.__qualname__)
            origin = self.maker.origins.get(namesake) if namesake is not None else None
        if origin is not None and self.codes.class_statement(*origin, value.__name__) is not None:
            self.sources.add(origin.filename)
            return ["class", origin.filename, origin.line, value.__name__, self._changeable(value)]
        parent, _, name = value.__qualname__.rpartition(".")
        if parent in self.maker.latest and vars(self.maker.latest[parent]).get(name) is value:
            return ["inner", self.ref(self.maker.latest[parent]), name]
        if value in classes.made and hasattr(value, "_field_defaults"):
            defaults = [self.ref(value._field_defaults[name]) for name in value._fields if name in value._field_defaults]
            return ["namedtuple", value.__name__, list(value._fields), defaults]
        raise Lost(f"the class {value.__name__} was made inside a function or by a call; write its statement at the top level of a cell")

    def _changeable(self, value: Any) -> list[Any]:
        """Attributes of a class that are data: they may be others than when its statement ran."""
        if isinstance(value, enum.EnumType):
            return []
        plain = (type(None), bool, int, float, str, bytes, list, dict, set, tuple)
        return [
            self.ref(part)
            for name, item in vars(value).items()
            if not rules.is_special(name) and name not in rules.NEVER and type(item) in plain and not name.startswith("_field")
            for part in (name, item)
        ]

    def _instance(self, value: Any, kind: Any) -> list[Any]:
        if isinstance(kind, enum.EnumType):
            return ["member", self.ref(kind), self.ref(value._value_)]
        carrier = next((base for base in CARRIERS if isinstance(value, base)), object)
        return ["object", self.ref(kind), carrier.__name__, self._payload(carrier, value), self._attributes(attributes(value))]

    def _attributes(self, held: Mapping[str, Any]) -> list[Any]:
        return [self.ref(part) for pair in held.items() if not rules.is_special(pair[0]) for part in pair]

    def _payload(self, carrier: type, value: Any) -> Any:
        if issubclass(carrier, dict):
            factory = value.default_factory if carrier is collections.defaultdict else None
            return [self.ref(factory), *self._pairs(value)]
        if carrier in (list, set, frozenset, tuple, collections.deque):
            items: Iterable[Any] = carrier.__iter__(value)
            return [*([value.maxlen] if carrier is collections.deque else []), *map(self.ref, items)]
        if carrier is BaseException:
            return list(map(self.ref, value.args))
        if carrier is object:
            return []
        return [self.ref(_EXACT[carrier](value))]


def _finds(owner: Any, method: types.MethodType) -> bool:
    kind = owner if isinstance(owner, type) else type(owner)
    found = next((vars(base)[method.__name__] for base in kind.__mro__ if method.__name__ in vars(base)), None)
    return getattr(found, "__func__", found) is method.__func__


def random_state(value: random.Random) -> list[Any]:
    """Version, numbers, and the half of a pair that `gauss` keeps."""
    version, numbers, kept = value.getstate()
    return [version, list(numbers), kept]


def _ext(code: int, raw: bytes) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, raw)


def _int_bytes(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
