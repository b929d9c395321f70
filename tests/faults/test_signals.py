"""The process that drives a run, its workers and its zygote are ended from outside, in the middle of a batch and between two cells."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from . import checking
from .chains import Setting

IN_A_BATCH, BETWEEN_CELLS = 4, 9
"""Of the story's calls: the third of its first batch, and the root's third reply."""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_host_that_is_ended_in_a_batch_has_a_run_that_goes_on(staged: Callable[..., Setting], sandbox: str, name: str):
    setting = staged(sandbox)
    was = setting.undisturbed()
    job = setting.job("ended")
    with setting.held(job, IN_A_BATCH) as pid:
        os.kill(pid, getattr(signal, name))
        ended = setting.host.wait()
    assert ended.report is None
    assert not ended.left
    assert not setting.goes_on(job, was, ended)


@pytest.mark.parametrize(
    ("sandbox", "whose", "at"),
    [
        ("monty", "workers", IN_A_BATCH),
        ("wasi", "workers", IN_A_BATCH),
        ("restricted", "workers", IN_A_BATCH),
        ("restricted", "workers", BETWEEN_CELLS),
        ("restricted", "zygotes", IN_A_BATCH),
        ("monty", "zygotes", BETWEEN_CELLS),
    ],
)
def test_a_run_whose_processes_are_killed_ends_the_same_or_fails_and_goes_on(
    staged: Callable[..., Setting], sandbox: str, whose: str, at: int
):
    setting = staged(sandbox)
    was = setting.undisturbed()
    job = setting.job("bereft")
    with setting.held(job, at) as pid:
        zygotes = children(pid)
        victims = zygotes if whose == "zygotes" else [worker for zygote in zygotes for worker in children(zygote)]
        assert victims
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
    ended = setting.host.wait()
    assert ended.report is not None and not ended.left
    report = ended.report
    if report.error is not None:
        assert report.error.startswith("Sandbox") and "\n" not in report.error
        run_id = checking.root_id(Path(job.folder))
        assert run_id is not None
        again = setting.host.do(replace(job, do="resume", run_id=run_id)).report
        assert again is not None
        report = again
    assert report.error is None
    # A fork that lost its worker has failed, and the story goes on without what it would have added. That may be a spare, which was
    # killed with the others and given to the fork before anybody knew.
    of_forks = {"plan", "luck"}
    assert {key: value for key, value in was.report.value.items() if key not in of_forks}.items() <= report.value.items()


def children(pid: int) -> list[int]:
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
