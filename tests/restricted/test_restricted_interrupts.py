# ruff: noqa: E501 - the cells are as dense as they come
"""Limits from outside: what a cell cannot catch, and what is left afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from restricted_harness import Cells

from interpreter import INTERRUPT, INTERRUPTED, GuestError, Outcome

STUBBORN = {
    "a loop": "while True: pass",
    "a bare except": "while True:\n    try:\n        while True: pass\n    except:\n        n += 1",
    "BaseException": "while True:\n    try:\n        while True: pass\n    except BaseException:\n        n += 1",
    "a tuple of everything": "E = (Exception, BaseException)\nwhile True:\n    try:\n        while True: pass\n    except E:\n        n += 1",
    "a context manager": (
        "class C:\n    def __enter__(self): return self\n    def __exit__(self, *a):\n        global n\n        n += 1\n        return True\n"
        "with C():\n    while True: pass"
    ),
    "a generator's manager": (
        "from contextlib import contextmanager\n@contextmanager\ndef c():\n    global n\n    try:\n        yield\n    except BaseException:\n"
        "        n += 1\nwith c():\n    while True: pass"
    ),
    "a stack of managers": (
        "from contextlib import ExitStack\ndef leave(kind, error, trace):\n    global n\n    n += 1\n    return True\n"
        "with ExitStack() as s:\n    s.push(leave)\n    while True: pass"
    ),
    "a suppressing manager": "from contextlib import suppress\nwith suppress(BaseException, Exception):\n    while True: pass\nn += 1",
    "a generator": "def g():\n    global n\n    while True:\n        try:\n            yield 1\n        except BaseException:\n            n += 1\nfor x in g(): pass",
    "a callback": "def key(x):\n    while True: pass\nsorted([3, 1], key=key)",
    "a method of printing": "class R:\n    def __repr__(self):\n        while True: pass\nprint(R())",
    "the text of an exception": "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E()",
    "the value that is shown": "class R:\n    def __repr__(self):\n        while True: pass\nR()",
}  # fmt: skip


def interrupted(cells: Cells, code: str, after: float = 0.15, *, wanted: Callable[[], bool] = lambda: True) -> Outcome:
    """Run a cell, and send the host's signal after a while, and again."""
    over = threading.Event()

    def host() -> None:
        pause = after
        while not over.wait(pause):
            os.kill(os.getpid(), INTERRUPT)
            pause = 0.05

    signal.signal(INTERRUPT, cells.interpreter.interrupt)
    cells.interpreter.wanted = wanted
    thread = threading.Thread(target=host)
    thread.start()
    try:
        return cells.run(code)
    finally:
        over.set()
        thread.join()
        signal.signal(INTERRUPT, lambda *_late: None)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a generator that goes on when it is closed; a worker is silent
@pytest.mark.parametrize("what", STUBBORN)
def test_no_cell_catches_an_interrupt(what: str) -> None:
    cells = Cells()
    cells.value("n = 0; kept = [1]")
    started = time.perf_counter()
    outcome = interrupted(cells, STUBBORN[what])
    assert outcome.limit == INTERRUPTED and not outcome.lost
    assert time.perf_counter() - started < 5
    # A generator that is let go of hears of that, which is no limit.
    assert cells.value("(n, kept)") in ("(0, [1])", "(1, [1])" if "yield" in STUBBORN[what] else "")


def test_a_late_signal_is_harmless() -> None:
    cells = Cells()
    assert interrupted(cells, "x = 0\nfor i in range(3_000_000): x += 1\nx", 0.01, wanted=lambda: False).preview == "3000000"


def test_a_call_is_answered_before_the_interrupt_rises() -> None:
    answered = []

    def dispatch(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        until = time.perf_counter() + 0.4
        while time.perf_counter() < until:
            pass
        answered.append(args)
        return 1

    cells = Cells(dispatch, far=("ask",))
    outcome = interrupted(cells, "x = 0\nx = ask(5)\nx = 2", 0.1)
    assert outcome.limit == INTERRUPTED
    assert answered == [(5,)]
    assert cells.value("x") == "0"


def test_what_a_finally_clause_raises_does_not_tell_of_the_interrupt() -> None:
    cells = Cells()
    code = (
        "seen = []\ntry:\n    try:\n        while True: pass\n    finally:\n        raise ValueError('x')\n"
        "except ValueError as e:\n    seen = [e.__context__, e.__cause__]"
    )
    interrupted(cells, code)
    assert cells.value("seen") in ("[None, None]", "[]")


@pytest.mark.parametrize(
    "code", ["raise MemoryError", "def f():\n    raise MemoryError('x')\nf()", "[0] * 2**62", "'a' * 2**62", "x = bytearray(2**62)"]
)
def test_memory_that_is_not_there_is_a_limit_and_keeps_the_variables(code: str) -> None:
    cells = Cells()
    cells.value("kept = 1")
    outcome = cells.run(code)
    assert (outcome.limit, outcome.lost) == ("memory_bytes", False) or (outcome.error is not None and outcome.error[0] == "OverflowError")
    assert cells.value("kept") == "1"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise BaseException('x')", "BaseException"),
        ("class E(BaseException): pass\nraise E", "E"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("raise StopIteration", "StopIteration"),
        ("class E(Exception):\n    def __str__(self): raise SystemExit\nraise E", "E"),
        ("class E(Exception):\n    def __str__(self): return 5\nraise E", "E"),
        ("class R:\n    def __repr__(self): raise SystemExit(6)\nR()", "SystemExit"),
        ("raise 5", "TypeError"),
    ],
)
def test_whatever_a_cell_raises_is_its_error(code: str, kind: str) -> None:
    outcome = Cells().run(code)
    assert outcome.error is not None and outcome.error[0] == kind and outcome.limit is None


def test_the_text_of_an_error_is_bounded() -> None:
    outcome = Cells().run("raise ValueError('x' * 10**7)")
    assert outcome.error is not None and len(outcome.error[1]) <= 4_000


@pytest.mark.parametrize(
    ("kind", "raised"), [("ValueError", "ValueError"), ("LookupError", "LookupError"), ("Odd", "RuntimeError"), ("open", "RuntimeError")]
)
def test_an_external_raises_the_named_exception_in_the_cell(kind: str, raised: str) -> None:
    def dispatch(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise GuestError(kind, "no")

    cells = Cells(dispatch, far=("ask",))
    assert cells.value("try:\n    ask()\nexcept Exception as e:\n    r = type(e).__name__\nr") == repr(raised)


def test_what_crosses_is_plain() -> None:
    got: list[Any] = []
    cells = Cells(lambda name, args, kwargs: got.append((args, kwargs)), far=("ask",))
    cells.value("class S(str): pass\nclass L(list): pass\nask(S('a'), L([1]), (1, {'k': S('v')}), x=True)")
    assert got == [(("a", [1], [1, {"k": "v"}]), {"x": True})]
    assert type(got[0][0][0]) is str and type(got[0][0][1]) is list
    shared = cells.run("x = ['A' * 1000]\nfor _ in range(30): x = [x, x]\nask(x)")
    assert shared.error is not None and shared.error[:2] == (
        "ValueError",
        "more than 1,000,000 items; send less, or join them into one text",
    )
    for odd in ("ask", "lambda: 1", "{1}", "{1: 2}", "object()", "json", "(i for i in [])"):
        outcome = cells.run(f"ask({odd})")
        assert outcome.error is not None and outcome.error[0] == "TypeError"
