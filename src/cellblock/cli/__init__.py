"""The command line. Everything heavy loads inside the commands, so that `cellblock --help` is fast."""

from __future__ import annotations

import signal
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 answered, 1 the run failed, 2 the call is wrong, 130 Ctrl-C.

    Args:
        argv: the words after `cellblock`; None takes the process's own.
    """
    try:
        # Imported here, since Ctrl-C during the import must be as quiet as any other.
        from .entry import execute

        code = execute(argv)
    except KeyboardInterrupt:
        code = 130
    if code == 130 and argv is None:
        # Whoever presses it twice is waiting for the end already; within what Python does at its end, the second one would be a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code
