"""Reads what a linker needs of a core WebAssembly module: imports, exports, types of its functions."""

from __future__ import annotations

from .component import KINDS, ComponentError, Import, Reader, sections

_VALUE_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}

Signature = tuple[list[str], list[str]]
"""Parameters and results."""


def _body(module: bytes, wanted: int) -> Reader:
    for number, body in sections(module):
        if number == wanted:
            return Reader(body)
    return Reader(b"\0")


def imports(module: bytes) -> list[Import]:
    """All imports, in order."""
    reader = _body(module, 2)
    return [_one_import(reader) for _ in range(reader.number())]


def _one_import(reader: Reader) -> Import:
    origin, name, kind = reader.name(), reader.name(), reader.byte()
    index = 0
    if kind == 0:
        index = reader.number()
    elif kind in (1, 2):
        if kind == 1:
            reader.byte()  # the type of its elements
        has_maximum = reader.byte() & 1
        reader.number()
        if has_maximum:
            reader.number()
    elif kind == 3:
        reader.raw(2)  # the type, and whether it may change
    elif kind == 4:
        reader.byte()
        reader.number()
    else:
        raise ComponentError(f"import of kind {kind:#x} is not known")
    return Import(origin, name, KINDS[kind], index)


def exports(module: bytes) -> set[str]:
    """The names of all exports."""
    reader = _body(module, 7)
    names = set()
    for _ in range(reader.number()):
        names.add(reader.name())
        reader.byte()
        reader.number()
    return names


def signatures(module: bytes) -> list[Signature]:
    """All function types, by index."""
    reader = _body(module, 1)
    found = []
    for _ in range(reader.number()):
        reader.expect(0x60, "a type that is not a function's")
        found.append((_types(reader), _types(reader)))
    return found


def _types(reader: Reader) -> list[str]:
    return [_VALUE_TYPES[byte] for byte in reader.raw(reader.number())]
