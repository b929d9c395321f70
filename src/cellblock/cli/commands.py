"""What can be typed in a chat beside questions."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .terminal import one_line, safe, say

if TYPE_CHECKING:
    from .talk import Talk

HELP = """/add PATH…   read more documents: files, folders, globs
/files       the documents so far
/history     the questions and answers so far
/vars        the variables that the cells left
/help        this
/quit        leave; so does Ctrl-D
Everything else is a question. One that begins with / is asked with a blank before it."""
LISTED = 100
"""Documents that are listed one by one."""
ANSWER_CHARS = 2_000
"""Of an earlier answer, and of a question."""

Add = Callable[["Talk", Sequence[str]], None]


def perform(talk: Talk, line: str, add: Add) -> bool:
    """Perform one command; False where it was to leave.

    Args:
        add: reads paths into the chat.

    Raises:
        CellblockError: it could not be performed.
    """
    word, _, rest = line.partition(" ")
    match word:
        case "/quit" | "/exit" | "/q":
            return False
        case "/help" | "/?":
            say(HELP)
        case "/add":
            add(talk, _paths(rest))
        case "/files":
            say(_files(talk.chat.documents()))
        case "/history":
            say(_history(talk.chat.turns()))
        case "/vars":
            say(safe(talk.variables()))
        case _:
            raise ConfigError(f"there is no command {one_line(word, 40)}; /help lists them")
    return True


def _paths(text: str) -> list[str]:
    try:
        paths = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"/add: {error}") from None
    if not paths:
        raise ConfigError("/add PATH: a file, a folder or a glob is needed")
    if "-" in paths:
        raise ConfigError("/add -: standard input has the questions; cellblock upload --thread NAME - takes it")
    return paths


def _files(documents: Sequence[tuple[str, int]]) -> str:
    lines = [f"{chars:>14,}  {one_line(name, 120) or '(no name)'}" for name, chars in documents[:LISTED]]
    if len(documents) > LISTED:
        lines.append(f"and {len(documents) - LISTED:,} more")
    return "\n".join(lines) if lines else "no document yet; /add PATH reads some"


def _history(turns: Sequence[tuple[str, str]]) -> str:
    from .terminal import clip

    lines = [f"> {safe(clip(question, ANSWER_CHARS))}\n{safe(clip(answer, ANSWER_CHARS))}\n" for question, answer in turns]
    return "\n".join(lines).rstrip() if lines else "no question yet"
