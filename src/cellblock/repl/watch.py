"""Looks now and then at the workers that nobody has asked anything, and kills the one that works all the same.

A cell's clocks run while the host waits for it. A broken worker could say that it is done and go on, so the time in between is
watched too, coarsely: what an honest worker does then is a few milliseconds.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import Protocol

from ..in_thread import begin_thread

LOOK_SECONDS = 0.25
IDLE_CPU_SECONDS = 0.25
"""Of processor time between two requests; more is not honest."""


class Watched(Protocol):
    """A process that knows whether it is asked something now."""

    def end_if_it_works_unasked(self, allowed_seconds: float) -> None:
        """Kill it if it used more processor time than that since it was last asked. Called from another thread."""
        ...


_watched: weakref.WeakSet[Watched] = weakref.WeakSet()
_lock = threading.Lock()
_running = False


def watch(process: Watched) -> None:
    """Look at it from now on, for as long as it is alive."""
    global _running
    with _lock:
        _watched.add(process)
        if not _running:
            _running = True
            begin_thread(_look)


def _look() -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        _look_once()


def _look_once() -> None:
    # A function of its own, so that nothing here keeps a process alive that everybody else has let go of.
    with _lock:
        now = list(_watched)
    for process in now:
        process.end_if_it_works_unasked(IDLE_CPU_SECONDS)


def _forget() -> None:
    # A forked copy of this process has no such thread, and these are not its workers.
    global _running, _lock
    _running, _lock = False, threading.Lock()
    _watched.clear()


os.register_at_fork(after_in_child=_forget)
