"""Context managers. None of a cell's hears of a limit, whatever holds it: a limit is not the cell's to handle, or to know.

`contextlib`'s own pass every exception on to what they hold, with its traceback.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Generator
from typing import Any

from restricted.raising import is_catchable
from restricted.screen import Screen


class Managed:
    """A context manager as a `with` statement of a cell gets it."""

    __slots__ = ("_exit", "_manager")

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __enter__(self) -> Any:
        kind = type(self._manager)
        try:
            enter, self._exit = kind.__enter__, kind.__exit__
        except AttributeError:
            raise TypeError(f"{kind.__name__!r} object does not support the context manager protocol") from None
        return enter(self._manager)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> Any:
        if error is not None and not is_catchable(error):
            return False
        return self._exit(self._manager, kind, error, None)


class Generated:
    """What a `@contextmanager` function gives."""

    __slots__ = ("_generator",)

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator

    def __enter__(self) -> Any:
        try:
            return next(self._generator)
        except StopIteration:
            raise RuntimeError("generator didn't yield") from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if error is None:
            if next(self._generator, self) is not self:
                raise RuntimeError("generator didn't stop")
            return False
        try:
            self._generator.throw(error)
        except StopIteration as stop:
            return stop is not error
        except BaseException as raised:
            # The generator let it pass; Python turns a StopIteration into a RuntimeError with the original as its cause.
            if raised is error or (isinstance(error, StopIteration) and raised.__cause__ is error):
                return False
            raise
        raise RuntimeError("generator didn't stop after throw()")


class ExitStack:
    """`contextlib.ExitStack` as cells have it."""

    __slots__ = ("_exits",)

    def __init__(self) -> None:
        self._exits: collections.deque[Callable[[BaseException | None], Any]] = collections.deque()

    def enter_context(self, manager: Any) -> Any:
        """Enter a context manager, and leave it with the stack."""
        managed = Managed(manager)
        result = managed.__enter__()
        self._exits.append(lambda error: managed.__exit__(type(error) if error is not None else None, error, None))
        return result

    def push(self, leave: Any) -> Any:
        """Call `leave(kind, error, None)`, or the `__exit__` of a context manager, with the stack's end."""
        method = getattr(type(leave), "__exit__", None)
        given = (lambda *details: method(leave, *details)) if method is not None else leave
        self._exits.append(lambda error: given(type(error) if error is not None else None, error, None))
        return leave

    def callback(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Call a function with the stack's end."""
        self._exits.append(lambda _error: function(*args, **kwargs) and False)
        return function

    def pop_all(self) -> ExitStack:
        """Move everything to a new stack."""
        other = type(self)()
        other._exits, self._exits = self._exits, collections.deque()
        return other

    def close(self) -> None:
        """Unwind now."""
        self.__exit__(None, None, None)

    def __enter__(self) -> ExitStack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        given, current = error is not None, error
        while self._exits:
            try:
                if self._exits.pop()(current):
                    current = None
            except Exception as raised:  # noqa: BLE001 - a callback's own, and the next one's to handle
                current = raised
        if current is not None and current is not error:
            raise current
        return given and current is None


def contextlib_names(screen: Screen) -> dict[str, Any]:
    """What `import contextlib` gives."""

    def contextmanager(function: Any) -> Any:
        if not screen.is_function(function):
            raise TypeError("@contextmanager goes on a function of yours")

        def managing(*args: Any, **kwargs: Any) -> Generated:
            return Generated(function(*args, **kwargs))

        managing.__name__, managing.__qualname__, managing.__doc__ = function.__name__, function.__qualname__, function.__doc__
        return managing

    names = ("suppress", "closing", "nullcontext", "AbstractContextManager")
    return {"contextmanager": contextmanager, "ExitStack": ExitStack, **{name: getattr(contextlib, name) for name in names}}
