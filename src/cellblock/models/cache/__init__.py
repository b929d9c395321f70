"""Caches of model calls: off unless asked for. Any object with the methods of `CallCache` is one."""

from __future__ import annotations

import os

from ...errors import ConfigError
from ..redact import one_line
from .entry import CachedAnswer, CallCache, call_key, identity_of
from .files import FileCache
from .flight import CachedCalls, SingleFlight, Source
from .model import SemanticModel
from .redis import REDIS_SCHEMES, RedisCache
from .semantic import SemanticCache
from .sqlite import SQLiteCache

__all__ = [
    "CachedAnswer",
    "CachedCalls",
    "CallCache",
    "FileCache",
    "RedisCache",
    "SQLiteCache",
    "SemanticCache",
    "SemanticModel",
    "SingleFlight",
    "Source",
    "call_key",
    "identity_of",
    "open_cache",
]

_DATABASES = (".db", ".sqlite", ".sqlite3")


def open_cache(where: str | os.PathLike[str]) -> CallCache:
    """The cache at an address: `redis://…` or `rediss://…`, a file `*.db`, `*.sqlite` or `*.sqlite3`, else a folder.

    Raises:
        ConfigError: `where` is none of these, or cannot be used as one.
        StoreError: the file cannot be opened, is no cache, or is damaged.
    """
    place = os.fspath(where)
    scheme, separator, _ = place.partition("://")
    if separator and scheme in REDIS_SCHEMES:
        return RedisCache(place)
    if separator or not place or "\0" in place:
        shown = one_line(scheme + separator, limit=80)
        raise ConfigError(f"no cache at {shown!r}: use a folder, a file *.db or *.sqlite, or redis://host[:port][/number]")
    return SQLiteCache(place) if place.lower().endswith(_DATABASES) else FileCache(place)
