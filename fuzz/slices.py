"""One slice of one target in a process of its own: batch after batch until its time is over. Its last line is a report in JSON."""

from __future__ import annotations

import argparse
import ctypes
import json
import signal
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import guided
from finds import Find
from ground import ROOT, Ground, TooSlow, shown
from targets import TARGETS, Target

CORPUS = ROOT / ".cache" / "fuzz"
"""Where what coverage found worth keeping lies, from run to run."""


PR_SET_PDEATHSIG = 1
SLOW_TIMES, SLOW_PAUSE_SECONDS = 5, 0.5


@dataclass
class Report:
    """What a slice came to."""

    examples: int = 0
    features: int = 0
    unconfirmed: int = 0
    """How often something took too long, once."""
    finds: list[str] = field(default_factory=list)
    """Files."""
    told: list[str] = field(default_factory=list)


def slice_of(target: Target, sandbox: str, *, seed: int, seconds: float, examples: int, note: Path | None, folder: Path) -> Report:
    """Batches from `seed` on, until the time is over, so many examples were tried, or something was found."""
    if target.run is None:
        return _guided(target, seed=seed, seconds=seconds, examples=examples, folder=folder)
    report, ends, batch = Report(), time.monotonic() + seconds, seed
    ground = Ground(sandbox, note)
    try:
        with ground:
            while not report.finds and time.monotonic() < ends and (not examples or report.examples < examples):
                size = min(target.batch, examples or target.batch)
                _batch(target, ground, batch, size, report, folder)
                report.examples = ground.examples
                batch += 1
    except Exception as error:
        _keep(target, ground, batch - 1, error, report, folder)
    return report


def _batch(target: Target, ground: Ground, seed: int, size: int, report: Report, folder: Path) -> None:
    assert target.run is not None
    try:
        target.run(ground, seed, size)
    except TooSlow as slow:
        if _is_always_slow(target, ground, seed, size):
            _keep(target, ground, seed, slow, report, folder)
        else:
            report.unconfirmed += 1
    except BaseException as error:
        _keep(target, ground, seed, error, report, folder)


def _is_always_slow(target: Target, ground: Ground, seed: int, size: int) -> bool:
    """Whether the last example is too slow time and again, with pauses in which a busy neighbour may come to its end."""
    assert target.run is not None
    for _ in range(SLOW_TIMES if target.check else 1):
        time.sleep(SLOW_PAUSE_SECONDS)
        try:
            if target.check is None:
                target.run(ground, seed, size)
            else:
                target.check(ground, ground.example)
        except TooSlow:
            continue
        return False
    return True


def _keep(target: Target, ground: Ground, seed: int, error: BaseException, report: Report, folder: Path) -> None:
    story = "\n".join(getattr(error, "__notes__", ())) + "\n" + "".join(traceback.format_exception(error, limit=-12))
    problem = f"{type(error).__name__}: {error}"[:2_000]
    example = ground.example if target.name != "machine" else "\n".join(getattr(error, "__notes__", ()))
    _write(target, ground.sandbox, seed, problem, _in_words(example), story[:50_000], report, folder)


def _in_words(example: Any) -> bytes | str | list[str]:
    is_source = isinstance(example, list) and example and all(isinstance(item, str) for item in example)
    return example if is_source or isinstance(example, (bytes, str)) else shown(example)


def _write(
    target: Target, sandbox: str, seed: int, problem: str, example: bytes | str | list[str], story: str, report: Report, folder: Path
) -> None:
    find = Find(
        target=target.name, attack_class=target.attack_class, sandbox=sandbox, seed=seed, problem=problem, example=example, story=story
    )
    report.finds.append(str(find.write(folder)))
    report.told.append(str(find))


def _guided(target: Target, *, seed: int, seconds: float, examples: int, folder: Path) -> Report:
    found = guided.run(target.name, seed=seed, seconds=seconds, executions=examples or -1, corpus=CORPUS / target.name)
    report = Report(examples=found.executions, features=found.features)
    if found.problem:
        example = found.data if target.name == "decoder" else guided.text_of(found.data)
        _write(target, "", seed, found.problem, example, found.log[-20_000:], report, folder)
    return report


def main() -> None:
    """Run the slice that the arguments name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a find may raise KeyboardInterrupt; whoever started us ends us
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--sandbox", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--note", type=Path)
    parser.add_argument("--finds", type=Path, required=True)
    options = parser.parse_args()
    report = slice_of(
        TARGETS[options.target],
        options.sandbox,
        seed=options.seed,
        seconds=options.seconds,
        examples=options.examples,
        note=options.note,
        folder=options.finds,
    )
    print(json.dumps(asdict(report)), flush=True)


if __name__ == "__main__":
    main()
