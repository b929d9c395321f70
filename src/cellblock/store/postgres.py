"""A store in PostgreSQL, for several machines. The library is an extra: `pip install 'cellblock[postgres]'`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ..errors import ConfigError, StoreError
from .database import Duplicate, Orphan
from .schema import SCHEMA_VERSION, TABLES, statements
from .sqlite import BUSY_SECONDS

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise ConfigError("a store in PostgreSQL needs its library: pip install 'cellblock[postgres]'") from error

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
SCHEMA = "cellblock"
"""Where the tables are, apart from whatever else is in the database."""

# A server that has vanished without a word is noticed, also in the middle of a statement. What the address says comes first.
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "cellblock",
}


class PostgresDatabase:
    """One connection to a server; implements `Database`.

    Args:
        address: `postgresql://user:password@host:port/database`, or as libpq takes it after that; what it leaves out comes from the
            environment, as with every client of PostgreSQL.
        busy_seconds: how long a write waits for another's.

    Raises:
        StoreError: the server cannot be reached, says no, or its tables were made by a newer version.
        ConfigError: the address is none.
    """

    share = " FOR SHARE"

    def __init__(self, address: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        try:
            given = conninfo_to_dict(address)
        except psycopg.Error as error:
            # The server's word on it may quote the address, password included.
            raise ConfigError("the address of the store is none: postgresql://user:password@host:port/database is needed") from error
        self.place = f"postgresql://{given.get('host') or 'local'}/{given.get('dbname') or ''}"
        self._depth = 0
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        try:
            self._db = psycopg.connect("", autocommit=True, **{**_DEFAULTS, **given})
        except psycopg.Error as error:
            raise self._told(error) from error
        self._connection = self._db
        try:
            self._prepare(busy_seconds)
        except BaseException:
            self.close()
            raise

    def _prepare(self, busy_seconds: float) -> None:
        for name, seconds in (
            ("statement_timeout", STATEMENT_SECONDS),
            ("lock_timeout", busy_seconds),
            # A process that is stopped in the middle of a transaction must not hold up all others for ever.
            ("idle_in_transaction_session_timeout", STATEMENT_SECONDS),
        ):
            self.execute("SELECT set_config(?, ?, false)", (name, f"{max(1, int(seconds * 1000))}ms"))
        self.execute("SELECT set_config('search_path', ?, false)", (SCHEMA,))
        if self._version() is None:
            with self.transaction():
                self.take_turn("schema")
                # Another process may have been faster.
                if self._version() is None:
                    self._create()
        if (version := self._version()) != SCHEMA_VERSION:
            raise StoreError(
                f"{self.place}: this journal has schema {version}, and this version reads {SCHEMA_VERSION}; use a newer cellblock"
            )

    def _version(self) -> int | None:
        # A query of the catalogue: what `to_regclass` and its like have found once is cached, also while waiting for another one's turn.
        sql = "SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ? AND relname = 'schema_version'"
        if not self.rows(sql, (SCHEMA,)):
            return None
        return int(self.rows("SELECT max(version) FROM schema_version")[0][0])

    def _create(self) -> None:
        # One that an administrator has made may be all that this user is allowed to use.
        if not self.rows("SELECT 1 FROM pg_namespace WHERE nspname = ?", (SCHEMA,)):
            self.execute(f"CREATE SCHEMA {SCHEMA}")
        tables = TABLES.replace("NUMBERED", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY").replace(" BLOB", " BYTEA")
        for statement in statements(tables):
            self.execute(statement)
        # What is in it is compressed already.
        self.execute("ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL")
        self.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
        self.execute("INSERT INTO schema_version (version) VALUES (?)", (SCHEMA_VERSION,))

    def execute(self, sql: str, values: Sequence[Any] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
        """As `Database` says."""
        try:
            return self._db.execute(_translated(sql), values)
        except (psycopg.Error, ValueError, TypeError) as error:
            raise self._told(error) from error

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """As `Database` says."""
        try:
            with self._db.cursor() as cursor:
                cursor.executemany(_translated(sql), rows)
                return cursor.rowcount
        except (psycopg.Error, ValueError, TypeError) as error:
            raise self._told(error) from error

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """As `Database` says."""
        return self.execute(sql, values).fetchall()

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """As `Database` says."""
        yield from self.rows(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As `Database` says."""
        if self._depth == 0:
            self.execute("BEGIN")
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self.execute("COMMIT")
        except BaseException:
            if self._depth == 1:
                self._roll_back()
            raise
        finally:
            self._depth -= 1

    def _roll_back(self) -> None:
        # What went wrong first is what is told; a connection that is lost has rolled back.
        if not self._db.closed:
            try:
                self._db.execute("ROLLBACK")
            except psycopg.Error:
                self._db.close()

    def take_turn(self, name: str) -> None:
        """As `Database` says."""
        self.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (f"cellblock {name}",))

    def problems(self) -> list[str]:
        """Nothing: the server watches over its own pages."""
        return []

    def close(self) -> None:
        """As `Database` says."""
        if self._connection is not None:
            self._connection.close()

    def _told(self, error: Exception) -> StoreError:
        if not isinstance(error, psycopg.Error):
            return StoreError(f"{self.place}: {error}")
        text = " ".join((error.diag.message_primary or str(error)).split())[:300]
        kind = _KINDS.get(error.sqlstate or "", StoreError)
        if self._connection is not None and self._connection.closed:
            return StoreError(f"{self.place}: the connection is closed or lost ({text}); what was written before is there: open it again")
        return kind(f"{self.place}: the journal cannot be used: {text}{_ADVICE.get(error.sqlstate or '', '')}")


_KINDS: dict[str, type[StoreError]] = {"23505": Duplicate, "23503": Orphan}
_ADVICE = {
    "40P01": "; another process waited for this one as well; do it again",
    "55P03": "; another process is writing to it; wait",
    "57014": "; it took too long; wait, or look at the server",
    "53100": "; free some space on the server; what was written before is readable",
    "25006": "; the server, or this user, may only read",
}


@lru_cache(maxsize=500)
def _translated(sql: str) -> str:
    return sql.replace("?", "%s")
