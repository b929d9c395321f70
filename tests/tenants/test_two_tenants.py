"""Two tenants' runs at once in one process share no worker, cache entry, key, clock, seed, name or word, and no memory."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from cellblock.errors import TamperedSnapshot
from cellblock.repl.session import open_session

from .memory import found_in
from .world import GUEST_WORDS, HOST_WORDS, MARK, ON_THE_HOST, SECRET, World

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("tenants")]  # in one process, or each would run the tenants for itself


def test_both_ran_to_their_own_end(world: World) -> None:
    for number, (one, _) in enumerate(world.pairs(), 1):
        asked, told, seen, wrong, _ = one.result.value
        assert asked == f"answer {number} {one.word('subcall')}"
        assert (told, seen) == (one.word("tool"), f"The text of {one.word('context')} and no more.")
        assert len(wrong) == 2
        assert one.result.files == {f"/{one.name}.txt": one.word("file").encode()}


# -- processes


def test_no_process_serves_both(looked_at: World) -> None:
    first, second = (one.seen for one in looked_at.tenants)
    assert not {*first.pids} & {*second.pids}
    assert not first.spaces & second.spaces
    workers = 2 if looked_at.sandbox == "monty" else 1  # the interpreter is a child
    assert len(first.session) == len(second.session) == workers
    # The zygote and its first process outside of the namespaces, the worker, two spares.
    assert len(first.pids) == len(second.pids) == 2 + 3 * workers


def test_no_worker_is_left_once_its_run_is_over(looked_at: World) -> None:
    for handle in (handle for one in looked_at.tenants for handle in one.seen.handles):
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        assert poller.poll(5_000)


def test_addresses_of_one_say_nothing_of_the_other(looked_at: World) -> None:
    if Path("/proc/sys/kernel/randomize_va_space").read_text().strip() != "2":
        pytest.skip("this kernel gives every process the same addresses")
    first, second = (one.seen.layouts for one in looked_at.tenants)
    assert len(first) > 5 and not first & second


def test_no_descriptor_of_one_leads_to_what_the_other_has_open(looked_at: World) -> None:
    for one, other in looked_at.pairs():
        theirs = {*other.seen.open.values()}
        # The compiled guest of wasi is one file for all, which nobody can write to.
        assert [name for name, where in one.seen.open.items() if where in theirs and not name.endswith(".code")] == []
        assert all(any(kind in name for name in one.seen.open) for kind in ("socket:", "memfd:context", "memfd:cellblock-mail"))


def test_an_interpreter_that_is_a_child_holds_no_socket_of_its_worker(looked_at: World) -> None:
    for one in looked_at.tenants:
        children = {pid for pid, name in one.seen.names.items() if name == "monty"}
        assert [name for name in one.seen.open if int(name.split()[0]) in children and "socket:" in name] == []
        assert bool(children) == (looked_at.sandbox == "monty")


def test_folders_have_names_of_their_own_and_are_gone(looked_at: World) -> None:
    first, second = (one.seen.root for one in looked_at.tenants)
    assert first != second and all("cellblock-root-" in root and not Path(root).exists() for root in (first, second))


def test_command_lines_and_environments_name_nobody(looked_at: World) -> None:
    for one in looked_at.tenants:
        assert "PYTHONHASHSEED" in one.seen.told and MARK not in one.seen.told


# -- memory


def test_no_process_of_a_tenant_holds_a_word_of_the_other_s(looked_at: World) -> None:
    for one, other in looked_at.pairs():
        theirs = {other.word(what).encode() for what in (*GUEST_WORDS, *HOST_WORDS)} | {other.key}
        assert {pid: words & theirs for pid, words in one.seen.words.items() if words & theirs} == {}


def test_the_tenant_s_own_worker_holds_what_its_cells_saw_so_the_search_is_not_blind(looked_at: World) -> None:
    for one in looked_at.tenants:
        found = set[bytes]().union(*(one.seen.words[pid] for pid in one.seen.session))
        assert {one.word(what).encode() for what in GUEST_WORDS} <= found


def test_no_process_holds_a_secret_of_the_host_s(looked_at: World) -> None:
    keys = {one.key for one in looked_at.tenants}
    for one in looked_at.tenants:
        secret = {one.word(what).encode() for what in HOST_WORDS} | keys | {ON_THE_HOST.encode(), SECRET}
        assert {pid: words & secret for pid, words in one.seen.words.items() if words & secret} == {}
    assert looked_at.words() <= found_in(os.getpid(), MARK.encode(), looked_at.words()), "here they are, and are found"


def test_zygotes_and_spares_hold_no_word_of_anybody_s(looked_at: World) -> None:
    for one in looked_at.tenants:
        assert not any(words for pid, words in one.seen.words.items() if pid not in one.seen.session)


# -- what cells, models and callers are shown


def test_nothing_that_a_tenant_is_shown_names_the_other(world: World) -> None:
    for one, other in world.pairs():
        assert [what for what in (*GUEST_WORDS, *HOST_WORDS) if other.word(what) in one.shown] == []
        assert [what for what in (other.name, other.result.run_id, str(world.folder), "cellblock-root-") if what in one.shown] == []
        assert one.name in one.shown and "NameError" in one.shown, "its own are there"


def test_what_the_host_s_functions_raise_reaches_nobody(world: World) -> None:
    for one in world.tenants:
        assert one.word("raised") not in one.shown and "ValueError" in one.result.value[3][0]


# -- clocks, seeds, entries, keys


async def test_clocks_and_seeds_are_each_tenant_s_own_and_replays_are_exact(world: World) -> None:
    first, second = (one.result.value[4] for one in world.tenants)
    assert not {*first} & {*second}
    tasks = [one.task() for one in world.tenants]
    assert tasks[0]["seed"] != tasks[1]["seed"] and tasks[0]["clock"] != tasks[1]["clock"]
    for one in world.tenants:
        assert (await one.rlm.recorded(one.result.run_id).areplay()).same


def test_equal_calls_of_both_are_two_calls_and_two_entries(world: World) -> None:
    assert world.shared.calls == 2
    entries = [path for path in (world.folder / "cache").rglob("*") if path.is_file()]
    assert len(entries) == 2
    for path in entries:
        assert sum(one.word("subcall").encode() in path.read_bytes() for one in world.tenants) == 1


async def test_a_state_of_one_is_no_state_for_the_other(world: World) -> None:
    for one, other in world.pairs():
        assert one.key != other.key
        async with await open_session(world.sandbox, tenant=one.tenant, snapshot_secret=SECRET) as session:
            await session.exec("x = 1")
            state = await session.dump()
        with pytest.raises(TamperedSnapshot) as refused:
            await open_session(world.sandbox, tenant=other.tenant, snapshot_secret=SECRET, snapshot=state)
        assert MARK not in str(refused.value)
