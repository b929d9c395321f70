"""Rebuilds saved variables. The state is hostile: only known tags, known paths, and sources that go through the policy again.

A builder is a generator that yields references and is sent their values, so depth costs no stack. Containers that may be part
of a cycle are handed out empty and filled later; those that ask for hashes are filled last.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import functools
import io
import re
import types
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from restricted import classes, own_modules, raising, rules
from restricted.codes import Codes
from restricted.dumping import CARRIERS
from restricted.rerun import Ref, Rerun
from restricted.screen import Screen

Building = Generator[Any, Any, Any]
_FIRST, _LATER, _LAST = 0, 1, 2
"""When a shell is filled: an object's attributes, by which it may be hashed; a list; what hashes its items."""
_CARRIERS = {kind.__name__: kind for kind in (*CARRIERS, object)}
_TIMES: dict[str, Any] = {kind.__name__: kind for kind in (datetime.datetime, datetime.date, datetime.time)}


class Loader:
    """Builds the objects of one saved state."""

    def __init__(self, nodes: Sequence[Any], codes: Codes, screen: Screen, known: Mapping[str, Any], rerun: Rerun) -> None:
        self.nodes, self.codes, self.screen, self.known, self.rerun = nodes, codes, screen, known, rerun
        self.built: dict[int, Any] = {}
        self.fills: tuple[list[Building], ...] = ([], [], [])

    def value(self, reference: Any) -> Any:
        """An object with everything in it.

        Raises:
            ValueError, TypeError and others: the state is not one that a session saved.
        """
        # Queues of its own: to make a class, values are built while others wait that may need that class.
        before, self.fills = self.fills, ([], [], [])
        result = self._run(self._want(reference))
        self._fill(_LAST)
        self.fills = before
        return result

    def _fill(self, last: int) -> None:
        while any(self.fills[: last + 1]):
            queue = next(queue for queue in self.fills if queue)
            self._run(queue.pop())

    def _want(self, reference: Any) -> Building:
        return (yield reference)

    def _run(self, building: Building) -> Any:
        stack: list[tuple[int | None, Building]] = [(None, building)]
        busy: set[int] = set()
        sent: Any = None
        while stack:
            number, top = stack[-1]
            try:
                wanted = top.send(sent)
            except StopIteration as stop:
                stack.pop()
                sent = stop.value
                if number is not None:
                    busy.discard(number)
                    self.built[number] = sent
                continue
            sent = None
            if type(wanted) is not Ref:
                sent = wanted
            elif wanted.number in self.built:
                sent = self.built[wanted.number]
            else:
                if wanted.number in busy:
                    raise ValueError("an object that cannot contain itself does")
                busy.add(wanted.number)
                stack.append((wanted.number, self._builder(wanted.number)))
        return sent

    def _builder(self, number: int) -> Building:
        tag, *parts = self.nodes[number]
        build: Callable[..., Building] = getattr(self, f"_build_{tag}")
        return build(number, *parts)

    def _shell(self, number: int, shell: Any, fill: Building, when: int = _FIRST) -> Any:
        """Hand out an object that is filled later."""
        self.built[number] = shell
        self.fills[when].append(fill)
        return shell

    def _all(self, references: Sequence[Any]) -> Generator[Any, Any, list[Any]]:
        values = []
        for reference in references:
            values.append((yield reference))
        return values

    # -- containers

    def _build_list(self, number: int, items: list[Any]) -> Building:
        shell: list[Any] = []
        return self._shell(number, shell, self._extend(shell.extend, items), _LATER)
        yield

    def _build_deque(self, number: int, maxlen: int | None, items: list[Any]) -> Building:
        shell: collections.deque[Any] = collections.deque(maxlen=maxlen)
        return self._shell(number, shell, self._extend(shell.extend, items), _LATER)
        yield

    def _build_set(self, number: int, items: list[Any]) -> Building:
        shell: set[Any] = set()
        return self._shell(number, shell, self._extend(shell.update, items, hashed=True), _LAST)
        yield

    def _extend(self, extend: Callable[[list[Any]], object], items: list[Any], *, hashed: bool = False) -> Building:
        values = yield from self._all(items)
        if hashed:
            self._fill(_FIRST)
        extend(values)

    def _mapping(self, number: int, shell: Any, pairs: list[Any]) -> Any:
        return self._shell(number, shell, self._pair(functools.partial(dict.__setitem__, shell), pairs), _LAST)

    def _pair(self, put: Callable[[Any, Any], object], pairs: list[Any], *, hashed: bool = True) -> Building:
        parts = yield from self._all(pairs)
        if hashed:
            self._fill(_FIRST)
        for key, item in zip(parts[::2], parts[1::2], strict=True):
            put(key, item)

    def _build_dict(self, number: int, pairs: list[Any]) -> Building:
        return self._mapping(number, {}, pairs)
        yield

    def _build_Counter(self, number: int, pairs: list[Any]) -> Building:
        return self._mapping(number, collections.Counter(), pairs)
        yield

    def _build_OrderedDict(self, number: int, pairs: list[Any]) -> Building:
        shell: collections.OrderedDict[Any, Any] = collections.OrderedDict()
        return self._shell(number, shell, self._pair(shell.__setitem__, pairs), _LAST)
        yield

    def _build_defaultdict(self, number: int, factory: Any, pairs: list[Any]) -> Building:
        return self._mapping(number, collections.defaultdict((yield factory)), pairs)

    def _build_ChainMap(self, _number: int, maps: list[Any]) -> Building:
        return collections.ChainMap(*(yield from self._all(maps)))

    def _build_tuple(self, _number: int, items: list[Any]) -> Building:
        return tuple((yield from self._all(items)))

    def _build_frozenset(self, _number: int, items: list[Any]) -> Building:
        values = yield from self._all(items)
        self._fill(_FIRST)
        return frozenset(values)

    def _build_bytearray(self, _number: int, data: Any) -> Building:
        return bytearray(_exact((yield data), bytes))

    # -- values

    def _build_complex(self, _number: int, real: float, imaginary: float) -> Building:
        return complex(real, imaginary)
        yield

    def _build_range(self, _number: int, *parts: Any) -> Building:
        return range(*(yield from self._all(parts)))

    def _build_slice(self, _number: int, *parts: Any) -> Building:
        return slice(*(yield from self._all(parts)))

    def _build_Decimal(self, _number: int, text: str) -> Building:
        return decimal.Decimal(_exact(text, str))
        yield

    def _build_Fraction(self, _number: int, above: Any, below: Any) -> Building:
        return fractions.Fraction(*(yield from self._all((above, below))))

    def _build_UUID(self, _number: int, raw: bytes) -> Building:
        return uuid.UUID(bytes=_exact(raw, bytes))
        yield

    def _time(self, kind: str, text: str, zone: Any, fold: int) -> Building:
        made = _TIMES[kind].fromisoformat(text)
        zone = yield zone
        return made if kind == "date" else made.replace(tzinfo=zone, fold=fold)

    def _build_datetime(self, _number: int, *parts: Any) -> Building:
        return self._time("datetime", *parts)

    def _build_date(self, _number: int, *parts: Any) -> Building:
        return self._time("date", *parts)

    def _build_time(self, _number: int, *parts: Any) -> Building:
        return self._time("time", *parts)

    def _build_timedelta(self, _number: int, *parts: int) -> Building:
        return datetime.timedelta(*parts)
        yield

    def _build_timezone(self, _number: int, offset: Any, name: str) -> Building:
        offset = yield offset
        plain = datetime.timezone(offset)
        return plain if plain.tzname(None) == name else datetime.timezone(offset, name)

    def _build_Pattern(self, _number: int, pattern: Any, flags: int) -> Building:
        pattern = yield pattern
        return re.compile(pattern, flags & ~re.DEBUG.value)

    def _build_Random(self, _number: int, *state: Any) -> Building:
        made = self.known["random Random"](0)
        set_random(made, state)
        return made
        yield

    def _build_StringIO(self, _number: int, text: Any, place: int) -> Building:
        made = io.StringIO((yield text))
        made.seek(place)
        return made

    def _build_BytesIO(self, _number: int, data: Any, place: int) -> Building:
        made = io.BytesIO((yield data))
        made.seek(place)
        return made

    def _build_Path(self, _number: int, text: str) -> Building:
        return self.known["pathlib Path"](_exact(text, str))
        yield

    # -- what can be called

    def _build_known(self, _number: int, path: str) -> Building:
        return self.known[path]
        yield

    def _build_method(self, _number: int, owner: Any, name: str) -> Building:
        owner = yield owner
        self._fill(_FIRST)
        return self.screen.look(owner, name)

    def _build_partial(self, _number: int, *parts: Any) -> Building:
        function, args, keywords = yield from self._all(parts)
        self._fill(_LAST)
        return functools.partial(function, *args, **keywords)

    def _build_lru_cache(self, _number: int, function: Any, maxsize: int | None, typed: bool) -> Building:
        return functools.lru_cache(maxsize, typed)((yield function))

    def _build_cell(self, number: int, *content: Any) -> Building:
        shell = types.CellType()
        return self._shell(number, shell, self._put_into(shell, content)) if content else shell
        yield

    def _put_into(self, shell: types.CellType, content: Sequence[Any]) -> Building:
        shell.cell_contents = yield content[0]

    def _build_function(self, number: int, filename: str, path: list[int], name: str, qualname: str, *held: Any) -> Building:
        defaults, keywords, closure, attributes = held
        cells = tuple((yield from self._all(closure)))
        made = types.FunctionType(self.codes.at(filename, path), self.screen.variables, name, None, cells or None)
        made.__qualname__ = _exact(qualname, str)
        return self._shell(number, made, self._equip(made, defaults, keywords, attributes))

    def _equip(self, made: types.FunctionType, defaults: Any, keywords: Any, attributes: Any) -> Building:
        made.__defaults__ = yield defaults
        made.__kwdefaults__ = yield keywords
        parts = yield from self._all(attributes)
        for name, item in zip(parts[::2], parts[1::2], strict=True):
            self.screen.check_set(made, name)
            setattr(made, name, item)

    # -- classes and their objects

    def _build_class(self, number: int, filename: str, line: int, name: str, held: list[Any]) -> Building:
        made = self.rerun.class_statement(number, filename, line, name)
        return self._shell(number, made, self._pair(functools.partial(self._set_on_class, made), held, hashed=False))
        yield

    def _set_on_class(self, made: type, name: str, item: Any) -> None:
        self.screen.check_set(made, name)
        setattr(made, name, item)

    def _build_inner(self, _number: int, parent: Any, name: str) -> Building:
        found = vars((yield parent))[name]
        if not classes.of_cell(found):
            raise ValueError("no class stands there")
        return found

    def _build_namedtuple(self, _number: int, name: str, fields: list[str], defaults: list[Any]) -> Building:
        return own_modules.named_tuple(name, fields, defaults=(yield from self._all(defaults)) or None)

    def _build_member(self, _number: int, kind: Any, value: Any) -> Building:
        kind, value = yield from self._all((kind, value))
        if not isinstance(kind, classes.CellEnumMeta):
            raise ValueError("not an enumeration")
        return kind(value)

    def _build_error(self, number: int, name: str, args: list[Any], attributes: list[Any]) -> Building:
        kind = self.known[f"builtins {name}"]
        if kind is not raising.Base and not issubclass(kind, Exception):
            raise ValueError("not an exception")
        made = kind(*(yield from self._all(args)))
        return self._shell(number, made, self._pair(functools.partial(_place, made), attributes, hashed=False))

    def _build_object(self, number: int, kind: Any, carrier_name: str, payload: list[Any], held: list[Any]) -> Building:
        kind, carrier = (yield kind), _CARRIERS[carrier_name]
        if not classes.of_cell(kind) or not issubclass(kind, carrier):
            raise ValueError("not an object of a cell's class")
        if carrier in (list, set, collections.deque) or issubclass(carrier, dict):
            made = carrier.__new__(kind)
            self._grow(made, carrier, payload)
        else:
            values = yield from self._all(payload)
            if carrier is frozenset:
                self._fill(_FIRST)
            made = carrier.__new__(kind, *([values] if carrier in (tuple, frozenset) else values))
            if carrier is bytearray:
                bytearray.extend(made, values[0])
        return self._shell(number, made, self._pair(functools.partial(_place, made), held, hashed=False))

    def _grow(self, made: Any, carrier: type, payload: list[Any]) -> None:
        if issubclass(carrier, dict):
            self.fills[_LAST].append(self._grow_mapping(made, carrier, payload))
        elif carrier is set:
            self.fills[_LAST].append(self._extend(functools.partial(set.update, made), payload, hashed=True))
        else:
            if carrier is collections.deque:
                collections.deque.__init__(made, (), payload[0])
            items = payload[1:] if carrier is collections.deque else payload
            self.fills[_LATER].append(self._extend(functools.partial(carrier.extend, made), items))  # type: ignore[attr-defined]

    def _grow_mapping(self, made: Any, carrier: Any, payload: list[Any]) -> Building:
        factory = yield payload[0]
        if carrier is collections.defaultdict:
            made.default_factory = factory
        yield from self._pair(functools.partial(carrier.__setitem__, made), payload[1:])


def _place(made: Any, name: str, item: Any) -> None:
    if type(name) is not str or rules.is_special(name):
        raise ValueError("not the name of an attribute")
    for base in type(made).__mro__:
        slot = vars(base).get(name)
        if isinstance(slot, types.MemberDescriptorType):
            slot.__set__(made, item)
            return
    object.__getattribute__(made, "__dict__")[name] = item


def set_random(made: Any, state: Sequence[Any]) -> None:
    """Go on with the numbers of a saved state."""
    version, numbers, kept = state
    made.setstate((version, tuple(numbers), kept))


def _exact(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{kind.__name__} expected")
    return value
