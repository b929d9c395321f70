"""Policy profiles: guards, prompt and history under one name, from a JSON file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import ConfigError
from .guards import Guards
from .history import History
from .prompt import PromptSettings

BUILT_IN = "policies.json"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One profile. What it leaves out is the default."""

    guards: Guards = field(default_factory=Guards)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    history: History = field(default_factory=History)


class _Parts(msgspec.Struct):
    guards: msgspec.Raw = msgspec.Raw(b"{}")
    prompt: msgspec.Raw = msgspec.Raw(b"{}")
    history: msgspec.Raw = msgspec.Raw(b"{}")


def load_policy(name: str, file: Path | None = None) -> Policy:
    """The profile `name` of a JSON file: an object of profiles, each with `guards`, `prompt` and `history`, by their fields' names.

    Args:
        file: None takes the profiles that come with the package: baseline, format_strict, depth_soft, depth_strict, format_plus_depth.

    Raises:
        ConfigError: the file cannot be read, has no such profile, or a setting in it is none; the message says which.
    """
    where = "built-in policies" if file is None else str(file)
    profiles = _profiles(file, where)
    if name not in profiles and file is None and ("/" in name or name.endswith(".json")):
        raise ConfigError(f"policy {name[:50]!r}: for a file of your own give Path({name[:50]!r})")
    if name not in profiles:
        raise ConfigError(f"{where}: no policy named {name[:50]!r}; known: {', '.join(sorted(profiles))}")
    try:
        parts = _parts(profiles[name])
        return Policy(guards=_made(parts.guards, Guards), prompt=_made(parts.prompt, PromptSettings), history=_made(parts.history, History))
    except (msgspec.DecodeError, TypeError, ConfigError) as error:
        raise ConfigError(f"{where}: policy {name!r}: {error}") from None


def _profiles(file: Path | None, where: str) -> dict[str, msgspec.Raw]:
    try:
        data = files(__package__).joinpath(BUILT_IN).read_bytes() if file is None else file.read_bytes()
        return msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except OSError as error:
        raise ConfigError(f"{where}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: not an object of policies: {error}") from None


def _parts(raw: msgspec.Raw) -> _Parts:
    unknown = sorted(set(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])) - set(_Parts.__struct_fields__))
    if unknown:
        raise ConfigError(f"no part {', '.join(map(repr, unknown))[:200]} in a policy; known: {', '.join(_Parts.__struct_fields__)}")
    return msgspec.json.decode(raw, type=_Parts)


def _made(raw: msgspec.Raw, kind: type[T]) -> T:
    fields: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise ConfigError(f"no setting {', '.join(map(repr, unknown))[:200]} in {kind.__name__}; known: {', '.join(known)}")
    # JSON has no tuples, and a frozen setting must not hold a list that can still be changed.
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
