"""From a place to the database there."""

from __future__ import annotations

import os

from .database import Database
from .sqlite import BUSY_SECONDS, SQLiteDatabase

POSTGRES = ("postgresql://", "postgres://")


def connect(place: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> Database:
    """The database at a path or an address.

    Raises:
        StoreError: it cannot be opened.
        ConfigError: PostgreSQL is asked for, and its library is not installed.
    """
    name = os.fspath(place)
    if not name.startswith(POSTGRES):
        return SQLiteDatabase(name, busy_seconds=busy_seconds)
    from .postgres import PostgresDatabase

    return PostgresDatabase(name, busy_seconds=busy_seconds)
