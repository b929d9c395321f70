"""What the store asks of a database: SQL in SQLite's words, values by `?`, short transactions, errors of one line.

The SQL is shared, and kept to what SQLite and PostgreSQL both understand; `sqlite.py` and `postgres.py` translate the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ..errors import StoreError

NAME_CHARS = 500
"""Of a run's id, a lease's or a link's name."""


class Duplicate(StoreError):
    """There is a row of that key already."""


class Orphan(StoreError):
    """The row that this one belongs to is not there."""


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""

    def fetchone(self) -> Any:
        """The next row, None after the last."""


class Database(Protocol):
    """One connection, used by one thread at a time.

    Attributes:
        place: what was opened, as errors and messages show it: no password is in it.
        share: ends a SELECT whose rows must stay as they are until the transaction has ended, while others may read them too.
    """

    place: str
    share: str

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement; outside of a transaction it is one of its own.

        Raises:
            Duplicate: a row of that key is there already.
            Orphan: the row that it belongs to is not.
            StoreError: it could not be done. Within a transaction all errors end the transaction: nothing may follow.
        """

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each of the rows, within a transaction; returns how many rows were written.

        Raises: as `execute`.
        """

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; BLOBs are bytes.

        Raises:
            StoreError: they could not be read.
        """

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The same rows one after the other, all as they stood at one moment. For large ones: where the database can, few are in memory.

        Raises:
            StoreError: they could not be read; some may have come by then.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """All of the block's writes or none. Nested in another one, it is a part of that.

        Raises:
            StoreError: it could not begin (another process writes for too long) or end.
        """

    def take_turn(self, name: str) -> None:
        """Within a transaction: wait until no other one has the turn of that name, and have it until this one has ended.

        Raises:
            StoreError: another one had it for too long.
        """

    def problems(self) -> list[str]:
        """What is damaged, a line each."""

    def close(self) -> None:
        """Close the connection; what was written stays. Harmless when called twice. May wait for a disk."""


def check_name(what: str, name: object) -> str:
    """The name, if every database can hold it as a key.

    Raises:
        StoreError: it is no text, is empty or too long, or holds NUL or half a surrogate.
    """
    if not isinstance(name, str) or not name:
        raise StoreError(f"{what}: a text is needed, not {str(name)[:50]!r}")
    if len(name) > NAME_CHARS:
        raise StoreError(f"{what} {name[:50]!r}…: {len(name)} characters; {NAME_CHARS} are allowed")
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise StoreError(f"{what} {name[:50]!r}: NUL and surrogates cannot be in it")
    return name
