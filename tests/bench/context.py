"""How fast a large context is loaded, attached, searched and sliced. Run it by hand: `python tests/bench/context.py [bytes]`.

Every figure stands beside a floor that was measured in the same run: a plain copy, or the same search by `bytes.find` or `re`
over bytes that are already in this process. Trust the ratios.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandboxes"))

from cellblock.host.context import Context
from near import NearContext

T = TypeVar("T")
LINES = {
    "ascii": "2024-05-01 10:22:31 host-17 the quick brown fox served 12345 requests while the lazy dog slept; eager elephants eat\n",
    "latin": "Le café crème brûlée a été servi à onze invités près de la fenêtre, où l'été s'achève déjà.\n",
    "cyrillic": "Быстрая рыжая лиса обслужила 12345 запросов, пока ленивая собака спала; 漢字 и смайлик 😀 тут.\n",
}
SEARCHES = {"absent word": "zebra-crossing", "absent, common letters": "eeaatt", "absent, two": "\x01\x02", "absent, one": "\x01"}
REGEX = r"zebra-\d+"


def timed(function: Callable[[], T], repeats: int = 1) -> tuple[float, T]:
    """Best of `repeats` in seconds, and what the last one gave."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def report(what: str, figure: float, unit: str, floor: str = "") -> None:
    print(f"  {what:44} {figure:10.3f} {unit:8} {floor}")


def per_call(function: Callable[[int], object], positions: range) -> float:
    """Median of single calls in microseconds."""
    times = []
    for position in positions:
        start = time.perf_counter()
        function(position)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e6


def load(path: Path, gigabytes: float) -> Context:
    plain, _ = timed(path.read_bytes, 2)
    before = private_bytes()
    seconds, context = timed(lambda: Context.from_paths([path]), 3)
    report("load from a file", seconds / gigabytes, "s/GB", f"read_bytes alone: {plain / gigabytes:.2f}")
    report("private memory that it left behind", (private_bytes() - before) / 2**20, "MiB")
    seconds, _ = timed(lambda: context.sha256)
    report("sha256", seconds / gigabytes, "s/GB")
    return context


def private_bytes() -> int:
    """Anonymous memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def searches(near: NearContext, data: bytes, gigabytes: float) -> None:
    report("first pass over a fresh mapping", gigabytes / timed(lambda: near.ctx.find("\x02"))[0], "GB/s")
    for name, pattern in SEARCHES.items():
        raw = pattern.encode()
        floor, _ = timed(lambda raw=raw: data.find(raw), 2)
        seconds, _ = timed(lambda wanted=pattern: near.ctx.find(wanted), 2)
        report(f"find, {name}", gigabytes / seconds, "GB/s", f"bytes.find: {gigabytes / floor:.2f}")
    seconds, _ = timed(lambda: near.ctx.find("zebra-crossing", case_sensitive=False))
    report("find in any case, ASCII letters", gigabytes / seconds, "GB/s")
    seconds, _ = timed(lambda: near.ctx.find("жираф", case_sensitive=False))
    report("find in any case, other letters", gigabytes / seconds, "GB/s")
    seconds, _ = timed(lambda: near.ctx.find(REGEX, regex=True))
    report("find by regex", gigabytes / seconds, "GB/s")
    seconds, _ = timed(lambda: near.whole.count("e"))
    report("count a frequent letter", gigabytes / seconds, "GB/s")
    seconds, _ = timed(lambda: near.ctx.search("zebra crossing requests"))
    report("search three words", seconds / gigabytes, "s/GB")
    seconds, _ = timed(lambda: near.ctx.lines(10**9))
    report("count all lines", gigabytes / seconds, "GB/s")


def calls(near: NearContext) -> None:
    places = range(1, near.ctx.len_chars() - 3_000, near.ctx.len_chars() // 997)
    report("slice of 100 characters", per_call(lambda at: near.ctx.slice(at, at + 100), places), "µs")
    report("slice of 2,000 characters", per_call(lambda at: near.ctx.slice(at, at + 2_000), places), "µs")
    report("P[i]", per_call(lambda at: near.whole.item(at), places), "µs")
    report("peek()", per_call(lambda _: near.peek(), places), "µs")
    report("tail()", per_call(lambda _: near.tail(), places), "µs")


def main(size: int) -> None:
    """Measure each kind of text at `size` bytes."""
    for kind, line in LINES.items():
        raw = line.encode()
        data = raw * (size // len(raw))
        gigabytes = len(data) / 1e9
        print(f"{kind}, {gigabytes:.2f} GB, Python {sys.version.split()[0]}")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "context.txt"
            path.write_bytes(data)
            os.sync()  # or writing it back would be measured as loading
            context = load(path, gigabytes)
        report("attach", timed(lambda fd=context.fd: NearContext(fd).close(), 20)[0] * 1e6, "µs")
        near = NearContext(context.fd)
        context.close()
        searches(near, data, gigabytes)
        calls(near)
        near.close()


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 2**28)
