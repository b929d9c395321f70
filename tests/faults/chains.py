"""A run that is killed, resumed, killed again and resumed, until it has ended; and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from . import checking
from .checking import Stop, Undisturbed
from .counting import CountingServer
from .host import Ended, Job
from .hosts import Host


@dataclass(frozen=True, kw_only=True)
class Kill:
    """A place to die at."""

    at: int
    """Which write to the journal, counted from 1 in each process."""
    after: bool
    """When it is done; else just before."""


@dataclass(kw_only=True)
class Setting:
    """Where the runs of one sandbox take place."""

    host: Host
    server: CountingServer
    url: str
    folder: Path
    sandbox: str
    every: int | None
    known: dict[tuple[str, int | None], Undisturbed] = field(default_factory=dict)
    """Undisturbed runs, by sandbox and policy."""
    numbered: int = 0

    def job(self, name: str) -> Job:
        folder = self.folder / name
        folder.mkdir()
        return Job(do="run", folder=str(folder), url=f"{self.url}/{self.label}-{name}/v1", sandbox=self.sandbox, every=self.every)

    @property
    def label(self) -> str:
        return f"{self.folder.name}-{self.sandbox}-{self.every}"

    @contextmanager
    def held(self, job: Job, at: int) -> Iterator[int]:
        """A job that is under way and waits for the answer to one of its calls; the id of its process."""
        self.server.hold_from = at
        pid = self.host.start(job)
        try:
            assert self.server.held.wait(30), "it has not come to that call"
            yield pid
        finally:
            self.server.release()

    def goes_on(self, job: Job, was: Undisturbed, before: Ended) -> list[str]:
        """What is wrong with the run once it was resumed."""
        folder, begun = Path(job.folder), self.server.calls(self.path(job))
        stopped = checking.stop(folder, begun)
        run_id = checking.root_id(folder)
        assert run_id is not None
        ended = self.host.do(msgspec.structs.replace(job, do="resume", run_id=run_id, kill_at=0))
        return checking.problems(folder, was, [stopped], [before, ended], begun)

    def path(self, job: Job) -> str:
        return job.url.split("/")[-2]

    def next_name(self) -> str:
        self.numbered += 1
        return str(self.numbered)

    def undisturbed(self) -> Undisturbed:
        """The run that nothing happens to, made once."""
        if (key := (self.sandbox, self.every)) not in self.known:
            self.known[key] = self._undisturbed()
        return self.known[key]

    def _undisturbed(self) -> Undisturbed:
        name = self.next_name()
        ended = self.host.do(self.job(name))
        assert ended.report is not None and ended.report.error is None, ended
        assert not ended.left, ended.left
        calls = self.server.calls(f"{self.label}-{name}")
        return Undisturbed(report=ended.report, calls=calls, tool_calls=checking.tool_calls(self.folder / name))


@dataclass(kw_only=True)
class Chain:
    """One run and all that happened to it."""

    stops: list[Stop] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    repeated: int = 0
    allowed: int = 0

    @property
    def kills(self) -> int:
        return sum(end.signal != 0 for end in self.ends)


def chain(setting: Setting, was: Undisturbed, kills: Sequence[Kill]) -> Chain:
    """Run, and be killed at each of these places in turn; the last process is left alone."""
    name, done = setting.next_name(), Chain()
    job, path = setting.job(name), f"{setting.label}-{name}"
    folder = Path(job.folder)
    for kill in (*kills, None):
        if kill is not None:
            job = msgspec.structs.replace(job, kill_at=kill.at, after=kill.after)
        else:
            job = msgspec.structs.replace(job, kill_at=0)
        run_id = checking.root_id(folder)
        if run_id is None and setting.server.calls(path):
            done.problems.append("a call was made for a run that is not on record")
        job = msgspec.structs.replace(job, do="run" if run_id is None else "resume", run_id=run_id or "")
        ended = setting.host.do(job)
        done.ends.append(ended)
        if not ended.signal:
            break
        if checking.root_id(folder) is None:
            continue
        done.stops.append(checking.stop(folder, setting.server.calls(path)))
        if (last := checking.ended_on_record(folder, was)) is not None:
            # Only its last words were cut off: there is nothing to resume.
            done.ends.append(last)
            break
    begun = setting.server.calls(path)
    done.problems += checking.problems(folder, was, done.stops, done.ends, begun)
    done.repeated = (begun - was.calls).total()
    done.allowed = done.stops[-1].in_flight if done.stops else 0
    return done
