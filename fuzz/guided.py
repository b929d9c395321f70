"""Fuzzing that coverage guides: bytes are changed for as long as that reaches new lines of the decoder or of the parser.

    python fuzz/guided.py decoder --seconds 60 --corpus FOLDER --artifacts FOLDER

is what `run.py` starts. It needs atheris, which has wheels for Linux on x86-64 alone: `uv sync --inexact --group fuzz`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ground import Ground  # it imports what is to be instrumented

INSTALL = "atheris is not here: {} are left out; to have them: .venv/bin/uv sync --inexact --group fuzz (Linux on x86-64)"
LARGEST = 4_096
SEEDS = 150
_AT_MOST_SECONDS = 20.0
_FEATURES = re.compile(r"ft: (\d+)")
_UNITS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_RAISED = re.compile(r"=== Uncaught Python exception: ===\n(.*)")


def is_here() -> bool:
    """Whether coverage can guide anything on this machine."""
    return importlib.util.find_spec("atheris") is not None


def check(target: str, ground: Ground) -> Callable[[bytes], None]:
    """What is done with the bytes. Raises where it finds something."""
    import pure

    if target == "decoder":
        return lambda data: pure.check_frame(ground, data)
    return lambda data: pure.check_reply(ground, text_of(data))


def text_of(data: bytes) -> str:
    """A reply from bytes: the first says how often the rest is repeated, so that what is not linear is seen."""
    times = 1 + (data[0] % 64 if data[:1] >= b"\x80" else 0) if data else 1
    return data[1:].decode("utf-8", "surrogateescape") * times


def seeds(target: str, seed: int) -> list[bytes]:
    """Examples to begin with, from the strategies."""
    import hypothesis
    import pure
    from hypothesis import given
    from targets import how

    found: list[bytes] = []

    @hypothesis.seed(seed)
    @how(SEEDS)
    @given(pure.STRATEGIES["frames" if target == "decoder" else "replies"])
    def collect(example: bytes | str) -> None:
        data = example if isinstance(example, bytes) else b"\0" + example.encode("utf-8", "replace")
        if len(data) <= LARGEST:
            found.append(data)

    collect()
    return found


@dataclass
class Guided:
    """What one run of it came to."""

    executions: int = 0
    features: int = 0
    problem: str = ""
    data: bytes = b""
    log: str = field(default="", repr=False)


def run(target: str, *, seed: int, seconds: float, executions: int, corpus: Path) -> Guided:
    """Fuzz in a process of its own. Ends at the first find, which it makes smaller."""
    corpus.mkdir(parents=True, exist_ok=True)
    for data in seeds(target, seed):
        (corpus / sha256(data).hexdigest()[:20]).write_bytes(data)
    with tempfile.TemporaryDirectory(prefix="cellblock-fuzz-") as folder:
        command = [sys.executable, str(Path(__file__)), target, "--seed", str(seed), "--seconds", str(max(1, int(seconds)))]
        command += ["--executions", str(executions), "--corpus", str(corpus), "--artifacts", folder]
        done = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, check=False)
        found = _read(done.stderr.decode("utf-8", "replace"))
        artifacts = sorted(Path(folder).iterdir())
        if artifacts:
            found.data = artifacts[0].read_bytes()
    if done.returncode != 0:
        raised = _RAISED.search(found.log)
        found.problem = raised[1] if raised else f"exit status {done.returncode}: {found.log.strip().splitlines()[-1:]}"
        if raised and found.data:
            from ground import Ground

            with Ground() as ground:
                found.data = smaller(check(target, ground), found.data)
    return found


def _read(log: str) -> Guided:
    features, units = _FEATURES.findall(log), _UNITS.findall(log)
    return Guided(executions=int(units[-1]) if units else 0, features=int(features[-1]) if features else 0, log=log)


def smaller(test: Callable[[bytes], None], data: bytes) -> bytes:
    """The smallest part of the bytes, found by leaving out piece after piece, that raises the same kind of error."""
    kind = _raised(test, data)
    if kind is None:
        return data
    size = len(data) // 2
    while size:
        for start in range(0, len(data), size):
            less = data[:start] + data[start + size :]
            if _raised(test, less) is kind:
                data = less
                break
        else:
            size //= 2
    return data


def _raised(test: Callable[[bytes], None], data: bytes) -> type[BaseException] | None:
    try:
        test(data)
    except BaseException as error:
        return type(error)
    return None


def main() -> None:
    """Fuzz in this process, until libFuzzer ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=["decoder", "parser"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--executions", type=int, default=-1)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--artifacts", type=Path, required=True)
    options = parser.parse_args()
    import atheris

    with _instrumented(atheris):
        from ground import Ground

        test = check(options.target, Ground())
    arguments = [f"-max_total_time={options.seconds}", f"-runs={options.executions}", f"-seed={options.seed + 1}", f"-max_len={LARGEST}"]
    arguments += [
        f"-artifact_prefix={options.artifacts}/",
        "-print_final_stats=1",
        "-timeout=20",
        "-rss_limit_mb=3000",
        str(options.corpus),
    ]
    atheris.Setup([sys.argv[0], *arguments], test)
    atheris.Fuzz()


@contextlib.contextmanager
def _instrumented(atheris: object) -> Iterator[None]:
    # Only what reads the bytes: coverage of all that is imported would be noise, and slow.
    with atheris.instrument_imports(include=["cellblock.engine", "cellblock.repl.wire", "cellblock.values"]):  # type: ignore[attr-defined]
        yield


if __name__ == "__main__":
    main()
