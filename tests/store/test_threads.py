"""Threads in a real store, in a file and on a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cellblock import RLM, ScriptedModel
from cellblock.errors import ConfigError, StoreError, TamperedSnapshot
from cellblock.store.leases import Lease
from cellblock.store.opening import Store
from cellblock.store.threads import NAME_CHARS, Threads, TurnRow, check_thread_name

from .conftest import KEY, by_hand

Opener = Callable[..., Store]


def threads_in(store: Store, tenant: str = "t") -> Threads:
    return Threads(store.database, store.blobs, store.leases, tenant=tenant)


def leased(store: Store, name: str, tenant: str = "t") -> Lease:
    return store.leases.take(threads_in(store, tenant).lease_name(name))


def turn(question: str = "q", answer: str = "a", **changes: Any) -> TurnRow:
    fields = {"value": answer, "success": True, "run_id": "r", "asked": 1.0, "seconds": 2.0, **changes}
    return TurnRow(question=question, answer=answer, **fields)


def add(store: Store, lease: Lease, title: str, *parts: str, name: str = "n") -> bool:
    return threads_in(store).add_documents(lease, name, [(title, [part.encode() for part in parts])]).new == 1


HOSTILE_NAMES = ["../../etc/passwd", "a/b", "'; DROP TABLE threads; --", "%", "[red]x[/]", "日本語 🙂", "$(reboot)", "-x", "a" * NAME_CHARS]
NO_NAMES = ["", "  ", "a\0b", "a\nb", "\x1b[2J", "a\u202eb", "a\u200bb", "\ud800", "x" * (NAME_CHARS + 1), None, 7, b"n"]


def test_a_thread_is_kept_with_all_that_was_added(opened: Opener) -> None:
    store = opened()
    lease = leased(store, "n")
    assert add(store, lease, "a.txt", "one") and add(store, lease, "", "zwei ", "€")
    hostile = turn("q\0", "a\x1b[2J", value=[2**200, b"\xff"], success=False)
    threads_in(store).add_turn(lease, "n", hostile, b"state", {"g": "why"})
    again = threads_in(opened())
    (row,) = again.all()
    assert (row.name, row.turns, row.documents, row.chars, row.pending) == ("n", 1, 2, 9, None)
    assert [(document.n, document.title, b"".join(again.text(document)).decode()) for document in again.documents("n")] == [
        (0, "a.txt", "one"),
        (1, "", "zwei €"),
    ]
    (kept,) = again.turns("n")
    assert kept == hostile
    state = again.state("n")
    assert (state.snapshot, state.left_out) == (b"state", {"g": "why"})


def test_a_document_that_is_there_by_title_and_text_is_not_added_again(store: Store) -> None:
    lease = leased(store, "n")
    added = [add(store, lease, "a", "one"), add(store, lease, "a", "one"), add(store, lease, "b", "one"), add(store, lease, "a", "two")]
    assert added == [True, False, True, True]
    assert [document.title for document in threads_in(store).documents("n")] == ["a", "b", "a"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_a_key_like_any_other(store: Store, name: str) -> None:
    lease = leased(store, name)
    add(store, lease, "a", "one", name=name)
    threads_in(store).add_turn(lease, name, turn(), b"state", {})
    assert [row.name for row in threads_in(store).all()] == [name]
    assert threads_in(store).turns(name) == [turn()]
    assert threads_in(store).get("other") is None
    assert threads_in(store).delete(lease, name)
    assert threads_in(store).all() == []


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_cannot_be_a_name_is_one_clear_error(name: object) -> None:
    with pytest.raises(ConfigError) as error:
        check_thread_name(name)
    assert str(error.value).startswith("thread") and "\n" not in str(error.value) and str(error.value).isprintable()
    assert len(str(error.value)) < 300


def test_two_tenants_have_threads_of_their_own(opened: Opener) -> None:
    mine, theirs = opened("mine"), opened("theirs")
    for store, tenant in ((mine, "mine"), (theirs, "theirs")):
        lease = leased(store, "n", tenant)
        threads_in(store, tenant).add_documents(lease, "n", [(tenant, [b"x"])])
        threads_in(store, tenant).add_turn(lease, "n", turn(tenant), tenant.encode(), {})
    assert threads_in(mine, "mine").delete(leased_again(mine, "mine"), "n")
    left = threads_in(theirs, "theirs")
    assert [row.question for row in left.turns("n")] == ["theirs"]
    assert left.state("n").snapshot == b"theirs"
    assert [b"".join(left.text(document)) for document in left.documents("n")] == [b"x"]
    assert threads_in(mine, "mine").get("n") is None


def leased_again(store: Store, tenant: str) -> Lease:
    return Lease(name=threads_in(store, tenant).lease_name("n"), epoch=1)


def test_a_question_is_pending_until_a_turn_is_added(store: Store) -> None:
    threads, lease = threads_in(store), leased(store, "n")
    add(store, lease, "a", "one")
    threads.begin(lease, "n", "run-1")
    add(store, lease, "b", "two")
    row = threads.get("n")
    assert row is not None and (row.pending, row.pending_documents) == ("run-1", 1)
    assert (threads.waiting_for("run-1"), threads.waiting_for("run-2")) == ("n", None)
    threads.add_turn(lease, "n", turn(), None, {})
    row = threads.get("n")
    assert row is not None and (row.pending, row.pending_documents) == (None, None)


def test_the_newest_turns_can_be_had_alone_and_in_order(store: Store) -> None:
    threads, lease = threads_in(store), leased(store, "n")
    for number in range(5):
        threads.add_turn(lease, "n", turn(f"q{number}"), None, {})
    assert [row.question for row in threads.turns("n", last=2)] == ["q3", "q4"]
    assert [row.n for row in threads.turns("n")] == [0, 1, 2, 3, 4]


class Broken(Exception):
    pass


def test_a_turn_and_its_snapshot_are_there_together_or_not_at_all(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off before each of its statements in turn: whatever was done is as if nothing had been."""
    store = opened()
    threads, lease = threads_in(store), leased(store, "n")
    add(store, lease, "a", "one")
    threads.add_turn(lease, "n", turn("first"), b"first", {"x": "lost"})
    threads.begin(lease, "n", "run-2")
    execute, cut_after = store.database.execute, 0

    def counted(sql: str, values: Any = ()) -> Any:
        nonlocal left
        left -= not sql.startswith(("BEGIN", "ROLLBACK"))
        if left < 0 and not sql.startswith("ROLLBACK"):
            raise Broken
        return execute(sql, values)

    monkeypatch.setattr(store.database, "execute", counted)
    while True:
        left = cut_after
        try:
            threads.add_turn(lease, "n", turn("second"), b"second", {})
            break
        except Broken:
            seen = threads_in(opened())
            assert [row.question for row in seen.turns("n")] == ["first"], cut_after
            assert seen.state("n").snapshot == b"first" and seen.state("n").left_out == {"x": "lost"}
            assert seen.waiting_for("run-2") == "n"
        cut_after += 1
    monkeypatch.undo()
    assert cut_after >= 6, "there is something to cut"
    seen = threads_in(opened())
    assert [row.question for row in seen.turns("n")] == ["first", "second"]
    assert seen.state("n").snapshot == b"second"
    assert set(store.blobs.links("thread:1")) == {"document 0 0", "snapshot"}


def test_who_lost_the_lease_writes_nothing(opened: Opener) -> None:
    store = opened()
    old = leased(store, "n")
    add(store, old, "a", "one")
    store.leases.release(old)
    new = leased(store, "n")
    threads = threads_in(store)
    for write in (
        lambda: add(store, old, "b", "two"),
        lambda: threads.begin(old, "n", "r"),
        lambda: threads.add_turn(old, "n", turn(), b"s", {}),
        lambda: threads.delete(old, "n"),
    ):
        with pytest.raises(StoreError, match="another process"):
            write()
    row = threads.get("n")
    assert row is not None and (row.turns, row.documents, row.pending) == (0, 1, None)
    assert threads.delete(new, "n")


def test_a_deleted_thread_leaves_no_blob_that_only_it_had(opened: Opener) -> None:
    store = opened()
    one, two = leased(store, "n"), leased(store, "m")
    add(store, one, "a", "shared")
    add(store, one, "b", "its own")
    add(store, two, "a", "shared", name="m")
    threads_in(store).add_turn(one, "n", turn(), b"state", {})
    assert threads_in(store).delete(one, "n")
    assert store.gc(0).blobs == 2
    (document,) = threads_in(store).documents("m")
    assert b"".join(threads_in(store).text(document)) == b"shared"
    assert store.check() == []


def test_deleting_what_is_not_there_is_told(store: Store) -> None:
    assert threads_in(store).delete(leased(store, "n"), "n") is False


def test_a_snapshot_that_somebody_changed_is_refused(tmp_path: Any) -> None:
    from cellblock.store.opening import open_store

    path = tmp_path / "s.db"
    with open_store(path, tenant="t", key=KEY) as store:
        threads_in(store).add_turn(leased(store, "n"), "n", turn(), b"state", {})
        by_hand(path, "UPDATE blobs SET data = x'00'")
        with pytest.raises(TamperedSnapshot):
            threads_in(store).state("n")
    with open_store(path, tenant="t", key=b"another key") as store, pytest.raises(TamperedSnapshot):
        threads_in(store).state("n")


def test_a_session_goes_on_from_wherever_its_store_is(place: str) -> None:
    rlm = RLM(ScriptedModel(["```repl\nx = 1\nFINAL(x)\n```", "```repl\nFINAL([x, len(P)])\n```"]), sandbox="restricted", journal=place)
    with rlm.thread("a") as first:
        assert first.run("q", "text").value == 1
    with rlm.thread("a") as second:
        assert second.run("r").value == [1, 4]
        assert second.cut_off() is None and len(second.turns) == 2
        assert second.delete()
