"""The public strategies: what they make is what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from pure import GOOD

import cellblock.testing as public
from cellblock.repl.wire import Incoming
from cellblock.values import plain

QUICK = settings(max_examples=2_000, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
CELLS = public.cells(names=("mine",), externals=("ask",))


def is_python(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def crosses(value: Any) -> bool:
    try:
        plain(value)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        (CELLS, lambda cell: "ask(" in cell and is_python(cell)),
        (CELLS, lambda cell: "mine" in cell and "\n    " in cell and is_python(cell)),
        (CELLS, lambda cell: "__class__" in cell and is_python(cell)),
        (CELLS, lambda cell: not is_python(cell)),
        (public.frames(), lambda data: len(data) > 1_000),
        (public.values(), lambda value: isinstance(value, dict) and bool(value)),
        (public.hostile_values(), lambda value: not crosses(value)),
        (public.hostile_values(), lambda value: crosses(value) and isinstance(value, tuple)),
        (public.paths(), lambda path: ".." in path.split("/")),
        (public.paths(), lambda path: len(path) > 200),
        (public.replies(), lambda reply: "```repl" in reply and "FINAL(" in reply),
        (public.replies(), lambda reply: reply.startswith("{") and "final_answer" in reply),
        (public.replies(), lambda reply: len(reply) > 2_000),
        (public.snapshots(GOOD), lambda data: len(data) == len(GOOD)),
        (public.damaged(b"good"), lambda data: len(data) > 4),
    ],
)
def test_a_strategy_comes_to_what_it_is_for(strategy: st.SearchStrategy[Any], wanted: Callable[[Any], bool]) -> None:
    find(strategy, wanted, settings=QUICK)


@pytest.mark.parametrize(("strategy", "never"), [(public.snapshots(GOOD), GOOD), (public.damaged(b"good"), b"good")])
def test_damage_changes_something(strategy: st.SearchStrategy[bytes], never: bytes) -> None:
    with pytest.raises(Exception, match="No examples found"):
        find(strategy, lambda data: data == never, settings=settings(QUICK, max_examples=200))


def test_ordinary_cells_are_python() -> None:
    with pytest.raises(Exception, match="No examples found"):
        find(public.cells(hostile=False), lambda cell: not is_python(cell), settings=settings(QUICK, max_examples=300))


def test_good_frames_decode() -> None:
    decoder = msgspec.msgpack.Decoder(Incoming)

    @settings(QUICK, max_examples=200)
    @given(public.good_frames())
    def decoded(data: bytes) -> None:
        decoder.decode(data)

    decoded()


def test_public_names_are_sorted_and_documented() -> None:
    names = public.__all__
    assert names == sorted(names)
    assert not [name for name in names if not getattr(public, name).__doc__]


def test_without_hypothesis_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import cellblock.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        'ImportError: cellblock.testing needs Hypothesis; run: pip install "cellblock[testing]"'
    )
