"""The tables, their version, and the way from an older version to this one.

Text that models or users wrote is packed (`codec.pack`) in BLOBs: PostgreSQL's TEXT cannot hold every character. TEXT columns hold names.
Times are Unix seconds, for people: no order and no decision of the store depends on them, except how old an unused blob is.
"""

from __future__ import annotations

SCHEMA_VERSION = 2

# `NUMBERED` is a key that the database gives and never gives twice, also after the row has gone: who still knows the number of a deleted
# run must not write into the next one.
TABLES = """
CREATE TABLE runs (
    number NUMBERED, tenant TEXT NOT NULL, run_id TEXT NOT NULL UNIQUE, parent TEXT, status TEXT NOT NULL,
    started DOUBLE PRECISION NOT NULL, ended DOUBLE PRECISION, task BLOB NOT NULL, result BLOB
);
CREATE INDEX runs_by_parent ON runs (parent);
CREATE TABLE effects (
    run BIGINT NOT NULL REFERENCES runs (number) ON DELETE CASCADE, seq BIGINT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
    payload BLOB NOT NULL, started DOUBLE PRECISION NOT NULL, PRIMARY KEY (run, seq)
);
CREATE TABLE outcomes (
    run BIGINT NOT NULL, seq BIGINT NOT NULL, outcome BLOB NOT NULL, ended DOUBLE PRECISION NOT NULL, PRIMARY KEY (run, seq),
    FOREIGN KEY (run, seq) REFERENCES effects (run, seq) ON DELETE CASCADE
);
CREATE TABLE blobs (
    tenant TEXT NOT NULL, blob TEXT NOT NULL, kind TEXT NOT NULL, size BIGINT NOT NULL, tag BLOB NOT NULL,
    touched DOUBLE PRECISION NOT NULL, data BLOB NOT NULL, PRIMARY KEY (tenant, blob)
);
CREATE TABLE blob_links (
    tenant TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, blob TEXT NOT NULL, PRIMARY KEY (tenant, owner, name)
);
CREATE INDEX blob_links_by_blob ON blob_links (tenant, blob);
CREATE TABLE leases (
    tenant TEXT NOT NULL, name TEXT NOT NULL, epoch BIGINT NOT NULL, held BIGINT NOT NULL, beats BIGINT NOT NULL,
    active DOUBLE PRECISION NOT NULL, boot TEXT NOT NULL, namespace TEXT NOT NULL, pid BIGINT NOT NULL, start BIGINT NOT NULL,
    machine TEXT NOT NULL, PRIMARY KEY (tenant, name)
);
CREATE TABLE threads (
    number NUMBERED, tenant TEXT NOT NULL, name TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, updated DOUBLE PRECISION NOT NULL,
    snapshot TEXT, left_out BLOB, pending TEXT, pending_documents BIGINT, UNIQUE (tenant, name)
);
CREATE TABLE thread_documents (
    thread BIGINT NOT NULL REFERENCES threads (number) ON DELETE CASCADE, n BIGINT NOT NULL, title BLOB NOT NULL, chars BIGINT NOT NULL,
    blob TEXT NOT NULL, added DOUBLE PRECISION NOT NULL, PRIMARY KEY (thread, n)
);
CREATE TABLE thread_turns (
    thread BIGINT NOT NULL REFERENCES threads (number) ON DELETE CASCADE, n BIGINT NOT NULL, question BLOB NOT NULL, answer BLOB NOT NULL,
    value BLOB NOT NULL, run_id TEXT NOT NULL, asked DOUBLE PRECISION NOT NULL, seconds DOUBLE PRECISION NOT NULL, PRIMARY KEY (thread, n)
)
"""

# Version 1 had an effect and its outcome in one row, and no tenants.
FROM_1_BEFORE = """
ALTER TABLE runs RENAME TO runs_1;
ALTER TABLE effects RENAME TO effects_1
"""
FROM_1_AFTER = """
INSERT INTO runs (tenant, run_id, parent, status, started, ended, task, result)
    SELECT 'default', run_id, parent, status, started, ended, task, result FROM runs_1 ORDER BY started, run_id;
INSERT INTO effects (run, seq, kind, key, payload, started)
    SELECT runs.number, e.seq, e.kind, e.key, e.payload, e.started FROM effects_1 e JOIN runs ON runs.run_id = e.run_id;
INSERT INTO outcomes (run, seq, outcome, ended)
    SELECT runs.number, e.seq, e.outcome, e.ended FROM effects_1 e JOIN runs ON runs.run_id = e.run_id WHERE e.ended IS NOT NULL;
DROP TABLE effects_1;
DROP TABLE runs_1
"""


def statements(script: str) -> list[str]:
    """A script's statements."""
    return script.strip().split(";\n")
