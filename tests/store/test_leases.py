"""Who may drive a run: on SQLite and on PostgreSQL, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cellblock.errors import LeaseHeld, StoreError
from cellblock.store import leases as module
from cellblock.store.leases import LEASE_SECONDS, Lease
from cellblock.store.opening import Store, open_store
from cellblock.store.processes import Process, standing, this_process

from .conftest import Opener

pytestmark = pytest.mark.anyio

HOLDER = """
import sys
from cellblock.store.opening import open_store
store = open_store(sys.argv[1], tenant="t", key=b"k" * 32)
store.journal.hold(store.leases.take("run:r"))
store.journal.start_run("r", {})
store.journal.begin("r", "ask", "1", {})
print("taken", flush=True)
sys.stdin.readline()
try:
    store.journal.finish("r", 0, "late")
    print("written")
except Exception as error:
    print(type(error).__name__, error)
"""


@contextmanager
def holder(place: str, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lease `run:r` and drives the run; at the next line it wants to go on."""
    command = [*before, sys.executable, "-c", HOLDER, place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "taken\n"
            yield process
        finally:
            process.kill()


def pretend_elsewhere(store: Store) -> None:
    """As if all holders were on another machine."""
    store.database.execute("UPDATE leases SET boot = 'another boot', pid = 1, machine = 'far'")


class Waiting:
    """Time that passes only where somebody waits."""

    def __init__(self, store: Store, moves_at: float = 1e9) -> None:
        self.now, self._store, self._moves_at = 1_000.0, store, moves_at

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= 1_000 + self._moves_at:
            self._store.database.execute("UPDATE leases SET beats = beats + 1")
            self._moves_at = 1e9


def test_a_lease_is_taken_given_back_and_taken_again_with_a_higher_epoch(store: Store) -> None:
    for epoch in (1, 2, 3):
        lease = store.leases.take("run:r")
        assert lease == Lease(name="run:r", epoch=epoch)
        store.leases.release(lease)
        store.leases.release(lease)


def test_the_same_process_cannot_take_it_twice(store: Store, opened: Opener) -> None:
    store.leases.take("run:r")
    with pytest.raises(LeaseHeld) as caught:
        opened().leases.take("run:r")
    error = caught.value
    assert (error.name, error.pid, error.machine, error.elsewhere) == ("run:r", os.getpid(), os.uname().nodename, False)
    assert str(error) == f"run:r: process {os.getpid()} on {os.uname().nodename} is at it; wait for it, or end it"


def test_other_names_and_other_tenants_are_free(store: Store, opened: Opener) -> None:
    store.leases.take("run:r")
    assert store.leases.take("run:s").epoch == 1
    assert opened(tenant="other").leases.take("run:r").epoch == 1


def test_a_living_holder_is_named_and_a_killed_one_succeeded_at_once(place: str, store: Store) -> None:
    with holder(place) as process:
        with pytest.raises(LeaseHeld, match=f"process {process.pid} on "):
            store.leases.take("run:r")
        process.send_signal(signal.SIGKILL)
        # Not waited for: a zombie is dead as well.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert store.leases.take("run:r").epoch == 2


async def test_a_killed_holder_is_succeeded_without_waiting(place: str, store: Store) -> None:
    waiting = Waiting(store)
    with holder(place) as process:
        process.kill()
        process.wait()
        assert (await store.leases.take_when_free("run:r", sleep=waiting.sleep, clock=waiting.clock)).epoch == 2
    assert waiting.now == 1_000


def test_a_process_id_that_was_given_again_is_another_process(store: Store) -> None:
    store.leases.take("run:r")
    store.database.execute("UPDATE leases SET start = start - 1")
    assert store.leases.take("run:r").epoch == 2


async def test_a_holder_here_is_refused_at_once_however_still_its_heart(store: Store) -> None:
    waiting = Waiting(store)
    store.leases.take("run:r")
    with pytest.raises(LeaseHeld):
        await store.leases.take_when_free("run:r", sleep=waiting.sleep, clock=waiting.clock)
    assert waiting.now == 1_000


async def test_a_holder_elsewhere_whose_heart_stands_still_is_succeeded_after_the_wait(store: Store) -> None:
    waiting = Waiting(store)
    store.leases.take("run:r")
    pretend_elsewhere(store)
    with pytest.raises(LeaseHeld, match="process 1 on far") as caught:
        store.leases.take("run:r")
    assert caught.value.elsewhere
    assert (await store.leases.take_when_free("run:r", sleep=waiting.sleep, clock=waiting.clock)).epoch == 2
    assert waiting.now == 1_000 + LEASE_SECONDS


@pytest.mark.parametrize("at", [1.0, 5.0, LEASE_SECONDS])
async def test_a_holder_elsewhere_whose_heart_beats_keeps_it(store: Store, at: float) -> None:
    waiting = Waiting(store, moves_at=at)
    store.leases.take("run:r")
    pretend_elsewhere(store)
    with pytest.raises(LeaseHeld, match="process 1 on far"):
        await store.leases.take_when_free("run:r", sleep=waiting.sleep, clock=waiting.clock)
    assert waiting.now == 1_000 + at


async def test_a_lease_given_back_elsewhere_is_taken_at_the_next_look(store: Store) -> None:
    lease = store.leases.take("run:r")
    pretend_elsewhere(store)
    waits: list[float] = []

    async def released(seconds: float) -> None:
        waits.append(seconds)
        store.leases.release(lease)

    assert (await store.leases.take_when_free("run:r", sleep=released)).epoch == 2
    assert len(waits) == 1


async def test_of_two_that_watch_one_takes_over(store: Store, opened: Opener) -> None:
    store.leases.take("run:r")
    pretend_elsewhere(store)
    waiting, other = Waiting(store), opened()

    async def taken_by_the_other(seconds: float) -> None:
        waiting.now += LEASE_SECONDS
        row = other.leases._row("run:r")
        assert other.leases._succeed("run:r", row) == Lease(name="run:r", epoch=2)

    with pytest.raises(LeaseHeld, match=f"process {os.getpid()}"):
        await store.leases.take_when_free("run:r", sleep=taken_by_the_other, clock=waiting.clock)


def test_two_takers_of_one_state_get_one_lease(store: Store, opened: Opener) -> None:
    store.leases.release(store.leases.take("run:r"))
    row = store.leases._row("run:r")
    assert store.leases._succeed("run:r", row) == Lease(name="run:r", epoch=2)
    assert opened().leases._succeed("run:r", row) is None
    assert opened().leases._succeed("run:r", None) is None


def test_a_crowd_of_processes_takes_it_one_after_the_other(place: str, opened: Opener) -> None:
    opened()
    script = """
import sys
from cellblock.errors import LeaseHeld
from cellblock.store.opening import open_store
store, taken = open_store(sys.argv[1], tenant="t"), 0
while taken < 20:
    try:
        lease = store.leases.take("run:r")
    except LeaseHeld:
        continue
    taken += 1
    print(lease.epoch)
    store.leases.release(lease)
"""
    crowd = [subprocess.Popen([sys.executable, "-c", script, place], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    epochs = [int(line) for process in crowd for line in process.communicate(timeout=60)[0].split()]
    assert sorted(epochs) == list(range(1, 61))


def test_a_heartbeat_adds_up_over_all_holders(store: Store) -> None:
    first = store.leases.take("run:r")
    store.leases.beat(first, 1.5)
    store.leases.beat(first)
    store.leases.release(first)
    second = store.leases.take("run:r")
    store.leases.beat(second, 2)
    assert (store.leases.active_seconds("run:r"), store.leases.active_seconds("run:x")) == (3.5, 0.0)


@pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf")])
def test_time_does_not_run_backwards(store: Store, seconds: float) -> None:
    lease = store.leases.take("run:r")
    with pytest.raises(ValueError, match="a time that has passed is needed"):
        store.leases.beat(lease, seconds)


def test_a_lost_lease_has_no_heartbeat(store: Store) -> None:
    lease = store.leases.take("run:r")
    store.leases.release(lease)
    with pytest.raises(StoreError, match="another process drives this run now"):
        store.leases.beat(lease, 1.0)
    store.leases.take("run:r")
    with pytest.raises(StoreError, match="another process drives this run now"):
        store.leases.beat(lease, 1.0)
    assert store.leases.active_seconds("run:r") == 0


def taken_over(store: Store, opened: Opener) -> Store:
    """Another store, that has taken the lease over from this one, which holds it."""
    store.journal.hold(store.leases.take("run:r"))
    store.journal.start_run("r", {})
    store.journal.begin("r", "ask", "1", {})
    store.database.execute("UPDATE leases SET start = 1")
    other = opened()
    other.journal.hold(other.leases.take("run:r"))
    other.journal.reopen_run("r")
    return other


@pytest.mark.parametrize(
    "write",
    [
        lambda journal: journal.begin("r", "ask", "2", {}),
        lambda journal: journal.begin_many("r", "call", [("a", 1), ("b", 2)]),
        lambda journal: journal.finish("r", 0, "late"),
        lambda journal: journal.record("r", "get", "2", {}, None),
        lambda journal: journal.start_run("r/1", {}, parent="r"),
        lambda journal: journal.end_run("r", "failed", {}),
        lambda journal: journal.reopen_run("r"),
        lambda journal: journal.copy_run("r", "s", parent=None, task={}, seqs=None),
        lambda journal: journal.delete_run("r"),
    ],
    ids=["begin", "begin_many", "finish", "record", "start_run", "end_run", "reopen_run", "copy_run", "delete_run"],
)
def test_who_lost_the_lease_writes_nothing_any_more(store: Store, opened: Opener, write: object) -> None:
    other = taken_over(store, opened)
    before = (other.journal.runs(), other.journal.effects("r"))
    with pytest.raises(StoreError, match="run:r: another process drives this run now") as caught:
        write(store.journal)  # type: ignore[operator]
    assert "\n" not in str(caught.value)
    assert (other.journal.runs(), other.journal.effects("r")) == before
    assert other.journal.record("r", "ask", "2", {}, {}) == 1


def test_who_holds_the_lease_writes_as_before(store: Store) -> None:
    lease = store.leases.take("run:r")
    store.journal.hold(lease)
    store.journal.start_run("r", {})
    assert list(store.journal.begin_many("r", "call", [("a", 1), ("b", 2)])) == [0, 1]
    assert list(store.journal.begin_many("r", "call", [])) == []
    store.journal.finish("r", 1, "x")
    with pytest.raises(StoreError, match="has its outcome already"):
        store.journal.finish("r", 1, "y")
    store.journal.end_run("r", "ended", {})
    store.leases.release(lease)
    store.journal.hold(None)
    store.journal.start_run("s", {})
    assert [run.status for run in store.journal.runs()] == ["ended", "running"]


def test_who_gave_the_lease_back_writes_nothing_any_more(store: Store) -> None:
    lease = store.leases.take("run:r")
    store.journal.hold(lease)
    store.journal.start_run("r", {})
    store.leases.release(lease)
    for write in (
        lambda: store.journal.begin("r", "ask", "1", {}),
        lambda: store.journal.begin_many("r", "call", [("a", 1), ("b", 2)]),
        lambda: store.journal.end_run("r", "ended", {}),
        lambda: store.leases.check(lease),
    ):
        with pytest.raises(StoreError, match="another process drives this run now"):
            write()
    assert (store.journal.effects("r"), store.journal.run("r").status) == ([], "running")


def test_a_driver_that_was_suspended_is_fenced_off_when_it_wakes_up(place: str, store: Store) -> None:
    with holder(place) as process:
        process.send_signal(signal.SIGSTOP)
        # As it looks from another machine, after the wait.
        assert store.leases._succeed("run:r", store.leases._row("run:r")) == Lease(name="run:r", epoch=2)
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate("\n", timeout=30)
    assert said.startswith("StoreError ")
    assert "another process drives this run now" in said
    assert store.journal.effects("r")[0].ended is None


def test_a_check_within_a_transaction_holds_takers_up_until_it_has_ended(store: Store, place: str) -> None:
    lease = store.leases.take("run:r")
    store.database.execute("UPDATE leases SET start = 1")
    taken: list[Lease] = []

    def take() -> None:
        with open_store(place, tenant="t") as other:
            taken.append(other.leases.take("run:r"))

    thread = threading.Thread(target=take)
    with store.database.transaction():
        store.leases.check(lease)
        thread.start()
        thread.join(0.3)
        assert taken == []
    thread.join(30)
    assert [one.epoch for one in taken] == [2]
    with pytest.raises(StoreError, match="another process"), store.database.transaction():
        store.leases.check(lease)


@pytest.mark.skipif(os.geteuid() != 0, reason="a new namespace for process ids needs root")
def test_a_process_in_another_container_is_elsewhere(place: str, store: Store) -> None:
    with holder(place, "unshare", "--pid", "--fork", "--mount-proc", "--kill-child"), pytest.raises(LeaseHeld) as caught:
        store.leases.take("run:r")
    assert caught.value.elsewhere


def test_this_process_lives_and_knows_itself() -> None:
    me = this_process()
    assert standing(me) == "alive"
    assert me.start > 0


def test_a_process_whose_first_thread_has_ended_lives_until_its_last_one_has() -> None:
    script = """
import ctypes, dataclasses, json, threading, time
from cellblock.store.processes import this_process
print(json.dumps(dataclasses.asdict(this_process())), flush=True)
threading.Thread(target=time.sleep, args=(100,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        process = Process(**json.loads(other.stdout.readline()))
        while f"{process.pid} (" not in (stat := Path(f"/proc/{process.pid}/stat").read_text()) or ") Z " not in stat:
            assert other.poll() is None
        assert standing(process) == "alive"
        other.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert standing(process) == "dead"


def test_without_proc_nobody_is_proven_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    me = this_process()
    monkeypatch.setattr("cellblock.store.processes._here", lambda: ("", ""))
    assert standing(me) == "elsewhere"
    assert this_process().boot == ""


def test_beats_come_more_often_than_the_wait() -> None:
    assert module.BEAT_SECONDS * 3 < LEASE_SECONDS


def test_a_lease_that_is_held_as_none_is_taken_all_the_same(store: Store) -> None:
    store.leases.take("run:r")
    # Nobody has this process id.
    store.database.execute("UPDATE leases SET held = -1, pid = ?", (2**22 + 1,))
    assert store.leases.take("run:r").epoch == 2
