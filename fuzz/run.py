"""Fuzz everything that untrusted bytes, texts, values and cells meet, for as long as you like.

    .venv/bin/python fuzz/run.py --minutes 60           all targets in turn, on all processors
    .venv/bin/python fuzz/run.py --short                a few seconds of each, always the same: what CI runs
    .venv/bin/python fuzz/run.py --only cells --sandbox wasi --minutes 10
    .venv/bin/python fuzz/run.py --only frames --seed 7  what a find says, to come to it again

A find is an error that is not one of ours, a tenth of a second of processor time in the host for one bounded input, an event loop that
stands still for as long, a session that dies and should not, a difference from the model, a process that is left over, or a
secret of another tenant. It is printed in its smallest form, with the command that comes to it again, and written to
fuzz/finds/ as a file that is ready for fuzz/corpus/. Its target rests then; the others go on. The exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("hypothesis") is None:
    sys.exit("fuzz: hypothesis is missing; run: .venv/bin/python -m pip install '.[testing]'")

import guided
from finds import FOLDER
from schedule import Lane, Schedule
from targets import TARGETS

from cellblock.repl.registry import known_sandboxes


def main() -> None:
    """Read the options, fuzz, tell, exit."""
    options = _options()
    lanes = _lanes(options.only, options.sandbox)
    seed = options.seed if options.seed is not None else 0 if options.short else random.randrange(10**6)
    schedule = Schedule(lanes, 0.0 if options.short else options.minutes * 60, seed, options.jobs, options.finds)
    print(f"{len(lanes)} lanes, {options.jobs} at once, seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        finds = schedule.run()
    except KeyboardInterrupt:
        finds = sum(len(lane.finds) for lane in lanes)
        print("stopped", flush=True)
    print(table(lanes))
    sys.exit(1 if finds else 0)


def _lanes(only: list[str] | None, sandboxes: list[str] | None) -> list[Lane]:
    targets = [target for name, target in TARGETS.items() if not only or name in only]
    without = [target.name for target in targets if target.run is None]
    if without and not guided.is_here():
        print(guided.INSTALL.format(", ".join(without)), flush=True)
        targets = [target for target in targets if target.run is not None]
    return [Lane(target, sandbox) for target in targets for sandbox in ((sandboxes or known_sandboxes()) if target.sandboxed else [""])]


def table(lanes: list[Lane]) -> str:
    """What the run came to, lane by lane."""
    lines = [f"{'target':20} {'examples':>12} {'seconds':>8} {'features':>9} {'slow once':>9}  finds"]
    for lane in lanes:
        features = f"{lane.features:,}" if lane.features else ""
        counts = f"{lane.examples:>12,} {lane.seconds:>8.0f} {features:>9} {lane.unconfirmed or '':>9}"
        lines.append(f"{lane.name:20} {counts}  {' '.join(lane.finds) or '-'}")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    about = "\n".join(f"  {target.name:10} {target.about}{' (each sandbox)' if target.sandboxed else ''}" for target in TARGETS.values())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"targets:\n{about}", formatter_class=form)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long in all; 5 unless given")
    parser.add_argument("--only", action="append", choices=TARGETS, metavar="TARGET", help="this target alone; may be given again for more")
    parser.add_argument("--sandbox", action="append", choices=known_sandboxes(), help="this sandbox alone; may be given again for more")
    parser.add_argument("--seed", type=int, help="where the examples come from; any unless given, 0 in a short run")
    parser.add_argument("--short", action="store_true", help="so many examples of each target as it says, instead of minutes")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="slices at once; one a processor unless given")
    parser.add_argument("--finds", type=Path, default=FOLDER, help="where finds are written; fuzz/finds unless given")
    return parser.parse_args()


if __name__ == "__main__":
    main()
