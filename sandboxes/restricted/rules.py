"""Which names a cell may read, define and bind, and the hooks that its code is made to call.

The hooks' names hold a character that no identifier may hold. So no cell can name one, and none of the ways in which Python
binds a name (there are about twenty) can rebind one.
"""

from __future__ import annotations

import types

from RestrictedPython.transformer import INSPECT_ATTRIBUTES

READ, LOOK, WRITE = "read!", "look!", "write!"
"""`o.x`; `o._x`, `o.__x__` and other names that need care; the object whose attribute is set or deleted."""
CLASS, IMPORT, MEMBER, ALL, MANAGER = "class!", "import!", "member!", "all!", "with!"
"""The maker of classes; `import a`; `from a import b`; `from a import *`; a context manager."""
ANYTHING, CAUGHT = "anything!", "caught!"
"""What a bare `except` catches, and any other."""
BASE, VALUE = "base!", "value!"
"""Temporaries of `o.x += v`."""
METACLASS = "metaclass!"
"""The keyword under which a class statement's own `metaclass=` arrives."""
HIDDEN = "!"
"""In every name that is ours."""
RESERVED = ("_cb_", "ctx__", "P__")
"""What the names of externals and of the display's helpers begin with: cells may call them, not bind them."""

_INTROSPECTED = (
    types.FrameType, types.CodeType, types.TracebackType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
)  # fmt: skip
_PREFIXES = ("f_", "co_", "tb_", "gi_", "cr_", "ag_", "func_")

INTROSPECTION = frozenset(
    INSPECT_ATTRIBUTES
    | {name for kind in _INTROSPECTED for name in dir(kind) if name.startswith(_PREFIXES)}
    | {"gi_suspended", "ag_suspended", "cr_suspended", "co_positions", "co_lines", "f_generator", "func_globals", "func_code"}
)
"""Attributes of frames, code, tracebacks and generators: refused on every object."""

CAREFUL = frozenset({"mro", "obj", "with_traceback", "register", "format", "format_map"})
"""Public names that lead out, or to an unguarded formatter, on some objects that are not the cell's own."""

UNMATCHED = INTROSPECTION | CAREFUL | {"now", "utcnow", "today"}
"""Names that a pattern may not ask for: it is answered by native code, past every hook."""

_ARITHMETIC = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift", "and", "xor", "or")
OPERATORS = frozenset(
    [f"__{prefix}{name}__" for name in _ARITHMETIC for prefix in ("", "r", "i") if (prefix, name) != ("i", "divmod")]
    + [f"__{name}__" for name in ("lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "abs", "invert")]
)
PROTOCOLS = frozenset({
    "__repr__", "__str__", "__format__", "__bytes__", "__hash__", "__bool__", "__int__", "__float__", "__complex__", "__index__",
    "__round__", "__trunc__", "__floor__", "__ceil__", "__len__", "__length_hint__", "__getitem__", "__setitem__", "__delitem__",
    "__contains__", "__iter__", "__next__", "__reversed__", "__call__", "__enter__", "__exit__", "__missing__",
})  # fmt: skip
LIFE = frozenset({
    "__new__", "__init__", "__post_init__", "__init_subclass__", "__class_getitem__", "__set_name__", "__get__", "__set__", "__delete__",
    "__getattr__", "__setattr__", "__delattr__", "__copy__", "__deepcopy__", "__dir__",
})  # fmt: skip
DEFINABLE = OPERATORS | PROTOCOLS | LIFE
"""Special methods that a class of a cell may have, and that may be called by name."""
CLASS_NAMES = DEFINABLE | {"__slots__", "__match_args__", "__doc__"}
"""What a class statement may bind."""
DESCRIBING = frozenset({"__name__", "__qualname__", "__doc__", "__module__"})
READABLE = (
    DEFINABLE
    | DESCRIBING
    | {"__class__", "__dict__", "__cause__", "__context__", "__notes__", "__annotations__", "__members__", "__slots__"}
)
"""Special names that may be read; what comes of it depends on the object."""

NAMED_TUPLE = frozenset({"_asdict", "_replace", "_fields", "_make", "_field_defaults"})
ENUM = frozenset({"_value_", "_name_", "_missing_", "_generate_next_value_"})
NEVER = frozenset({"_abc_impl", "_is_protocol", "_is_runtime_protocol", "_abc_registry", "_member_map_", "_value2member_map_"})
"""Private names that the interpreter itself puts into a cell's class."""

METHODS_OF_DATA = (
    frozenset(
        name
        for kind in (str, bytes, bytearray, list, tuple, dict, set, frozenset, int, float, complex, range)
        for name in dir(kind)
        if not name.startswith("_")
    )
    - UNMATCHED
)
"""Read without a hook: harmless on every object within a cell's reach."""


def is_special(name: str) -> bool:
    """Whether it is of the form `__x__`."""
    return name.startswith("__") and name.endswith("__") and name.strip("_") != ""


def mangled(name: str, owner: str | None) -> str:
    """The attribute that `name` stands for inside class `owner`."""
    if owner is None or not name.startswith("__") or name.endswith("__"):
        return name
    owner = owner.lstrip("_")
    return f"_{owner}{name}" if owner else name
