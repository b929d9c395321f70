"""Flattens a component into core modules: each import of each instance becomes an export of an earlier one, or a function of the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..artefact import HOST, Plan, Step
from . import module
from .component import POST_RETURN, REALLOC, Alias, Component, ComponentError, Instantiated, Lowered
from .module import Signature
from .shim import HOST_FUNCTIONS, shim_imports, shim_text

SHIM = -2
"""Stands for the shim among the sources of imports, until it has its number."""
_INTERRUPT = "PyErr_SetInterruptEx"
_TABLE = "$imports"
"""The table through which early instances call imports that exist only later. Source: wit-component's output."""

Source = tuple[int, str]


@dataclass(frozen=True)
class _Landmarks:
    """The instances that matter by name."""

    table: int
    """Holds the table of late imports."""
    fill: int
    """Fills that table; all that comes before it runs without WASI."""
    memory: int
    python: int
    library: int
    """The C library."""
    run: Alias
    after_run: Alias
    realloc: Alias


class Linker:
    """One component on its way to a plan."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self.arguments = {i: made for i, made in enumerate(component.instances) if isinstance(made, Instantiated)}
        self.exports = {i: module.exports(self.module(i)) for i in self.arguments}
        self.imports = {i: module.imports(self.module(i)) for i in self.arguments}
        self.marks = self._landmarks()

    def module(self, instance: int) -> bytes:
        """The module of a core instance."""
        return self.component.modules[self.arguments[instance].module]

    def plan(self, assemble: Callable[[str], bytes], inputs: str) -> tuple[Plan, list[bytes]]:
        """The plan and its modules.

        Args:
            assemble: turns WebAssembly text into a module.
            inputs: hash of what the component was made from.
        """
        late = dict(self._late_imports())
        text, denied = shim_text({name: signature for name, signature in late.values()})
        sources = {i: self._sources(i, {key: name for key, (name, _) in late.items()}) for i in self.arguments}
        kept = self._kept(sources)
        numbers: dict[int, int] = {}
        steps, modules = [], []
        for instance in kept:
            if instance == SHIM:
                found, body = self._shim_sources(), assemble(text)
            else:
                found, body = sources[instance], self.module(instance)
            steps.append(Step(len(body), [(HOST if k == HOST else numbers[k], name) for k, name in found]))
            modules.append(body)
            numbers[instance] = len(steps) - 1
        exports = {name: (numbers[k], export) for name, (k, export) in self._wanted().items()}
        return Plan(steps, exports, denied, inputs, ""), modules

    def _landmarks(self) -> _Landmarks:
        lifted = [one for one in self.component.lifted if self._alias(one.function).name == "run"]
        if len(lifted) != 1:
            raise ComponentError("the component does not export the one function `run`")
        function = self.component.core[0]
        return _Landmarks(
            table=self._one("the table of late imports", lambda i: _TABLE in self.exports[i]),
            fill=self._one("what fills that table", lambda i: any(one.name == _TABLE for one in self.imports[i])),
            memory=self._one("the memory", lambda i: "memory" in self.exports[i]),
            python=self._one("CPython", lambda i: {_INTERRUPT, "Py_GetBuildInfo"} <= self.exports[i] and len(self.imports[i]) > 100),
            library=self._one("the C library", lambda i: {"malloc", "free", "memcpy"} <= self.exports[i]),
            run=self._alias(lifted[0].function),
            after_run=self._alias(function[lifted[0].options[POST_RETURN]]),
            realloc=self._alias(function[lifted[0].options[REALLOC]]),
        )

    def _one(self, what: str, test: Callable[[int], bool]) -> int:
        found = [i for i in self.arguments if test(i)]
        if len(found) != 1:
            raise ComponentError(f"{what}: one instance was expected, {len(found)} were found")
        return found[0]

    def _alias(self, reference: Alias | Lowered) -> Alias:
        found = self.component.resolve(reference)
        if not isinstance(found, Alias):
            raise ComponentError("a function of a core module was expected")
        return found

    def _late_imports(self) -> Iterator[tuple[str, tuple[str, Signature]]]:
        # Slots of the table, and the function of WASI that is called through each.
        for instance, one in self.arguments.items():
            types = module.signatures(self.module(instance))
            for found in self.imports[instance]:
                if found.kind != "func" or not found.module.startswith("wasi"):
                    continue
                target = self.component.resolve(Alias(one.arguments[found.module], found.name))
                if isinstance(target, Alias) and target.instance == self.marks.table:
                    yield target.name, (f"{found.module}#{found.name}", types[found.type])

    def _sources(self, instance: int, late: dict[str, str]) -> list[Source]:
        arguments, sources = self.arguments[instance].arguments, []
        for found in self.imports[instance]:
            if instance == self.marks.fill and found.name in late:
                sources.append((SHIM, late[found.name]))
                continue
            target = self.component.resolve(Alias(arguments[found.module], found.name))
            if isinstance(target, Alias):
                sources.append((target.instance, target.name))
            elif target.name in HOST_FUNCTIONS:
                sources.append((HOST, target.name))
            else:
                raise ComponentError(f"the component imports {target.name!r}, which the host does not have")
        return sources

    def _kept(self, sources: dict[int, list[Source]]) -> list[int]:
        # componentize-py's own stubs trap on every call; with the shim in their place nobody asks for them.
        asked = {k for found in sources.values() for k, _ in found} | {k for k, _ in self._wanted().values()}
        kept = [i for i in self.arguments if i in asked or sources[i]]
        kept.insert(kept.index(self.marks.fill), SHIM)
        return kept

    def _shim_sources(self) -> list[Source]:
        places = {"memory": (self.marks.memory, "memory"), "cabi_realloc": (self.marks.realloc.instance, self.marks.realloc.name)}
        return [places.get(name, (HOST, name)) for name in shim_imports()]

    def _wanted(self) -> dict[str, Source]:
        marks = self.marks
        functions = {"run": marks.run, "after_run": marks.after_run, "realloc": marks.realloc}
        return {name: (alias.instance, alias.name) for name, alias in functions.items()} | {
            "memory": (marks.memory, "memory"),
            "stack_pointer": (marks.memory, "__stack_pointer"),
            "malloc": (marks.library, "malloc"),
            "free": (marks.library, "free"),
            "interrupt": (marks.python, _INTERRUPT),
        }
