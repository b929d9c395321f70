"""Which model does what: one for the run's own loop, cheaper ones for what it delegates, by role and by depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..errors import ConfigError
from ..models import resolve
from ..models.cache import identity_of
from ..models.protocol import ModelAdapter

Model: TypeAlias = "str | ModelAdapter | Callable[..., object]"
"""A name such as `openai:gpt-5`, an adapter, or a function of the prompt."""
Tiers: TypeAlias = "Model | Sequence[Model] | None"
"""One model, or one for each depth from the first on; the last one serves all that lie deeper."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """The models of a run, by what they do.

    Raises:
        ConfigError: a list of tiers is empty, or a name of `named` is one of the roles.
    """

    root: Model
    """For the loop of the run itself."""
    sub: Tiers = None
    """For sub-calls; a list goes by the depth of the run whose cell asks, from 0. None: `root`."""
    children: Tiers = None
    """For the loops of child runs; a list goes by their depth, from 1. None: `root`."""
    verifier: Model | None = None
    """Judges final answers, where the guards ask for it. None: `root`."""
    engineer: Model | None = None
    """Writes briefs before a loop, where the prompt's settings ask for it. None: `root`."""
    named: Mapping[str, Model] = field(default_factory=dict)
    """More models that a cell may name: `llm_query(prompt, model="fast")`."""

    def __post_init__(self) -> None:
        for name in ("sub", "children"):
            if isinstance(getattr(self, name), (list, tuple)) and not getattr(self, name):
                raise ConfigError(f"models: {name} is an empty list; give a model, or leave it out")
        for name in self.named:
            if name in ("root", "sub") or not name.isidentifier():
                raise ConfigError(f"models: {str(name)[:50]!r} is no name for a model here; use an identifier, not root or sub")


class Roles:
    """The adapters of one run, each spec resolved once.

    Args:
        models: by role.
        adapter: from a spec to an adapter.
    """

    def __init__(self, models: Models, adapter: Callable[[Model], ModelAdapter] = resolve) -> None:
        made: list[tuple[Model, ModelAdapter]] = []

        def once(spec: Model) -> ModelAdapter:
            # By identity first, since an adapter or a function may compare itself in ways of its own.
            for known, known_adapter in made:
                if known is spec or (isinstance(spec, str) and isinstance(known, str) and known == spec):
                    return known_adapter
            made.append((spec, adapter(spec)))
            return made[-1][1]

        self.root = once(models.root)
        self._subs = [once(spec) for spec in _tiers(models.sub, models.root)]
        self._children = [once(spec) for spec in _tiers(models.children, models.root)]
        self.verifier = once(models.root if models.verifier is None else models.verifier)
        self.engineer = once(models.root if models.engineer is None else models.engineer)
        self._named = {name: once(spec) for name, spec in models.named.items()}
        self._all = [adapter for _, adapter in made]

    def __iter__(self) -> Iterator[ModelAdapter]:
        """Every adapter once."""
        return iter(self._all)

    def loop(self, depth: int) -> ModelAdapter:
        """For the loop of a run at `depth`."""
        return self.root if depth == 0 else self._children[min(depth, len(self._children)) - 1]

    def sub(self, depth: int) -> ModelAdapter:
        """For sub-calls of a run at `depth`."""
        return self._subs[min(depth, len(self._subs) - 1)]

    def of(self, name: str, depth: int) -> ModelAdapter:
        """The model that a cell of a run at `depth` means by `name`: a role, a name of its own, or a model's full name.

        Raises:
            LookupError: there is none of that name.
        """
        known = {"root": self.root, "sub": self.sub(depth), **self._named}
        if name in known:
            return known[name]
        return {adapter.name: adapter for adapter in self._all}[name]

    def recorded(self) -> dict[str, Any]:
        """The full names, by role, in the shape of `Models`; and what shapes the answers behind each name, such as its address."""
        return {
            "root": self.root.name,
            "sub": [adapter.name for adapter in self._subs],
            "children": [adapter.name for adapter in self._children],
            "verifier": self.verifier.name,
            "engineer": self.engineer.name,
            "named": {name: adapter.name for name, adapter in self._named.items()},
            "identities": {adapter.name: identity_of(adapter) for adapter in self._all},
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What a cell may be told of: full names may say where a model is served."""
        return ("root", "sub", *self._named)


def _tiers(given: Tiers, otherwise: Model) -> Sequence[Model]:
    if given is None:
        return (otherwise,)
    return given if isinstance(given, (list, tuple)) else (given,)
