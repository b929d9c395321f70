"""A plain model of a store, and random operations on both: what one does the other does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cellblock.errors import StoreError
from cellblock.store.leases import Lease
from cellblock.store.opening import Store, open_store

MISSING = object()
IDS = ["r", "r/1", "s"]
LEASES = ["run:r", "run:s", "r/1", "thread:t"]
OWNERS = ["run:r", "r/1", "thread:t"]
CONTENTS = [b"", b"a", b"b" * 5_000]

connections = st.sampled_from([0, 0, 0, 0, 1, 1, 2])
ids, leases, owners, contents = (st.sampled_from(values) for values in (IDS, LEASES, OWNERS, CONTENTS))
names = st.sampled_from(["x", "y"])
seqs = st.integers(0, 6)


@dataclass
class Run:
    number: int
    tenant: str
    parent: str | None
    task: Any
    status: str = "running"
    result: Any = None
    effects: dict[int, list[Any]] = field(default_factory=dict)
    """By number: kind, key, payload, outcome."""


@dataclass
class Held:
    epoch: int = 0
    held: bool = False
    dead: bool = False
    active: float = 0.0


@dataclass
class Connection:
    store: Store
    tenant: str
    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of a run that is open here its number and the next effect's."""
    fence: Lease | None = None


class StoreStates(RuleBasedStateMachine):
    """Two connections of one tenant and one of another."""

    place = ""

    def __init__(self) -> None:
        super().__init__()
        self.empty()
        self.runs: dict[str, Run] = {}
        self.numbers = 0
        self.leases: dict[tuple[str, str], Held] = {}
        self.blobs: dict[str, dict[str, bytes]] = {"a": {}, "b": {}}
        self.links: dict[tuple[str, str], dict[str, str]] = {}
        self.connections = [self.connect(tenant) for tenant in ("a", "a", "b")]

    def empty(self) -> None:
        """Make the place empty."""

    def connect(self, tenant: str) -> Connection:
        return Connection(open_store(self.place, tenant=tenant, key=tenant.encode()), tenant)

    def teardown(self) -> None:
        for connection in self.connections:
            connection.store.close()

    # What the model knows.

    def stands(self, of: Connection) -> bool:
        if of.fence is None:
            return True
        held = self.leases.get((of.tenant, of.fence.name))
        return held is not None and held.held and held.epoch == of.fence.epoch

    def seen(self, of: Connection, run_id: str) -> Run | None:
        run = self.runs.get(run_id)
        return run if run is not None and run.tenant == of.tenant else None

    def numbered(self, number: int) -> Run | None:
        return next((run for run in self.runs.values() if run.number == number), None)

    def below(self, tenant: str, run_id: str) -> set[str]:
        found: set[str] = set()
        while more := {
            name for name, run in self.runs.items() if run.tenant == tenant and run.parent in found | {run_id} and name not in found
        }:
            found |= more
        return found - {run_id}

    def new_run(self, of: Connection, run_id: str, parent: str | None, task: Any) -> Run:
        self.numbers += 1
        self.runs[run_id] = run = Run(self.numbers, of.tenant, parent, task)
        return run

    @staticmethod
    def agree(allowed: bool, action: Callable[[], Any]) -> Any:
        try:
            found = action()
        except (StoreError, LookupError) as error:
            assert not allowed, error
            assert "\n" not in str(error)
            return MISSING
        assert allowed, "it was done, and the model does not allow it"
        return found

    # Operations.

    @initialize(count=st.integers(0, 3))
    def two_runs(self, count: int) -> None:
        self.start(0, "r", None)
        self.begin(0, "r", count, False)
        self.start(0, "r/1", "r")

    @rule(at=connections, run_id=ids, parent=st.none() | ids)
    def start(self, at: int, run_id: str, parent: str | None) -> None:
        of, task = self.connections[at], {"n": self.numbers}
        allowed = self.stands(of) and run_id not in self.runs
        self.agree(allowed, lambda: of.store.journal.start_run(run_id, task, parent=parent))
        if allowed:
            of.open[run_id] = (self.new_run(of, run_id, parent, task).number, 0)

    @rule(at=connections, run_id=ids)
    def reopen(self, at: int, run_id: str) -> None:
        of = self.connections[at]
        run = self.seen(of, run_id)
        self.agree(self.stands(of) and run is not None, lambda: of.store.journal.reopen_run(run_id))
        if self.stands(of) and run is not None:
            run.status, run.result = "running", None
            of.open[run_id] = (run.number, max(run.effects, default=-1) + 1)

    @rule(at=connections, run_id=ids, status=st.sampled_from(["ended", "failed"]))
    def end(self, at: int, run_id: str, status: Any) -> None:
        of = self.connections[at]
        run = self.seen(of, run_id)
        self.agree(self.stands(of) and run is not None, lambda: of.store.journal.end_run(run_id, status, {"is": status}))
        of.open.pop(run_id, None)
        if self.stands(of) and run is not None:
            run.status, run.result = status, {"is": status}

    @rule(at=connections, run_id=ids, count=st.integers(0, 3), outcome=st.booleans())
    def begin(self, at: int, run_id: str, count: int, outcome: bool) -> None:
        of = self.connections[at]
        number, first = of.open.get(run_id, (0, 0))
        run = self.numbered(number)
        wanted = range(first, first + count)
        fits = run is not None and not set(wanted) & set(run.effects) and self.stands(of)
        allowed = run_id in of.open and (fits or count == 0)
        journal = of.store.journal
        if outcome and count == 1:
            self.agree(allowed, lambda: journal.record(run_id, "ask", f"k{first}", {"n": first}, {"of": first}))
        else:
            outcome = False
            self.agree(allowed, lambda: journal.begin_many(run_id, "call", [(f"k{seq}", {"n": seq}) for seq in wanted]))
        if allowed and count:
            assert run is not None
            for seq in wanted:
                run.effects[seq] = ["ask" if outcome else "call", f"k{seq}", {"n": seq}, {"of": seq} if outcome else MISSING]
            of.open[run_id] = (number, first + count)

    @rule(at=connections, run_id=ids, seq=seqs)
    def finish(self, at: int, run_id: str, seq: int) -> None:
        of = self.connections[at]
        run = self.numbered(of.open[run_id][0]) if run_id in of.open else self.seen(of, run_id)
        allowed = self.stands(of) and run is not None and run.effects.get(seq, [None])[-1] is MISSING
        self.agree(allowed, lambda: of.store.journal.finish(run_id, seq, {"late": seq}))
        if allowed:
            assert run is not None
            run.effects[seq][-1] = {"late": seq}

    @rule(at=connections, old=ids, new=ids, parent=st.none() | ids, chosen=st.none() | st.sets(seqs))
    def copy(self, at: int, old: str, new: str, parent: str | None, chosen: Collection[int] | None) -> None:
        of, task = self.connections[at], {"copy": self.numbers}
        source = self.seen(of, old)
        allowed = self.stands(of) and source is not None and new not in self.runs
        self.agree(allowed, lambda: of.store.journal.copy_run(old, new, parent=parent, task=task, seqs=chosen))
        if allowed:
            assert source is not None
            run = self.new_run(of, new, parent, task)
            run.effects = {seq: list(row) for seq, row in source.effects.items() if chosen is None or seq in chosen}
            of.open[new] = (run.number, max(run.effects, default=-1) + 1)

    @rule(at=connections, run_id=ids)
    def delete(self, at: int, run_id: str) -> None:
        of = self.connections[at]
        gone = self.below(of.tenant, run_id) | {run_id}
        own = [(of.tenant, f"run:{each}") for each in gone]
        driven = any(key in self.leases and self.leases[key].held and not self.leases[key].dead for key in own)
        allowed = self.stands(of) and self.seen(of, run_id) is not None and not driven
        self.agree(allowed, lambda: of.store.journal.delete_run(run_id))
        if allowed:
            for each in gone:
                del self.runs[each]
                of.open.pop(each, None)
            for key in own:
                self.leases.pop(key, None)
                self.links.pop(key, None)

    @rule(at=connections, name=leases, hold=st.booleans())
    def take(self, at: int, name: str, hold: bool) -> None:
        of = self.connections[at]
        held = self.leases.get((of.tenant, name), Held())
        allowed = not held.held or held.dead
        lease = self.agree(allowed, lambda: of.store.leases.take(name))
        if allowed:
            self.leases[of.tenant, name] = Held(held.epoch + 1, True, False, held.active)
            assert lease == Lease(name=name, epoch=held.epoch + 1)
            if hold:
                of.store.journal.hold(lease)
                of.fence = lease

    @rule(at=connections)
    def let_go(self, at: int) -> None:
        of = self.connections[at]
        of.store.journal.hold(None)
        of.fence = None

    @rule(at=connections, name=leases, epoch=st.integers(1, 4))
    def release(self, at: int, name: str, epoch: int) -> None:
        of = self.connections[at]
        of.store.leases.release(Lease(name=name, epoch=epoch))
        held = self.leases.get((of.tenant, name))
        if held is not None and held.epoch == epoch:
            held.held = False

    @rule(at=connections, name=leases, epoch=st.integers(1, 4))
    def beat(self, at: int, name: str, epoch: int) -> None:
        of = self.connections[at]
        held = self.leases.get((of.tenant, name), Held())
        allowed = held.held and held.epoch == epoch
        self.agree(allowed, lambda: of.store.leases.beat(Lease(name=name, epoch=epoch), 0.5))
        if allowed:
            held.active += 0.5

    @rule(at=connections, name=leases)
    def holder_dies(self, at: int, name: str) -> None:
        """As if the process id had been given to another process."""
        of = self.connections[at]
        of.store.database.execute("UPDATE leases SET start = 1 WHERE tenant = ? AND name = ?", (of.tenant, name))
        if (of.tenant, name) in self.leases:
            self.leases[of.tenant, name].dead = True

    @rule(at=connections, data=contents, owner=owners, name=names)
    def put(self, at: int, data: bytes, owner: str, name: str) -> None:
        of = self.connections[at]
        blob = of.store.blobs.put(data, kind="k", owner=owner, name=name)
        self.blobs[of.tenant][blob] = data
        self.links.setdefault((of.tenant, owner), {})[name] = blob

    @rule(at=connections, data=contents, owner=owners, name=names)
    def link(self, at: int, data: bytes, owner: str, name: str) -> None:
        of, blob = self.connections[at], hashlib.sha256(data).hexdigest()
        allowed = blob in self.blobs[of.tenant]
        self.agree(allowed, lambda: of.store.blobs.link(owner, name, blob))
        if allowed:
            self.links.setdefault((of.tenant, owner), {})[name] = blob

    @rule(at=connections, owner=owners, name=st.none() | names)
    def unlink(self, at: int, owner: str, name: str | None) -> None:
        of = self.connections[at]
        of.store.blobs.unlink(owner, name)
        links = self.links.get((of.tenant, owner), {})
        for each in list(links) if name is None else [name]:
            links.pop(each, None)

    @rule(at=connections, age=st.sampled_from([0, 3600]))
    def gc(self, at: int, age: int) -> None:
        of = self.connections[at]
        for tenant, owner in [key for key in self.links if key[0] == of.tenant and self.is_nobodys(*key)]:
            del self.links[tenant, owner]
        linked = {blob for (tenant, _), links in self.links.items() if tenant == of.tenant for blob in links.values()}
        gone = set(self.blobs[of.tenant]) - linked if age == 0 else set()
        assert of.store.gc(age).blobs == len(gone)
        for blob in gone:
            del self.blobs[of.tenant][blob]

    def is_nobodys(self, tenant: str, owner: str) -> bool:
        """Whether an owner is a run that is not on record, and that nobody is about to begin."""
        run, lease = self.runs.get(owner.removeprefix("run:")), self.leases.get((tenant, owner))
        begins = lease is not None and lease.held and not lease.dead
        return owner.startswith("run:") and (run is None or run.tenant != tenant) and not begins

    @rule(at=connections)
    def come_back(self, at: int) -> None:
        """As another process that goes on."""
        of = self.connections[at]
        of.store.close()
        self.connections[at] = self.connect(of.tenant)

    @invariant()
    def both_are_the_same(self) -> None:
        for of in self.connections[1:]:
            self.compare(of)

    def compare(self, of: Connection) -> None:
        journal, mine = of.store.journal, {name: run for name, run in self.runs.items() if run.tenant == of.tenant}
        found = [(run.run_id, run.parent, run.status, run.task, run.result) for run in journal.runs()]
        ordered = sorted(mine.items(), key=lambda item: item[1].number)
        assert found == [(name, run.parent, run.status, run.task, run.result) for name, run in ordered]
        for name, run in mine.items():
            rows = {
                row.seq: [row.kind, row.key, row.payload, MISSING if row.ended is None else row.outcome] for row in journal.effects(name)
            }
            assert list(rows) == sorted(rows)
            assert rows == run.effects
            assert set(journal.descendants(name)) == self.below(of.tenant, name)
        for owner in OWNERS:
            assert of.store.blobs.links(owner) == self.links.get((of.tenant, owner), {})
        for data in CONTENTS:
            blob = hashlib.sha256(data).hexdigest()
            assert self.agree(blob in self.blobs[of.tenant], lambda blob=blob: of.store.blobs.get(blob)) in (data, MISSING)
        for name in LEASES:
            assert of.store.leases.active_seconds(name) == self.leases.get((of.tenant, name), Held()).active
