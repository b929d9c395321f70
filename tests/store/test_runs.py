"""Runs and effects beyond a single run, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from cellblock.errors import ConfigError, LeaseHeld, StoreError
from cellblock.store.journal import Journal
from cellblock.store.opening import Store, open_store

from .conftest import Opener


def recorded(store: Store, run_id: str = "r", effects: int = 3, parent: str | None = None) -> None:
    """A run whose last effect has no outcome yet."""
    store.journal.start_run(run_id, {"question": run_id}, parent=parent)
    for number in range(effects):
        seq = store.journal.begin(run_id, "ask" if number % 2 == 0 else "exec", str(number), {"n": number})
        if number < effects - 1:
            store.journal.finish(run_id, seq, {"of": number})


def seen(store: Store, run_id: str) -> list[tuple[int, str, object, object]]:
    return [(row.seq, row.kind, row.payload, row.outcome) for row in store.journal.effects(run_id)]


def test_what_was_written_is_read_back_whole(store: Store, opened: Opener) -> None:
    recorded(store)
    store.journal.end_run("r", "ended", {"value": [2**200, b"\xff\0", "nul \0 and é"]})
    again = opened().journal
    assert again.run("r").result == {"value": [2**200, b"\xff\0", "nul \0 and é"]}
    assert [row.payload for row in again.effects("r")] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert [row.outcome for row in again.effects("r")] == [{"of": 0}, {"of": 1}, None]


def test_an_outcome_is_recorded_once(store: Store) -> None:
    recorded(store)
    with pytest.raises(StoreError, match="effect 0 of run r has its outcome already"):
        store.journal.finish("r", 0, "another")
    assert store.journal.effects("r")[0].outcome == {"of": 0}


def test_an_outcome_of_no_effect_is_refused(store: Store) -> None:
    recorded(store)
    with pytest.raises(StoreError, match="run r has no effect 7"):
        store.journal.finish("r", 7, {})
    with pytest.raises(StoreError, match="no run named 'x'"):
        store.journal.finish("x", 0, {})


def test_a_run_is_begun_once(store: Store, opened: Opener) -> None:
    recorded(store)
    with pytest.raises(StoreError, match="there is a run named 'r' already"):
        opened().journal.start_run("r", {})
    assert len(seen(store, "r")) == 3


def test_a_run_that_is_not_open_here_takes_no_effects(store: Store, opened: Opener) -> None:
    recorded(store)
    with pytest.raises(StoreError, match="'r' is not open here: start it or reopen it first"):
        opened().journal.begin("r", "ask", "9", {})


def test_a_reopened_run_goes_on_after_its_last_effect(store: Store, opened: Opener) -> None:
    recorded(store)
    store.journal.end_run("r", "failed", {"error": "x"})
    again = opened().journal
    again.reopen_run("r")
    assert (again.run("r").status, again.run("r").ended, again.run("r").result) == ("running", None, None)
    assert again.begin("r", "ask", "3", {}) == 3


def test_a_run_without_effects_can_be_reopened_and_an_unknown_one_not(store: Store) -> None:
    store.journal.start_run("r", {})
    store.journal.reopen_run("r")
    assert store.journal.begin("r", "ask", "1", {}) == 0
    with pytest.raises(LookupError, match="no run named 'x'"):
        store.journal.reopen_run("x")


def test_an_effect_that_is_recorded_at_once_has_its_outcome(store: Store) -> None:
    store.journal.start_run("r", {})
    assert store.journal.record("r", "refuse", "1", {"reason": "x"}, None) == 0
    (row,) = store.journal.effects("r")
    assert (row.outcome, row.ended is not None) == (None, True)


def test_an_effect_whose_outcome_cannot_be_recorded_at_once_is_not_begun_either(store: Store) -> None:
    store.journal.start_run("r", {})
    with pytest.raises(StoreError):
        store.journal.record("r", "get", "1", {}, object())
    assert store.journal.effects("r") == []
    assert store.journal.record("r", "get", "1", {}, {}) == 0


def test_a_run_that_has_ended_takes_no_effects_until_it_is_reopened(store: Store) -> None:
    recorded(store)
    store.journal.end_run("r", "ended", {})
    with pytest.raises(StoreError, match="'r' is not open here"):
        store.journal.begin("r", "ask", "3", {})
    # An effect that was in flight may still end.
    store.journal.finish("r", 2, "late")
    assert store.journal.effects("r")[2].outcome == "late"


def test_two_drivers_without_a_lease_are_told_of_each_other(store: Store, opened: Opener) -> None:
    recorded(store)
    other = opened().journal
    other.reopen_run("r")
    other.begin("r", "ask", "3", {"whose": "other"})
    with pytest.raises(StoreError, match="another process drives this run as well"):
        store.journal.begin("r", "ask", "3", {"whose": "first"})
    assert seen(store, "r")[3][2] == {"whose": "other"}


def test_runs_are_chosen_by_parent_status_and_number(store: Store) -> None:
    for run_id, parent in (("a", None), ("a/1", "a"), ("b", None), ("a/2", "a")):
        store.journal.start_run(run_id, {}, parent=parent)
    store.journal.end_run("b", "ended", {})

    def ids(**chosen: object) -> list[str]:
        return [run.run_id for run in store.journal.runs(**chosen)]  # type: ignore[arg-type]

    assert ids() == ["a", "a/1", "b", "a/2"]
    assert (ids(parent=None), ids(parent="a"), ids(status="ended")) == (["a", "b"], ["a/1", "a/2"], ["b"])
    assert (ids(limit=2), ids(limit=0), ids(parent=None, limit=1)) == (["b", "a/2"], [], ["b"])


def test_effects_are_chosen_by_kind(store: Store) -> None:
    recorded(store)
    assert [row.seq for row in store.journal.effects("r", kinds=("ask",))] == [0, 2]
    assert [row.seq for row in store.journal.effects("r", kinds={"ask", "exec", "no such"})] == [0, 1, 2]
    assert store.journal.effects("r", kinds=()) == []


def test_descendants_are_found_at_every_depth(store: Store) -> None:
    for run_id, parent in (("a", None), ("a/1", "a"), ("a/1/1", "a/1"), ("b", None), ("a/2", "a"), ("a/1/1/1", "a/1/1")):
        store.journal.start_run(run_id, {}, parent=parent)
    assert store.journal.descendants("a") == ["a/1", "a/1/1", "a/2", "a/1/1/1"]
    assert store.journal.descendants("b") == []


def test_runs_that_are_each_others_children_are_no_endless_loop(store: Store) -> None:
    store.journal.start_run("a", {}, parent="b")
    store.journal.start_run("b", {}, parent="a")
    assert store.journal.descendants("a") == ["b"]


@pytest.mark.parametrize(("seqs", "copied"), [(None, [0, 1, 2, 3, 4]), ([0, 1, 3], [0, 1, 3]), ({4}, [4]), ((), []), ([3, 99, 0], [0, 3])])
def test_a_copy_has_the_chosen_effects_under_their_numbers(store: Store, seqs: list[int] | None, copied: list[int]) -> None:
    recorded(store, effects=5)
    store.journal.copy_run("r", "s", parent="p", task={"fork": True}, seqs=seqs)
    assert seen(store, "s") == [row for row in seen(store, "r") if row[0] in copied]
    run = store.journal.run("s")
    assert (run.status, run.parent, run.task, run.result) == ("running", "p", {"fork": True}, None)
    assert store.journal.begin("s", "ask", "next", {}) == max(copied, default=-1) + 1
    assert len(seen(store, "r")) == 5


def test_a_copy_under_a_name_that_is_taken_leaves_everything_as_it_was(store: Store) -> None:
    recorded(store)
    recorded(store, "s", effects=1)
    with pytest.raises(StoreError, match="there is a run named 's' already"):
        store.journal.copy_run("r", "s", parent=None, task={}, seqs=None)
    assert len(seen(store, "s")) == 1
    with pytest.raises(LookupError, match="no run named 'x'"):
        store.journal.copy_run("x", "y", parent=None, task={}, seqs=None)
    assert store.journal.begin("s", "ask", "1", {}) == 1


def test_a_deleted_run_takes_all_that_is_its_own_with_it(store: Store) -> None:
    recorded(store, "keep")
    for run_id, parent in (("a", None), ("a/1", "a"), ("a/1/1", "a/1")):
        recorded(store, run_id, parent=parent)
        store.blobs.put(run_id.encode(), kind="snapshot", owner=f"run:{run_id}", name="last")
    store.blobs.put(b"kept", kind="snapshot", owner="run:keep", name="last")
    store.journal.delete_run("a")
    assert [run.run_id for run in store.journal.runs()] == ["keep"]
    assert (seen(store, "a"), seen(store, "a/1/1"), len(seen(store, "keep"))) == ([], [], 3)
    assert (store.blobs.links("run:a/1"), len(store.blobs.links("run:keep"))) == ({}, 1)
    assert store.gc(0).blobs == 3
    with pytest.raises(LookupError):
        store.journal.delete_run("a")


@pytest.mark.parametrize("name", ["run:a/1", "run:a"])
def test_a_run_that_is_being_driven_is_not_deleted(store: Store, name: str) -> None:
    recorded(store, "a")
    recorded(store, "a/1", parent="a")
    lease = store.leases.take(name)
    with pytest.raises(LeaseHeld, match=f"^{name}: process"):
        store.journal.delete_run("a")
    assert len(seen(store, "a")) == 3
    store.leases.beat(lease, 2.0)
    store.leases.release(lease)
    store.journal.delete_run("a")
    assert store.leases.active_seconds(name) == 0
    assert store.leases.take(name).epoch == 1


def test_who_still_writes_to_a_deleted_run_is_told(store: Store, opened: Opener) -> None:
    recorded(store, "a")
    opened().journal.delete_run("a")
    store.journal.start_run("b", {})
    with pytest.raises(StoreError, match="the run has been deleted"):
        store.journal.begin("a", "ask", "3", {})
    assert seen(store, "b") == []


def test_tenants_do_not_see_each_others_runs(store: Store, opened: Opener, place: str) -> None:
    recorded(store)
    other = opened(tenant="other").journal
    assert (other.runs(), other.effects("r")) == ([], [])
    for touch in (other.run, other.reopen_run, other.delete_run, other.descendants):
        with pytest.raises(LookupError):
            touch("r")
    with pytest.raises(StoreError, match="no run named 'r'"):
        other.finish("r", 2, {})
    with Journal(place) as everybody:
        assert [run.run_id for run in everybody.runs()] == ["r"]


def test_a_run_of_another_tenant_is_nobodys_descendant(store: Store, opened: Opener) -> None:
    recorded(store, "a")
    other = opened(tenant="other")
    recorded(other, "a/1", parent="a")
    other.blobs.put(b"x", kind="k", owner="run:a", name="n")
    other.leases.take("run:a")
    assert store.journal.descendants("a") == []
    store.journal.delete_run("a")
    assert len(seen(other, "a/1")) == 3
    assert list(other.blobs.links("run:a")) == ["n"]
    assert other.leases.take("run:b").epoch == 1
    with pytest.raises(LeaseHeld):
        other.leases.take("run:a")


HOSTILE = ["'; DROP TABLE runs; --", "../../etc/passwd", "a?b%s%(x)s", "%", "_", 'a"b', "run:r", "\x1b[31m\n", "é" * 500, "-1", "NULL"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_look_like_something_else_are_names(store: Store, name: str) -> None:
    recorded(store, "r")
    recorded(store, name, parent=name + "'"[: 500 - len(name)])
    store.blobs.put(b"x", kind=name, owner=name, name=name)
    lease = store.leases.take(name)
    store.journal.hold(lease)
    store.journal.begin(name, name, name, {name: name})
    assert store.journal.effects(name)[3].key == name
    assert list(store.blobs.links(name)) == [name]
    store.leases.release(lease)
    store.journal.hold(None)
    store.journal.delete_run(name)
    assert [run.run_id for run in store.journal.runs()] == ["r"]


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 501, None, 3, b"r"])
def test_what_no_database_can_hold_as_a_name_is_one_line(store: Store, name: str) -> None:
    for use in (
        lambda: store.journal.start_run(name, {}),
        lambda: store.leases.take(name),
        lambda: store.blobs.put(b"", kind="k", owner=name, name="n"),
        lambda: store.blobs.put(b"", kind="k", owner="o", name=name),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200
    assert store.journal.runs() == []


def test_a_sound_store_has_no_problems(store: Store) -> None:
    recorded(store)
    store.blobs.put(b"x" * 10_000, kind="k", owner="o", name="n")
    assert store.check() == []


@pytest.mark.parametrize("given", [{"tenant": ""}, {"tenant": None}, {"key": "text"}])
def test_a_wrong_argument_of_open_store_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        open_store(":memory:", **given)  # type: ignore[arg-type]
