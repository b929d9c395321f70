"""A session in plain CPython, twice: with the real objects, and rewritten with the guest's facades."""

from __future__ import annotations

import ast
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

from proxy import Cell, SessionNames, rewrite

TEXT = "banana, an apple and\na cherry. "
MEMBERS = {
    "ctx": frozenset({"find", "len_chars", "slice"}),
    "P": frozenset({"find", "rfind", "index", "count", "startswith", "endswith", "slice", "item", "len", "contains", "text"}),
}

MAX_STEPS = 3_000
MAX_DEPTH = 40

FACADES = """
class Real:
    def find(self, *args, **named): return ctx__find(*args, **named)
    def len_chars(self, *args, **named): return ctx__len_chars(*args, **named)
    def slice(self, *args, **named): return ctx__slice(*args, **named)
    def __repr__(self): return "<ctx>"


class _cb_Text:
    def find(self, *args, **named): return P__find(*args, **named)
    def rfind(self, *args, **named): return P__rfind(*args, **named)
    def index(self, *args, **named): return P__index(*args, **named)
    def count(self, *args, **named): return P__count(*args, **named)
    def startswith(self, *args, **named): return P__startswith(*args, **named)
    def endswith(self, *args, **named): return P__endswith(*args, **named)


def _cb_real(value):
    return P__text() if value is _cb_text else value


def _cb_len_of(length, value):
    return P__len() if value is _cb_text and length is _cb_len else length(_cb_real(value))


def _cb_in(item, value):
    return P__contains(item) if value is _cb_text else item in value


def _cb_item(value, key):
    return P__item(key) if value is _cb_text else value[key]


def _cb_cut(value, start=None, stop=None, step=None):
    return P__slice(start, stop, step) if value is _cb_text else value[start:stop:step]


_cb_len = len
ctx = Real()
del Real
P = context = CONTEXT = _cb_text = _cb_Text()
"""


class Real:
    """What `ctx` stands for."""

    def find(self, pattern: str) -> list[int]:
        return [at for at in range(len(TEXT)) if TEXT.startswith(pattern, at)]

    def len_chars(self) -> int:
        return len(TEXT)

    def slice(self, start: int, end: int) -> str:
        return TEXT[start:end]

    def __repr__(self) -> str:
        return "<ctx>"


class Manager:
    """`with Manager(x) as y` binds x to y."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __enter__(self) -> Any:
        return self.value

    def __exit__(self, *args: object) -> None:
        return None


def same(value: Any) -> Any:
    """A decorator that does nothing."""
    return value


def word(value: Any) -> str:
    """A text of the value that both halves share."""
    return str(plain(value))[:500]


def _is_huge(value: Any) -> bool:
    return isinstance(value, (str, list, tuple)) and len(value) > MAX_STEPS


class Endless(BaseException):
    """The cell takes too many steps to go on with."""


class Half:
    """One of the two: a namespace, and everything that its cells showed or raised."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.log: list[Any] = []
        self.names = {"show": self.show, "word": word, "Manager": Manager, "same": same, "__name__": "cell", **names}

    def show(self, value: Any) -> Any:
        """Note a value, in a form that both halves share."""
        self.log.append(plain(value))
        return value

    def run(self, code: types.CodeType) -> bool:
        """Run one cell; what ends it is noted with its line. True if nothing did."""
        steps, self.depth = iter(range(MAX_STEPS)), 0

        def trace(frame: types.FrameType, event: str, arg: object) -> Any:
            if frame.f_code.co_filename != "<cell>":
                return None
            self.depth += {"call": 1, "return": -1}.get(event, 0)
            arguments = frame.f_locals.values() if event == "call" else ()
            if (
                self.depth > MAX_DEPTH
                or next(steps, None) is None
                or len(self.log) > MAX_STEPS
                or any(map(_is_huge, (*self.names.values(), *arguments)))
            ):
                raise Endless
            return trace

        sys.settrace(trace)
        try:
            exec(code, self.names)
        except Exception as error:  # noqa: BLE001 - a program may raise anything, and that is compared
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<cell>"]
            self.log.append((type(error).__name__, lines[-1] if lines else None))
            return False
        finally:
            sys.settrace(None)
        return True

    def state(self) -> dict[str, Any]:
        """The variables, in a form that both halves share."""
        hidden = ("_cb_", "ctx__", "P__", "__")
        return {name: plain(value) for name, value in self.names.items() if not name.startswith(hidden) and name not in ("show", "word")}


def plain(value: Any, depth: int = 0) -> Any:
    """The value, with what differs between the halves replaced by names."""
    kind = type(value)
    if kind.__name__ in ("Real", "Manager"):
        return f"<{kind.__name__}>"
    if kind is str and "method" in value:
        return "<method>"
    if kind.__name__ == "_cb_Text":
        return TEXT
    if kind in (list, tuple, set) and depth < 4:
        return [kind.__name__, *(plain(item, depth + 1) for item in value)]
    if kind is dict and depth < 4:
        return {str(plain(key)): plain(item, depth + 1) for key, item in value.items()}
    if kind in (int, str, bool, float, type(None)):
        return value
    return f"<{getattr(value, '__name__', kind.__name__)}>"


class Twin:
    """A session whose cells run in both halves."""

    def __init__(self, *, tells_completion: bool = True, binds_all: bool = False) -> None:
        self.tells_completion, self.binds_all = tells_completion, binds_all
        self.session = SessionNames()
        real = Real()
        self.real = Half({"ctx": real, "P": TEXT, "context": TEXT, "CONTEXT": TEXT})
        near: dict[str, Callable[..., Any]] = {f"ctx__{name}": getattr(real, name) for name in MEMBERS["ctx"]}
        near |= {f"P__{name}": getattr(TEXT, name) for name in MEMBERS["P"] if hasattr(str, name)}
        near |= {
            "P__text": lambda: TEXT,
            "P__len": lambda: len(TEXT),
            "P__item": lambda i: TEXT[i],
            "P__slice": lambda a, b, c: TEXT[a:b:c],
            "P__contains": lambda sub: sub in TEXT,
        }
        self.guest = Half(near)
        self.guest.names["_cb_show"] = self.guest.show
        exec(FACADES, self.guest.names)

    def run(self, source: str) -> Cell:
        """Run one cell in both halves."""
        cell = rewrite(source, self.session, MEMBERS)
        for name in self.session.lazy_texts() if self.binds_all and cell.texts else cell.texts:
            self.guest.names[name] = TEXT
        done = self.guest.run(compile(cell.code, "<cell>", "exec", dont_inherit=True))
        self.real.run(compiled(source, shows=cell.shows_value))
        self.session = self.session.after(cell, completed=done and self.tells_completion)
        return cell


def compiled(source: str, *, shows: bool) -> types.CodeType:
    """The cell as it was written, with its last value shown."""
    tree = ast.parse(source)
    if shows:
        last = tree.body[-1]
        assert isinstance(last, ast.Expr)
        call = ast.Call(func=ast.Name(id="show", ctx=ast.Load()), args=[last.value], keywords=[])
        tree.body[-1] = ast.copy_location(ast.Expr(value=ast.copy_location(call, last.value)), last)
        ast.fix_missing_locations(tree)
    return compile(tree, "<cell>", "exec", dont_inherit=True)


def agree(*cells: str, **options: bool) -> Twin:
    """Run the cells in both halves and check that both say the same."""
    twin = Twin(**options)
    for cell in cells:
        twin.run(cell)
        assert twin.guest.log == twin.real.log
        assert twin.guest.state() == twin.real.state()
    return twin
