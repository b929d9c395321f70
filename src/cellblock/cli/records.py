"""Runs on record, as commands name them: in which journal, by which beginning of an id, and how each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .terminal import one_line, say

if TYPE_CHECKING:
    from ..store.opening import Store
    from ..store.rows import RunRow

LAST = "last"
LISTED = 20
"""Runs that are listed where a beginning fits several."""
LOOKED_AT = 1_000
"""So many of the newest runs are looked at for the one that `last` means."""
CUT_OFF = "cut off"
"""How a run stands that is `running` on record, and that no living process drives."""
UNFINISHED = ("failed", "cancelled", CUT_OFF)

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Its id, a beginning of it that no other run has, or `last`. `cellblock runs` lists them.")
]


def place_of(journal: str | None) -> str:
    """Where the journal is."""
    if journal is not None:
        return journal
    from ..store.opening import default_place

    return default_place()


def is_there(place: str) -> bool:
    """Whether there is a journal. One on a server is: that server has the last word."""
    try:
        return "://" in place or (place != ":memory:" and Path(place).exists())
    except (OSError, ValueError):
        return False


@contextmanager
def reading(journal: str | None, *, key: bytes = b"") -> Iterator[Store]:
    """The store, which has to be there: a command that looks makes none.

    Args:
        key: vouches for the blobs, where these are read.

    Raises:
        ConfigError: there is none.
        StoreError: it cannot be opened.
    """
    from ..store.opening import open_store

    place = place_of(journal)
    if not is_there(place):
        raise ConfigError(f"{one_line(place)}: there is no journal; cellblock run makes one, and --journal names another")
    with open_store(place, key=key) as store:
        yield store


def find(store: Store, name: str, last: Callable[[Store], str | None]) -> RunRow:
    """The run that a word of the command line means. Child runs are meant by their whole id alone.

    Args:
        last: the id that `last` stands for here.

    Raises:
        ConfigError: there is none, or there are several; these were listed on standard error.
    """
    if name == LAST:
        newest = last(store)
        if newest is None:
            raise ConfigError(f"last: no run in {one_line(store.journal.path)} can be taken for it; cellblock runs lists what is there")
        return _recorded(store, newest)
    if not name or len(name) > 200 or not name.isprintable():
        raise ConfigError(f"{one_line(name, 40)!r} is the id of no run; cellblock runs lists them")
    try:
        return store.journal.run(name)
    except LookupError:
        return _recorded(store, _only(store, name))


def _recorded(store: Store, run_id: str) -> RunRow:
    try:
        return store.journal.run(run_id)
    except LookupError:
        place = one_line(store.journal.path)
        raise ConfigError(f"no run {one_line(run_id, 100)!r} is on record in {place}; cellblock runs lists those that are") from None


def _only(store: Store, beginning: str) -> str:
    from ..store.figures import run_ids
    from ..store.journal import DEFAULT_TENANT

    found = run_ids(store.database, DEFAULT_TENANT, beginning, limit=LISTED + 1)
    if len(found) <= 1:
        return found[0] if found else beginning
    for run_id in found[:LISTED]:
        say(f"  {one_line(run_id)}  {one_line(_question(store, run_id), 80)}".rstrip())
    how_many = f"{len(found)} runs" if len(found) <= LISTED else f"more than {LISTED} runs"
    raise ConfigError(f"{one_line(beginning, 80)} is the beginning of {how_many}; say more of it, or last for the newest")


def _question(store: Store, run_id: str) -> str:
    return text_in(task_in(store.journal.run(run_id)), "question")


def newest(store: Store) -> str | None:
    """The run that was begun last."""
    rows = store.journal.runs(parent=None, limit=1)
    return rows[0].run_id if rows else None


def newest_unfinished(store: Store) -> str | None:
    """The one begun last of those that can be gone on with."""
    from ..engine.tasks import FORMAT

    for row in reversed(store.journal.runs(parent=None, limit=LOOKED_AT)):
        if task_in(row).get("format") == FORMAT and status_of(store, row) in UNFINISHED:
            return row.run_id
    return None


def status_of(store: Store, row: RunRow) -> str:
    """How a run stands: as on record, and `cut off` where it is `running` there and nobody is left who drives it.

    Of one that runs on another machine, that is not known here: it counts as running.
    """
    from ..store.journal import DEFAULT_TENANT
    from ..store.leases import holder_of
    from ..store.trees import owner_of

    if row.status != "running":
        return row.status
    root = row.run_id.partition("/")[0].partition("~")[0]
    return CUT_OFF if holder_of(store.database, DEFAULT_TENANT, owner_of(root)) is None else "running"


def task_in(row: RunRow) -> dict[str, Any]:
    """What was asked; empty where the record is not as it should be."""
    return row.task if isinstance(row.task, dict) else {}


def result_in(row: RunRow) -> dict[str, Any]:
    """How it ended; empty where it has not, or the record is not as it should be."""
    return row.result if isinstance(row.result, dict) else {}


def text_in(record: dict[str, Any], name: str) -> str:
    """A text of a record, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def steps_in(row: RunRow) -> int:
    """How many steps it may take; 0 where that is not known."""
    limits = task_in(row).get("limits")
    steps = limits.get("steps") if isinstance(limits, dict) else None
    return steps if isinstance(steps, int) else 0
