"""Kill a run at every single write to its journal, before it and after it, and resume it: figures.

    PYTHONPATH=src:tests python -m faults.every_write [--sandbox NAME] [--every N] [--first N] [--step N]

Takes about a second for each kill; a run writes some 120 times, with a state after each cell some 200 times.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from loopback import serving

from .chains import Chain, Kill, Setting, chain
from .counting import CountingServer
from .hosts import host


@dataclass(kw_only=True)
class Tally:
    kills: int = 0
    repeated: int = 0
    allowed: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, kill: Kill, done: Chain) -> None:
        self.kills += done.kills
        self.repeated += done.repeated
        self.allowed += done.allowed
        if done.problems:
            self.wrong.append(f"{kill}: {done.problems}")
            print(self.wrong[-1][:1_000], flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", choices=("monty", "restricted", "wasi"), action="append", help="default: all three")
    parser.add_argument("--every", type=int, action="append", help="for SnapshotPolicy; 0: the default policy; default: 0 and 1")
    parser.add_argument("--first", type=int, default=1, help="write to begin with")
    parser.add_argument("--step", type=int, default=1, help="only every so-manieth write")
    options = parser.parse_args()
    wrong = 0
    server = CountingServer()
    with serving(server.app) as url, host() as hosting, tempfile.TemporaryDirectory() as folder:
        for sandbox in options.sandbox or ("monty", "restricted", "wasi"):
            for every in options.every or (0, 1):
                place = Path(folder) / f"{sandbox}{every}"
                place.mkdir()
                setting = Setting(host=hosting, server=server, url=url, folder=place, sandbox=sandbox, every=every or None)
                wrong += len(one_setting(setting, options.first, options.step).wrong)
    return min(1, wrong)


def one_setting(setting: Setting, first: int, step: int) -> Tally:
    was, tally, started = setting.undisturbed(), Tally(), time.perf_counter()
    for at in range(first, was.report.writes + 2, step):
        for after in (False, True):
            tally.add(kill := Kill(at=at, after=after), chain(setting, was, [kill]))
    print(
        f"{setting.sandbox}, {f'a state after {setting.every} cell' if setting.every else 'default policy'}: {was.report.writes} writes, "
        f"{tally.kills} kills, {tally.repeated} calls repeated of {tally.allowed} allowed, {len(tally.wrong)} runs with faults, "
        f"{time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return tally


if __name__ == "__main__":
    raise SystemExit(main())
