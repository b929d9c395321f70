"""Who is fuzzed when: slices of all lanes in turn, as many at once as there are processors, until the time is over."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from finds import Find
from targets import Target

SHORTEST, LONGEST = 5.0, 90.0
"""Seconds of a slice."""
SLICES = 3
"""Of each lane, about, in one run."""
OVERTIME = 400.0
"""To make a find small may take Hypothesis five minutes; a slice that takes longer than this hangs."""
SEEDS_BETWEEN = 1_000
_LOOK_SECONDS = 0.05


@dataclass
class Lane:
    """One target on one sandbox, and what it came to so far."""

    target: Target
    sandbox: str = ""
    slices: int = 0
    seconds: float = 0.0
    examples: int = 0
    features: int = 0
    unconfirmed: int = 0
    finds: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.target.name} {self.sandbox}".strip()


@dataclass
class Running:
    """A slice under way."""

    lane: Lane
    process: subprocess.Popen[bytes]
    seed: int
    began: float
    seconds: float
    folder: tempfile.TemporaryDirectory[str]


@dataclass
class Schedule:
    """A whole run."""

    lanes: list[Lane]
    seconds: float
    """0: one slice of each lane, of so many examples as its target says."""
    seed: int
    jobs: int
    finds: Path
    began: float = field(default_factory=time.monotonic)
    running: list[Running] = field(default_factory=list)

    def run(self) -> int:
        """Until the time is over. Gives the number of finds; a lane with a find rests."""
        try:
            while (lane := self.next_lane()) is not None or self.running:
                if lane is not None and len(self.running) < self.jobs:
                    self.start(lane)
                else:
                    self.collect()
        finally:
            for slice in self.running:
                _end(slice)
        return sum(len(lane.finds) for lane in self.lanes)

    def next_lane(self) -> Lane | None:
        """The one that had the smallest part of its share; None where the time is over."""
        busy = [slice.lane for slice in self.running]
        waiting = [lane for lane in self.lanes if not lane.finds and lane not in busy]
        if self.seconds == 0:
            waiting = [lane for lane in waiting if lane.slices == 0]
        elif self.seconds - (time.monotonic() - self.began) < 1:
            return None
        return min(waiting, key=lambda lane: lane.seconds / lane.target.weight, default=None)

    def start(self, lane: Lane) -> None:
        """Begin another slice of it."""
        left = self.seconds - (time.monotonic() - self.began)
        fair = self.seconds * self.jobs / len(self.lanes) / SLICES
        seconds = min(max(SHORTEST, min(fair, LONGEST)), left) if self.seconds else 300.0
        folder = tempfile.TemporaryDirectory(prefix="cellblock-fuzz-")
        seed = self.seed + lane.slices * SEEDS_BETWEEN
        command = [sys.executable, str(Path(__file__).with_name("slices.py")), lane.target.name, "--sandbox", lane.sandbox]
        command += ["--seed", str(seed), "--seconds", str(seconds), "--finds", str(self.finds), "--note", str(Path(folder.name) / "note")]
        command += [] if self.seconds else ["--examples", str(lane.target.short)]
        with (Path(folder.name) / "out").open("wb") as out, (Path(folder.name) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=out, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.running.append(Running(lane, process, seed, time.monotonic(), seconds, folder))

    def collect(self) -> None:
        """Wait for a slice to end, or end one that hangs."""
        time.sleep(_LOOK_SECONDS)
        for slice in list(self.running):
            late = time.monotonic() - slice.began > slice.seconds + OVERTIME
            if slice.process.poll() is None and not late:
                continue
            self.running.remove(slice)
            _end(slice)
            self.note(slice, late)
            slice.folder.cleanup()

    def note(self, slice: Running, late: bool) -> None:
        """Add what a slice came to, and tell it."""
        lane, folder = slice.lane, Path(slice.folder.name)
        lane.slices += 1
        lane.seconds += time.monotonic() - slice.began
        lines = (folder / "out").read_text("utf-8", "replace").splitlines()
        told: list[str] = []
        examples = 0
        try:
            report = json.loads(lines[-1] if lines else "")
            examples, told = report["examples"], report["told"]
            lane.finds += report["finds"]
            lane.features, lane.unconfirmed = max(lane.features, report["features"]), lane.unconfirmed + report["unconfirmed"]
        except ValueError:
            told = [self.died(slice, late)]
        lane.examples += examples
        minutes = (time.monotonic() - self.began) / 60
        outcome = "no find" if not told else f"{len(told)} found"
        print(f"{minutes:6.1f} min  {lane.name:20} seed {slice.seed:<10} {examples:>9,} examples  {outcome}", flush=True)
        for text in told:
            print(text, flush=True)

    def died(self, slice: Running, late: bool) -> str:
        """A find: the process hung, or died of an example."""
        folder, lane = Path(slice.folder.name), slice.lane
        problem = "it hung" if late else f"the host's process died (exit status {slice.process.returncode})"
        note = folder / "note"
        find = Find(
            target=lane.target.name,
            attack_class=lane.target.attack_class,
            sandbox=lane.sandbox,
            seed=slice.seed,
            problem=problem,
            example=note.read_text("utf-8", "replace") if note.exists() else "",
            story=(folder / "log").read_text("utf-8", "replace")[-20_000:],
        )
        lane.finds.append(str(find.write(self.finds)))
        return f"{find}\n{find.story[-1_500:]}"


def _end(slice: Running) -> None:
    if slice.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(slice.process.pid, signal.SIGKILL)
    slice.process.wait()
