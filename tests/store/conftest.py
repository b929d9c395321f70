from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cellblock.store.opening import Store, open_store

from .postgres_server import NoServer, postgres_server

KEY = b"k" * 32
Opener = Callable[..., Store]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real server, which this fixture starts."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(postgres_server())
        except NoServer as error:
            pytest.skip(f"no PostgreSQL to start here: {error}")
        yield address


@pytest.fixture
def postgres_place(postgres: str) -> str:
    """The address of a database without a store."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS cellblock CASCADE")
    return postgres


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store can be made: a file, then a server."""
    return str(tmp_path / "folder" / "store.db") if request.param == "sqlite" else request.getfixturevalue("postgres_place")


@pytest.fixture
def opened(place: str) -> Iterator[Opener]:
    """Opens that store, as often as it is called."""
    stores: list[Store] = []

    def open_it(tenant: str = "t", key: bytes = KEY) -> Store:
        stores.append(open_store(place, tenant=tenant, key=key))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opener) -> Store:
    return opened()


def by_hand(path: str | Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Change the file of a store with no store's help."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()
