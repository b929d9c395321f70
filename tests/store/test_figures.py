"""What a store holds, counted by the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from cellblock.store.figures import figures, run_ids, steps_of
from cellblock.store.opening import Store

from .conftest import Opener


def ended(store: Store, run_id: str, parent: str | None = None) -> None:
    """A run of two steps, a call for something else in the second, and a cell."""
    store.journal.start_run(run_id, {}, parent=parent)
    for kind, key in (("ask", "1"), ("exec", "1.0"), ("ask", "2"), ("ask", "2.verify.0"), ("ask", "2")):
        store.journal.record(run_id, kind, key, "asked", "answered")
    store.journal.end_run(run_id, "ended", {})


def test_an_empty_store_holds_nothing(store: Store) -> None:
    found = figures(store.database, "t")
    assert (found.runs, found.child_runs, found.effects, found.effect_bytes, found.blobs, found.blob_bytes) == (0, 0, 0, 0, 0, 0)


def test_runs_effects_and_blobs_of_one_tenant_are_counted(store: Store, opened: Opener) -> None:
    ended(store, "a")
    ended(store, "a/1", parent="a")
    ended(opened("other"), "b")
    store.blobs.put(b"x" * 1000, kind="k", owner="run:a", name="n")
    store.blobs.put(b"y" * 1000, kind="k", owner="run:a", name="n")
    found = figures(store.database, "t")
    assert (found.runs, found.child_runs, found.effects, found.blobs, found.unreachable_blobs) == (1, 1, 10, 2, 1)
    assert found.effect_bytes == 10 * len(b"\xa5asked" + b"\xa8answered") and 0 < found.blob_bytes < 1000


def test_an_effect_without_an_outcome_counts(store: Store) -> None:
    store.journal.start_run("a", {})
    store.journal.begin("a", "ask", "1", "asked")
    found = figures(store.database, "t")
    assert (found.effects, found.effect_bytes) == (1, len(b"\xa5asked"))


def test_ids_are_found_by_their_beginning_the_newest_first(store: Store, opened: Opener) -> None:
    for run_id in ("ab1", "ab2", "ab2/1", "b", "a%3"):
        ended(store, run_id, parent="ab2" if "/" in run_id else None)
    ended(opened("other"), "ab9")
    assert run_ids(store.database, "t", "ab", limit=9) == ["ab2", "ab1"]
    assert run_ids(store.database, "t", "", limit=2) == ["a%3", "b"]
    # What is no letter stands for itself.
    assert (run_ids(store.database, "t", "a%", limit=9), run_ids(store.database, "t", "_", limit=9)) == (["a%3"], [])


def test_a_step_that_was_asked_twice_is_one_and_other_calls_are_none(store: Store, opened: Opener) -> None:
    ended(store, "a")
    assert (steps_of(store.database, "t", "a"), steps_of(store.database, "other", "a"), steps_of(store.database, "t", "x")) == (2, 0, 0)
