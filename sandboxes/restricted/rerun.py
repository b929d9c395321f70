"""Runs the class statements of a saved state again: with the names that they use bound first, and with no calls to the outside."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from restricted import classes
from restricted.codes import Codes
from restricted.policy import checked


class Ref(NamedTuple):
    """Stands in decoded data for an object that has a number."""

    number: int


class Rerun:
    """The class statements of one saved state.

    Attributes:
        value: builds what a reference stands for; the loader sets it.
    """

    def __init__(
        self, nodes: Sequence[Any], codes: Codes, maker: classes.Maker, variables: dict[str, Any], saved: Mapping[str, Any]
    ) -> None:
        self.nodes, self.codes, self.maker, self.variables, self.saved = nodes, codes, maker, variables, saved
        self.bound: set[str] = set()
        self.under_way: set[int] = set()
        self.value: Callable[[Any], Any] = lambda reference: reference

    def class_statement(self, number: int, filename: str, line: int, name: str) -> Any:
        """The class that a statement makes.

        Raises:
            ValueError: there is no such statement, or it makes no class now.
        """
        statement = self.codes.class_statement(filename, line, name)
        if statement is None or number in self.under_way:
            raise ValueError(f"no statement of class {name!r} stands there")
        self.under_way.add(number)
        for used in _names_at_once(statement):
            self._bind(used)
        tree = ast.Module(body=[*self.codes.future_imports(filename), statement], type_ignores=[])
        code = compile(checked(tree), filename, "exec", dont_inherit=True)
        before = self.variables.pop(name, self)
        exec(code, self.variables)
        made = self.variables.pop(name, None)
        if before is not self:
            self.variables[name] = before
        if not classes.of_cell(made):
            made = self.maker.latest.get(name)
        if not classes.of_cell(made):
            raise ValueError(f"the statement of class {name!r} makes none now")
        self.under_way.discard(number)
        return made

    def _bind(self, name: str) -> None:
        # What holds an object of a class that is being made has to wait: a method may name it, its statement does not need it.
        if name not in self.saved or name in self.bound or self._waits(self.saved[name]):
            return
        self.bound.add(name)
        value = self.variables[name] = self.value(self.saved[name])
        if isinstance(value, types.FunctionType):
            for used in _global_names(value.__code__):
                self._bind(used)

    def _waits(self, reference: Any) -> bool:
        waiting, seen = [reference], set()
        while waiting:
            item = waiting.pop()
            if type(item) is Ref:
                if item.number in self.under_way:
                    return True
                if item.number not in seen:
                    seen.add(item.number)
                    waiting.append(self.nodes[item.number])
            elif type(item) is list:
                waiting += item
        return False


def _names_at_once(statement: ast.AST) -> list[str]:
    """Names that are needed when the statement runs: not those in the bodies of its methods."""
    found: dict[str, None] = {}
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)):
            around = [node.args, *getattr(node, "decorator_list", ()), getattr(node, "returns", None)]
            waiting += [part for part in around if part is not None]
        else:
            waiting += ast.iter_child_nodes(node)
    return list(found)


def _global_names(code: types.CodeType) -> list[str]:
    inner = [name for constant in code.co_consts if isinstance(constant, types.CodeType) for name in _global_names(constant)]
    return [*code.co_names, *inner]
