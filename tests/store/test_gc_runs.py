"""What is kept for runs that never came to be."""

from __future__ import annotations

from cellblock.store.opening import Store


def test_what_was_kept_for_a_run_that_was_killed_before_it_was_on_record_is_removed(store: Store) -> None:
    store.blobs.put(b"context", kind="context", owner="run:never", name="context")
    store.journal.start_run("there", {})
    kept = store.blobs.put(b"another", kind="context", owner="run:there", name="context")
    assert store.gc(older_than_seconds=0).blobs == 1
    assert store.blobs.links("run:never") == {} and store.blobs.get(kept) == b"another"


def test_what_a_run_that_is_about_to_begin_has_kept_stays(store: Store) -> None:
    lease = store.leases.take("run:soon")
    blob = store.blobs.put(b"context", kind="context", owner="run:soon", name="context")
    assert store.gc(older_than_seconds=0).blobs == 0 and store.blobs.get(blob) == b"context"
    store.leases.release(lease)
    assert store.gc(older_than_seconds=0).blobs == 1
