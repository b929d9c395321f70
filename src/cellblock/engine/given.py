"""Arguments of the public classes: refused where they are given, in one line that says what is needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

from ..errors import ConfigError
from ..host.vfs import VfsLimits
from ..limits import ExecLimits, RunLimits
from ..models.cache import CallCache, SemanticModel
from ..models.prices import Price
from ..models.protocol import ModelAdapter
from .guards import Guards
from .history import History
from .prompt import PromptSettings
from .snapshots import SnapshotPolicy
from .tools import Tool

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "sandbox": ((str,), "a name that `cellblock sandboxes` lists"),
    "limits": ((RunLimits, NoneType), "RunLimits(...)"),
    "exec_limits": ((ExecLimits, NoneType), "ExecLimits(...)"),
    "guards": ((Guards, NoneType), "Guards(...)"),
    "prompt": ((PromptSettings, NoneType), "PromptSettings(...)"),
    "history": ((History, NoneType), "History(...)"),
    "vfs": ((VfsLimits, NoneType), "VfsLimits(...)"),
    "snapshots": ((SnapshotPolicy, NoneType), "SnapshotPolicy(...)"),
    "secret": ((bytes, NoneType), "bytes"),
    "journal": ((str, os.PathLike, NoneType), "a path, or :memory:"),
    "cache": ((str, os.PathLike, CallCache, NoneType), "a path, an address or a CallCache"),
    "tenant": ((str,), "a name"),
    "seed": ((int, NoneType), "a whole number"),
    "prices": ((Mapping, NoneType), "a mapping of model names to Price(...)"),
    "allow_weak_isolation": ((bool,), "True or False"),
}


def check_given(**given: object) -> None:
    """Refuse what is of another kind than its name wants.

    Raises:
        ConfigError: the first that is.
    """
    for name, value in given.items():
        kinds, need = _KINDS[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ConfigError(f"{name}={_shown(value)}: {need} is needed, not {type(value).__name__}")
        if name == "tenant" and not value:
            raise ConfigError("tenant='': a name is needed; all who have none would be one tenant")


def check_prices(prices: Mapping[str, Price] | None) -> None:
    """Refuse prices that are none.

    Raises:
        ConfigError: a name is no str, or a price no `Price`.
    """
    for name, price in (prices or {}).items():
        if not isinstance(name, str) or not isinstance(price, Price):
            raise ConfigError(f"prices: {_shown(name)}: {_shown(price)}; a model's name and Price(...) are needed")


def check_models(models: Iterable[ModelAdapter], tenant: str) -> None:
    """Refuse a model that answers from what it remembers of somebody else.

    Raises:
        ConfigError: its cache is another tenant's.
    """
    for model in models:
        if isinstance(model, SemanticModel) and model.tenant != tenant:
            raise ConfigError(f"{model.name} remembers for another tenant; make one for each")


def check_tools(name: str, tools: object) -> Iterable[Callable[..., Any] | Tool]:
    """The tools, if they are a list of some kind.

    Raises:
        ConfigError: they are not.
    """
    # A mapping of names to functions would be taken for a list of its names.
    if isinstance(tools, (str, bytes, Mapping)) or not isinstance(tools, Iterable):
        raise ConfigError(f"{name}={_shown(tools)}: a list of functions is needed, such as [{getattr(tools, '__name__', 'function')}]")
    return tools


def _shown(value: object) -> str:
    return repr(value)[:60]
