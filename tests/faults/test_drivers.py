"""Two processes and one run: one of them drives it, and one that was taken for dead writes nothing any more."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cellblock.store.opening import open_store

from . import checking
from .chains import Setting
from .host import SECRET, Job
from .hosts import Host, host

ALONE = 11
"""The number of a call beside which no other is under way: one that was sent before its host stopped may be counted afterwards."""


@pytest.fixture
def other() -> Iterator[Host]:
    with host() as opened:
        yield opened


def cut_off(setting: Setting) -> Job:
    """A run that was killed; the job to resume it."""
    job = setting.job("cut-off")
    assert setting.host.do(replace(job, kill_at=60)).signal == signal.SIGKILL
    run_id = checking.root_id(Path(job.folder))
    assert run_id is not None
    return replace(job, do="resume", run_id=run_id)


def test_a_run_that_is_driven_is_refused_to_another_process(staged: Callable[..., Setting], other: Host):
    setting = staged("restricted")
    was = setting.undisturbed()
    job = cut_off(setting)
    stopped = checking.stop(Path(job.folder), setting.server.calls(setting.path(job)))
    with setting.held(job, stopped.begun.total() + 2) as pid:
        refused = other.do(job).report
    ended = setting.host.wait()
    assert refused is not None
    assert refused.error == f"LeaseHeld: run:{job.run_id}: process {pid} on {os.uname().nodename} is at it; wait for it, or end it"
    assert not checking.problems(Path(job.folder), was, [stopped], [ended], setting.server.calls(setting.path(job)))


def test_of_two_that_resume_at_once_one_drives_and_no_call_is_made_twice(staged: Callable[..., Setting], other: Host):
    setting = staged("restricted")
    was = setting.undisturbed()
    job = cut_off(setting)
    stopped = checking.stop(Path(job.folder), setting.server.calls(setting.path(job)))
    setting.host.start(job)
    other.start(job)
    ends = [setting.host.wait(), other.wait()]
    ends.sort(key=lambda end: end.report is not None and end.report.error is None)
    loser, winner = (end.report for end in ends)
    assert loser is not None and winner is not None
    assert loser.error is not None and ("is at it" in loser.error or "has ended already" in loser.error)
    assert winner.error is None
    assert not checking.problems(Path(job.folder), was, [stopped], [ends[1]], setting.server.calls(setting.path(job)))


def test_a_suspended_host_whose_run_was_taken_over_writes_nothing_when_it_wakes(staged: Callable[..., Setting]):
    setting = staged("restricted")
    was = setting.undisturbed()
    job = setting.job("suspended")
    folder = Path(job.folder)
    with setting.held(job, ALONE) as pid:
        os.kill(pid, signal.SIGSTOP)
        run_id = checking.root_id(folder)
        assert run_id is not None
        with open_store(folder / "journal.db", key=SECRET) as store:
            # As another machine does that has not seen its heartbeat for long enough.
            row = store.leases._row(f"run:{run_id}")
            lease = store.leases._succeed(f"run:{run_id}", row)
            assert lease is not None
            before, begun = checking.recorded(folder), setting.server.calls(setting.path(job)).total()
            setting.server.release()
            os.kill(pid, signal.SIGCONT)
            ended = setting.host.wait()
            assert checking.recorded(folder) == before
            assert setting.server.calls(setting.path(job)).total() == begun
            store.leases.release(lease)
    assert ended.report is not None and ended.report.error is not None
    assert "another process drives this run now; what this one does is not recorded any more" in ended.report.error
    assert not setting.goes_on(job, was, ended)
