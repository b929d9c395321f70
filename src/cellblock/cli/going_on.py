"""A run that was interrupted, or failed for a reason that may pass: how to go on with it, in one line."""

from __future__ import annotations

import os
import shlex
from urllib.parse import unquote

from ..errors import Diverged, LeaseHeld, ModelRefused, ModelUnavailable, SandboxBroken, StoreError, TamperedSnapshot
from .board import Board
from .terminal import one_line, say

MAY_PASS = (ModelUnavailable, SandboxBroken, StoreError)
LASTING = (Diverged, LeaseHeld, TamperedSnapshot)
"""Of those, the ones that going on would meet again."""


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
    words = ["cellblock", "resume", run_id, *(() if place is None else ("--journal", without_password(place)))]
    return one_line(shlex.join(words), 1_000)


def without_password(place: str) -> str:
    """An address without what is secret in it: after the user's name, and among the parameters. A path as it is."""
    kind, is_address, rest = place.partition("://")
    if not is_address:
        return place
    rest, asked, parameters = rest.partition("?")
    # To the last @: a password that was not escaped may hold others, and slashes.
    user, at, host = rest.rpartition("@")
    name, has_password, _ = user.partition(":")
    shown = [
        word if "password" not in unquote(word.partition("=")[0]).lower() else f"{word.partition('=')[0]}=…"
        for word in parameters.split("&")
    ]
    return f"{kind}://{name}{':…' if has_password else ''}{at}{host}{asked}{'&'.join(shown)}"
