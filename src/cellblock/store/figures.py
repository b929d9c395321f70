"""How much a store holds, and of which ids: the database counts, and nothing is unpacked, so that it works on a damaged record, too."""

from __future__ import annotations

from dataclasses import dataclass

from .database import Database

_RUNS = "SELECT count(*), count(parent) FROM runs WHERE tenant = ?"
_EFFECTS = """
    SELECT count(*), coalesce(sum(length(e.payload)), 0), coalesce(sum(length(o.outcome)), 0) FROM runs r
    JOIN effects e ON e.run = r.number LEFT JOIN outcomes o ON o.run = e.run AND o.seq = e.seq WHERE r.tenant = ?"""
_BLOBS = "SELECT count(*), coalesce(sum(length(data)), 0) FROM blobs WHERE tenant = ?"
_UNREACHABLE = """
    SELECT count(*) FROM blobs WHERE tenant = ? AND NOT EXISTS
    (SELECT 1 FROM blob_links l WHERE l.tenant = blobs.tenant AND l.blob = blobs.blob)"""
_BEGINNING = "SELECT run_id FROM runs WHERE tenant = ? AND parent IS NULL AND substr(run_id, 1, ?) = ? ORDER BY number DESC LIMIT ?"
_STEPS = """
    SELECT count(DISTINCT e.key) FROM runs r JOIN effects e ON e.run = r.number
    WHERE r.tenant = ? AND r.run_id = ? AND e.kind = 'ask' AND e.key NOT LIKE ?"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """How much one tenant has in a store."""

    runs: int
    """Without child runs."""
    child_runs: int
    effects: int
    effect_bytes: int
    """What was asked and what came of it, as it is stored."""
    blobs: int
    blob_bytes: int
    """As they are stored: compressed."""
    unreachable_blobs: int
    """Those that nothing links to: what `gc` may remove."""


def figures(database: Database, tenant: str) -> Figures:
    """What a tenant has there.

    Raises:
        StoreError: it cannot be read.
    """
    ((runs, children),) = database.rows(_RUNS, (tenant,))
    ((effects, asked, answered),) = database.rows(_EFFECTS, (tenant,))
    ((blobs, blob_bytes),) = database.rows(_BLOBS, (tenant,))
    ((unreachable,),) = database.rows(_UNREACHABLE, (tenant,))
    return Figures(
        runs=int(runs) - int(children),
        child_runs=int(children),
        effects=int(effects),
        effect_bytes=int(asked) + int(answered),
        blobs=int(blobs),
        blob_bytes=int(blob_bytes),
        unreachable_blobs=int(unreachable),
    )


def run_ids(database: Database, tenant: str, beginning: str, *, limit: int) -> list[str]:
    """The ids of runs, child runs left out, that begin so: the newest first.

    Raises:
        StoreError: they cannot be read.
    """
    return [str(row[0]) for row in database.rows(_BEGINNING, (tenant, len(beginning), beginning, limit))]


def steps_of(database: Database, tenant: str, run_id: str) -> int:
    """How many replies of its own model a run asked for.

    Raises:
        StoreError: it cannot be read.
    """
    # A value and not a part of the statement, where PostgreSQL's driver reads `%` as its own.
    ((steps,),) = database.rows(_STEPS, (tenant, run_id, "%.%"))
    return int(steps)
