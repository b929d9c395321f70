"""What cells get in place of things that they must not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class TypeName:
    """What `type(x)` gives for a class that cells must not hold: its name."""

    __slots__ = ("__name__",)
    __name__: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "__name__", name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("read-only")

    def __repr__(self) -> str:
        return f"<class '{self.__name__}'>"

    def __eq__(self, other: object) -> bool:
        return type(other) is TypeName and other.__name__ == self.__name__

    def __hash__(self) -> int:
        return hash(self.__name__)


class Attributes(dict[str, Any]):
    """The attributes of an object of a cell, as its `__dict__` gives them: what is put here is put there, if it may be."""

    __slots__ = ("_drop", "_put")

    def __init__(self, found: dict[str, Any], put: Callable[[Any, Any], None], drop: Callable[[Any], None]) -> None:
        super().__init__(found)
        self._put, self._drop = put, drop

    def __setitem__(self, name: str, item: Any) -> None:
        self._put(name, item)
        super().__setitem__(name, item)

    def __delitem__(self, name: str) -> None:
        self._drop(name)
        super().__delitem__(name)

    def update(self, *given: Any, **named: Any) -> None:
        """Put each."""
        for name, item in dict(*given, **named).items():
            self[name] = item

    def __ior__(self, given: Any) -> Attributes:  # type: ignore[override, misc]
        self.update(given)
        return self

    def setdefault(self, name: str, item: Any = None) -> Any:
        """Put it if it is not there."""
        if name not in self:
            self[name] = item
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        """Take one out."""
        if name in self:
            self._drop(name)
        return super().pop(name, *default)

    def popitem(self) -> tuple[str, Any]:
        """Take the last one out."""
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        """Take all out."""
        for name in list(self):
            del self[name]
