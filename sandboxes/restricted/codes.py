"""Code of cells by where it stands: a function is saved as its cell's source and the way to its code, never as code."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator, Mapping

from restricted.policy import compiled

Path = list[int]
"""First the part (0 the statements, 1 the last expression), then places among the constants."""


class Codes:
    """The compiled cells of one session, made from their sources when they are first asked for."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self._parts: dict[str, tuple[types.CodeType | None, ...]] = {}

    def parts(self, filename: str) -> tuple[types.CodeType | None, ...]:
        """A cell's code, compiled as it was the first time."""
        if filename not in self._parts:
            self._parts[filename] = compiled(self.sources[filename], filename)
        return self._parts[filename]

    def path_of(self, code: types.CodeType) -> Path | None:
        """The way to the code of a function; None where its cell is not known."""
        if code.co_filename not in self.sources:
            return None
        for index, part in enumerate(self.parts(code.co_filename)):
            for path, found in _inside(part, [index]):
                if found == code:
                    return path
        return None

    def at(self, filename: str, path: Path) -> types.CodeType:
        """The code of a function.

        Raises:
            ValueError: there is none.
        """
        found: object = None
        if path and filename in self.sources and path[0] in (0, 1):
            found = self.parts(filename)[path[0]]
            for place in path[1:]:
                inside = found.co_consts if isinstance(found, types.CodeType) else ()
                found = inside[place] if 0 <= place < len(inside) else None
        if not isinstance(found, types.CodeType) or not found.co_flags & inspect.CO_OPTIMIZED:
            raise ValueError("no function stands there")
        return found

    def future_imports(self, filename: str) -> list[ast.stmt]:
        """What a cell takes from `__future__`: it changes what its other statements mean."""
        found = ast.parse(self.sources[filename]).body
        return [node for node in found if isinstance(node, ast.ImportFrom) and node.module == "__future__"]

    def class_statement(self, filename: str, line: int, name: str) -> ast.ClassDef | None:
        """The class statement that stands at a line of a cell, outside of functions."""
        waiting: list[ast.AST] = [ast.parse(self.sources[filename])] if filename in self.sources else []
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.ClassDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if node.name == name and first <= line <= node.body[0].lineno:
                    return node
            elif not isinstance(node, (ast.FunctionDef, ast.expr)):
                waiting += ast.iter_child_nodes(node)
        return None


def _inside(code: types.CodeType | None, path: Path) -> Iterator[tuple[Path, types.CodeType]]:
    for place, constant in enumerate(code.co_consts if code else ()):
        if isinstance(constant, types.CodeType):
            yield [*path, place], constant
            yield from _inside(constant, [*path, place])
