"""From a place to the database there."""

from __future__ import annotations

import os

from ..errors import ConfigError
from .database import Database
from .sqlite import BUSY_SECONDS, SQLiteDatabase

POSTGRES = ("postgresql://", "postgres://")


def connect(place: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> Database:
    """The database at a path or an address.

    Raises:
        StoreError: it cannot be opened.
        ConfigError: PostgreSQL is asked for, and its library is not installed; or another kind of server.
    """
    name = os.fspath(place)
    if not name.startswith(POSTGRES):
        kind, address, _ = name.partition("://")
        if address and kind.replace("+", "").isalnum():
            # Else it would become a folder that is named like a kind of server. What follows may hold a password.
            raise ConfigError(f"{kind[:40]}://…: a journal is a file, or postgresql://user:password@host/database")
        return SQLiteDatabase(name, busy_seconds=busy_seconds)
    from .postgres import PostgresDatabase

    return PostgresDatabase(name, busy_seconds=busy_seconds)
