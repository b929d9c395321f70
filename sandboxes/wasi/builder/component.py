"""Reads a WebAssembly component: its core modules, how they are instantiated, what it exports.

Source: the binary format of the component model, https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md,
as far as `componentize-py` uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

CORE_FUNCTION = 0
"""The sort of a core function; tables, memories, globals and tags follow."""
REALLOC, POST_RETURN = 4, 5
"""Options of a lifted function that matter here. Source: `canonopt` in Binary.md."""
_OPTIONS_WITH_INDEX = (3, 4, 5, 7)
KINDS = ("func", "table", "memory", "global", "tag")


class ComponentError(Exception):
    """The bytes are not a component, or use what this reader does not know."""


@dataclass(frozen=True)
class Alias:
    """An export of a core instance of the component."""

    instance: int
    name: str


@dataclass(frozen=True)
class Lowered:
    """An imported function of the component, made callable for core modules."""

    name: str


Reference = Alias | Lowered


@dataclass(frozen=True)
class Instantiated:
    """A core instance made of a module; `arguments` maps the module's import names to other instances."""

    module: int
    arguments: dict[str, int]


@dataclass(frozen=True)
class Bundle:
    """A core instance that is only a set of exports taken from elsewhere."""

    exports: dict[str, Reference]


@dataclass(frozen=True)
class Lifted:
    """A core function that the component exports, with its options: number of the option to index of a core function."""

    function: Reference
    options: dict[int, int]


@dataclass(frozen=True)
class Import:
    """One import of a core module."""

    module: str
    name: str
    kind: str
    type: int
    """Index of the function's type; 0 for other kinds."""


@dataclass
class Component:
    """What was read."""

    modules: list[bytes] = field(default_factory=list)
    instances: list[Instantiated | Bundle] = field(default_factory=list)
    lifted: list[Lifted] = field(default_factory=list)
    core: list[list[Reference]] = field(default_factory=lambda: [[] for _ in KINDS])
    """Index spaces of core functions, tables, memories, globals, tags."""
    functions: list[str] = field(default_factory=list)
    """Names of the component's imported functions; empty for others."""

    def resolve(self, reference: Reference) -> Alias | Lowered:
        """Follow bundles until it is an export of an instantiated module, or an import of the component."""
        while isinstance(reference, Alias):
            instance = self.instances[reference.instance]
            if isinstance(instance, Instantiated):
                return reference
            reference = instance.exports[reference.name]
        return reference


class Reader:
    """A cursor over bytes that never reads past their end."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data, self.position = data, position

    def byte(self) -> int:
        """One byte."""
        if self.position >= len(self.data):
            raise ComponentError("the file is cut short")
        self.position += 1
        return self.data[self.position - 1]

    def number(self) -> int:
        """An unsigned LEB128 of at most 32 bits."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value
            if shift > 28:
                raise ComponentError("a number of more than 32 bits")

    def raw(self, size: int) -> bytes:
        """So many bytes."""
        end = self.position + size
        if end > len(self.data):
            raise ComponentError("the file is cut short")
        found, self.position = self.data[self.position : end], end
        return found

    def name(self) -> str:
        """A name: length, then UTF-8."""
        try:
            return self.raw(self.number()).decode()
        except UnicodeDecodeError as error:
            raise ComponentError("a name that is no text") from error

    def expect(self, byte: int, what: str) -> None:
        """Skip a byte that can only be this one."""
        if (found := self.byte()) != byte:
            raise ComponentError(f"{what}: {found:#x} is not known")


def sections(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and body of each section of a component or core module."""
    reader = Reader(data, 8)
    while reader.position < len(data):
        number = reader.byte()
        yield number, reader.raw(reader.number())


def read_component(data: bytes) -> Component:
    """Read a whole component.

    Raises:
        ComponentError: it is none, or uses what is not known here.
    """
    if data[:8] != b"\0asm\x0d\0\1\0":
        raise ComponentError("this is not a WebAssembly component")
    component = Component()
    readers = {2: _instance, 6: _alias, 8: _canonical, 10: _import}
    for number, body in sections(data):
        if number == 1:
            component.modules.append(body)
        elif number in readers:
            reader = Reader(body)
            for _ in range(reader.number()):
                readers[number](component, reader)
    return component


def _instance(component: Component, reader: Reader) -> None:
    if reader.byte() == 0:
        module, arguments = reader.number(), {}
        for _ in range(reader.number()):
            name = reader.name()
            reader.expect(0x12, "an argument of an instance")
            arguments[name] = reader.number()
        component.instances.append(Instantiated(module, arguments))
        return
    exports = {}
    for _ in range(reader.number()):
        name, sort = reader.name(), reader.byte()
        exports[name] = component.core[sort][reader.number()]
    component.instances.append(Bundle(exports))


def _alias(component: Component, reader: Reader) -> None:
    sort = reader.byte()
    core_sort = reader.byte() if sort == 0 else None
    target = reader.byte()
    first = reader.number()
    name = reader.name() if target in (0, 1) else str(reader.number())
    if core_sort is not None and core_sort < len(KINDS) and target == 1:
        component.core[core_sort].append(Alias(first, name))
    elif sort == 1:
        component.functions.append("")


def _canonical(component: Component, reader: Reader) -> None:
    operation = reader.byte()
    if operation in (0, 1):
        reader.expect(0, "a canonical function")
        function = reader.number()
        options = dict(_option(reader) for _ in range(reader.number()))
        if operation == 0:
            reader.number()  # its type
            component.functions.append("")
            component.lifted.append(Lifted(component.core[CORE_FUNCTION][function], options))
        else:
            component.core[CORE_FUNCTION].append(Lowered(component.functions[function]))
    elif operation in (2, 3, 4):
        reader.number()
        component.core[CORE_FUNCTION].append(Lowered(""))
    else:
        raise ComponentError(f"canonical function {operation:#x} is not known")


def _option(reader: Reader) -> tuple[int, int]:
    number = reader.byte()
    return number, reader.number() if number in _OPTIONS_WITH_INDEX else 0


def _import(component: Component, reader: Reader) -> None:
    reader.byte()
    name, sort = reader.name(), reader.byte()
    if sort == 0:
        reader.expect(0x11, "an import")
    reader.number()
    if sort == 1:
        component.functions.append(name)
