"""What has a name in every session: facades, their members, built-ins. A saved state refers to these by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from names import TEXT_METHODS
from restricted.modules import Facade, members

_DATA = (bool, int, float, complex, str, bytes, tuple, type(None))


def known_paths(
    facades: Mapping[str, Facade], builtins: Mapping[str, Any], ours: Mapping[str, Any], groups: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Each object by its path; the same paths in every session with the same far functions."""
    found: dict[str, Any] = {f"builtins {name}": value for name, value in builtins.items() if not name.startswith("__")}
    for module, facade in facades.items():
        found[f"module {module}"] = facade
        found |= {f"{module} {name}": value for name, value in members(facade).items()}
    found |= {f"ours {name}": value for name, value in ours.items()}
    if "P" in ours:
        found |= {f"text {name}": getattr(ours["P"], name) for name in TEXT_METHODS}
    for group, methods in groups.items():
        found |= {f"method {group} {method}": getattr(ours[group], method) for method in methods}
    return found


def by_identity(paths: Mapping[str, Any]) -> dict[int, str]:
    """The other way round, for those that are not plain data."""
    return {id(value): path for path, value in reversed([*paths.items()]) if type(value) not in _DATA}
