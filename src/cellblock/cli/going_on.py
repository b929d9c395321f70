"""A run that was interrupted, or failed for a reason that may pass: how to go on with it, in one line."""

from __future__ import annotations

import os
import re
import shlex

from ..errors import Diverged, LeaseHeld, ModelRefused, ModelUnavailable, SandboxBroken, StoreError, TamperedSnapshot
from .board import Board
from .terminal import one_line, say

MAY_PASS = (ModelUnavailable, SandboxBroken, StoreError)
LASTING = (Diverged, LeaseHeld, TamperedSnapshot)
"""Of those, the ones that going on would meet again."""
_PASSWORD = re.compile(r"(://[^:/@]{0,200}):[^@]{0,500}@")


def tell_how(error: BaseException, board: Board, journal: str | os.PathLike[str] | None) -> None:
    """Say how to go on, if that makes sense: the run has begun, its record outlives this process, and the cause may pass."""
    place = None if journal is None else os.fspath(journal)
    if board.run_id and place != ":memory:" and may_go_on(error, board):
        say(f"go on with: {command(board.run_id, place)}")


def may_go_on(error: BaseException, board: Board) -> bool:
    """Whether going on can help, and saves anything."""
    if isinstance(error, ModelRefused):
        # A key or a quota can be mended; what was answered until then would be paid for again by a new run.
        return error.status in (401, 402, 403, 429) and board.input_tokens + board.output_tokens > 0
    return isinstance(error, KeyboardInterrupt) or (isinstance(error, MAY_PASS) and not isinstance(error, LASTING))


def command(run_id: str, place: str | None) -> str:
    """What to type. A password stays out of it: terminals and logs keep what they are shown."""
    words = ["cellblock", "resume", run_id, *(() if place is None else ("--journal", _PASSWORD.sub(r"\1:…@", place)))]
    return one_line(shlex.join(words), 1_000)
