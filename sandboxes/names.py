"""What a cell finds besides Python where the interpreter is a whole CPython (restricted, wasi): facades of the context, the
helpers that rewritten cells call, the way out of values. `monty/prelude.py` says the same in that interpreter's subset.

Standard library alone, and no import of another file of this tree: it is also built into the wasi guest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Call = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]
"""How an external is called: by its flat name, with arguments that may still be anything."""

CONTEXT_METHODS = (
    "len_chars", "num_documents", "get_document", "document_lengths", "slice", "find", "chunk", "chunk_documents", "page", "lines",
    "search", "metadata",
)  # fmt: skip
TEXT_METHODS = ("find", "rfind", "index", "rindex", "count", "startswith", "endswith")
FINALS = ("FINAL", "FINAL_VAR", "SUBMIT")
GROUPS = ("vfs", "checkpoint", "fork", "strategy")
"""Objects whose methods are far functions: `vfs.read` is the one that the session offers as `vfs__read`."""
TOP_LEVEL = ("peek", "tail", "lenP", "extract_after")
TEXT_CHARS, TEXT_HEAD, TEXT_TAIL = 2_000, 1_000, 500
SHOWN_ITEMS, SHOWN_DEPTH, SHOWN_CHARS = 40, 4, 4_000
PLAIN_DEPTH = 40
_TRUE_OR_NOT = (bool, int, float, str, bytes, list, tuple, dict)
_BIG = 10**4000


def guest_names(call: Call, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is bound before the first cell.

    Args:
        call: answers a call of an external.
        variables: the cells' own globals, for `SHOW_VARS`.
    """
    # A rewritten cell calls the methods by their flat names where that is surely the same.
    flat = {
        name: _external(call, name) for name in (*(f"ctx__{name}" for name in CONTEXT_METHODS), *(f"P__{name}" for name in TEXT_METHODS))
    }
    text = _text_facade(call, flat)
    return {
        **flat,
        **{name: _external(call, name) for name in TOP_LEVEL},
        "ctx": _context_facade(flat),
        "P": text,
        "context": text,
        "CONTEXT": text,
        **{name: far_function(call, name) for name in FINALS},
        "answer": {"content": None, "ready": False},
        "NO_ANSWER": "NO_ANSWER",
        "SHOW_VARS": lambda: _shown_variables(call("_cb_names", (), {}), variables),
        "_cb_show": show,
        "_cb_take_answer": answer_taker(far_function(call, "FINAL"), variables),
        **_text_helpers(call, text),
    }


def _external(call: Call, name: str) -> Callable[..., Any]:
    def external(*args: Any, **kwargs: Any) -> Any:
        return call(name, args, kwargs)

    external.__name__ = external.__qualname__ = name.rpartition("__")[2]
    return external


def far_function(call: Call, name: str) -> Callable[..., Any]:
    """A far function as cells see it: what it is given has to be plain data."""

    def external(*args: Any, **kwargs: Any) -> Any:
        return call(name, tuple(map(plain, args)), {key: plain(value) for key, value in kwargs.items()})

    external.__name__ = external.__qualname__ = name
    return external


def offered(far: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What a session's far functions are bound to, by name: a group with its methods, sorted, or a function, without any."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(far):
        group, mark, method = name.partition("__")
        if mark and group in GROUPS:
            found[group] = (*found.get(group, ()), method)
        else:
            found.setdefault(name, ())
    return found


def called(name: str) -> str:
    """How cells write a far function's name."""
    group, mark, method = name.partition("__")
    return f"{group}.{method}" if mark and group in GROUPS else name


def group_object(group: str, methods: Iterable[str], function: Callable[[str], Callable[..., Any]]) -> object:
    """The object of a group; `function` gives what answers to a far name."""
    members = {method: staticmethod(_named(function(f"{group}__{method}"), method)) for method in methods}
    return type(group, (), {"__slots__": (), **members})()


def far_names(call: Call, far: Iterable[str]) -> dict[str, Any]:
    """What a session's far functions are bound to: functions, and the objects whose methods they are."""

    def function(name: str) -> Callable[..., Any]:
        return far_function(call, name)

    return {name: group_object(name, methods, function) if methods else function(name) for name, methods in offered(far).items()}


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    return function


def answer_taker(final: Callable[[Any], Any], variables: Mapping[str, Any]) -> Callable[[bool], None]:
    """What the worker calls after a cell: takes the mark "ready" off `answer` and, if it is wanted, gives the content by `final`."""

    def take(wanted: bool) -> None:
        found = variables.get("answer")
        ready = found.get("ready") if type(found) is dict else None
        # To ask an object of a cell's class whether it is true would be to call a method of it.
        if found is None or type(ready) not in _TRUE_OR_NOT or not ready:
            return
        found["ready"] = False
        if wanted and "content" not in found:
            raise ValueError("it has no 'content'; set answer['content']")
        if wanted:
            final(found["content"])

    return take


def _context_facade(flat: Mapping[str, Callable[..., Any]]) -> object:
    members = {name: staticmethod(flat[f"ctx__{name}"]) for name in CONTEXT_METHODS}
    return type("Context", (), {"__slots__": (), **members})()


def _text_facade(call: Call, flat: Mapping[str, Callable[..., Any]]) -> object:
    members: dict[str, Any] = {name: staticmethod(flat[f"P__{name}"]) for name in TEXT_METHODS}
    operators = {
        "__len__": lambda _self: call("P__len", (), {}),
        "__contains__": lambda _self, item: call("P__contains", (item,), {}),
        "__getitem__": lambda _self, key: _item(call, key),
        "__iter__": lambda _self: iter(call("P__text", (), {})),
        "__str__": lambda _self: call("P__text", (), {}),
    }
    return type("Text", (), {"__slots__": (), **members, **operators})()


def _item(call: Call, key: Any) -> Any:
    return call("P__slice", (key.start, key.stop, key.step), {}) if type(key) is slice else call("P__item", (key,), {})


def _text_helpers(call: Call, text: object) -> dict[str, Callable[..., Any]]:
    def real(value: Any) -> Any:
        return call("P__text", (), {}) if value is text else value

    def len_of(length: Callable[[Any], Any], value: Any) -> Any:
        return call("P__len", (), {}) if value is text and length is len else length(real(value))

    def contains(item: Any, value: Any) -> Any:
        return call("P__contains", (item,), {}) if value is text else item in value

    def cut(value: Any, start: Any = None, stop: Any = None, step: Any = None) -> Any:
        return call("P__slice", (start, stop, step), {}) if value is text else value[start:stop:step]

    def item(value: Any, key: Any) -> Any:
        return _item(call, key) if value is text else value[key]

    return {"_cb_real": real, "_cb_len_of": len_of, "_cb_in": contains, "_cb_cut": cut, "_cb_item": item}


def _shown_variables(names: list[str], variables: Mapping[str, Any]) -> str:
    lines = []
    for name in names:
        if name not in variables:
            continue
        value = variables[name]
        sized = isinstance(value, (str, bytes, list, tuple, dict, set, frozenset))
        lines.append(f"{name}: {type(value).__name__}" + (f" of {len(value)}" if sized else ""))
    return "\n".join(lines)


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as it crosses: tuples as lists; subclasses of plain types as what they are made of.

    Raises:
        TypeError, ValueError: it cannot cross; the message says what to do.
    """
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    kind: Any
    for kind in (int, float, str, bytes):
        if isinstance(value, kind):
            return kind.__new__(kind, value)
    if depth > PLAIN_DEPTH:
        raise ValueError("nested too deep to cross; flatten it")
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if any(not isinstance(key, str) for key in value):
            raise TypeError("a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}")
        return {plain(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        raise TypeError("a set cannot cross; use sorted(...) or list(...)")
    raise TypeError(f"a {type(value).__name__} cannot cross; only None, bool, int, float, str, bytes, list and dict cross")


def show(value: Any) -> str:
    """The bounded text of a cell's last expression; empty for None."""
    if value is None:
        return ""
    text = _preview(value, 0)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "...(clipped)"


def _preview(value: Any, depth: int) -> str:
    if isinstance(value, (str, bytes)) and len(value) > TEXT_CHARS:
        end = f" characters)...{value[-TEXT_TAIL:]!r}" if isinstance(value, str) else " bytes)"
        return f"{value[:TEXT_HEAD]!r}...({len(value)}{end}"
    if type(value) is int and not -_BIG < value < _BIG:
        return "<int of more than 4000 digits>"
    if isinstance(value, (list, tuple, set, frozenset, dict)) and depth >= SHOWN_DEPTH:
        return "..."
    kind = type(value)
    if kind is list:
        return f"[{_items(value, depth)}]"
    if kind is tuple:
        return f"({_items(value, depth)}{',' if len(value) == 1 else ''})"
    if kind is dict:
        return _dict_preview(value, depth)
    if kind is set:
        return f"{{{_items(value, depth)}}}" if value else "set()"
    text = repr(value)
    return text if len(text) <= TEXT_CHARS or isinstance(value, (str, bytes)) else text[:TEXT_CHARS] + "..."


def _dict_preview(value: dict[Any, Any], depth: int) -> str:
    shown = [f"{_preview(key, depth + 1)}: {_preview(value[key], depth + 1)}" for key in list(value)[:SHOWN_ITEMS]]
    return "{" + ", ".join(shown) + (f", ...({len(value)} keys)" if len(value) > SHOWN_ITEMS else "") + "}"


def _items(value: Any, depth: int) -> str:
    shown: list[str] = []
    for item in value:
        if len(shown) == SHOWN_ITEMS:
            shown.append(f"...({len(value)} items)")
            break
        shown.append(_preview(item, depth + 1))
    return ", ".join(shown)
