"""Where the questions of a chat come from: a terminal, line by line with editing, or a pipe with one question a line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from ..errors import ConfigError
from .terminal import is_terminal, one_line, say

NAME_CHARS = 40
"""Of a thread's name in the prompt."""
OLD_LINES = 200
"""Earlier questions that the arrow keys bring back."""


def is_interactive() -> bool:
    """Whether somebody types the questions."""
    return sys.stdin is not None and sys.stdin.isatty()


def piped(stream: TextIO | None) -> Iterator[str]:
    """The lines that are not blank, each as soon as it is there.

    Raises:
        ConfigError: there is no standard input, or a line is not UTF-8.
    """
    if stream is None:
        raise ConfigError("standard input is closed, so there are no questions")
    for number, line in enumerate(stream.buffer, 1):
        try:
            question = line.decode().strip()
        except UnicodeDecodeError:
            raise ConfigError(f"line {number} of standard input is not UTF-8") from None
        if question:
            yield question


class Prompt:
    """Asks for lines on a terminal.

    Args:
        name: of the thread; None where the conversation is not kept.
        earlier: lines that the arrow keys bring back.
    """

    def __init__(self, name: str | None, earlier: Sequence[str] = ()) -> None:
        self._text = f"{one_line(name, NAME_CHARS)}> " if name is not None else "> "
        # Line editing belongs to the terminal that is written to: into a pipe it would put the prompt.
        self._edits = is_terminal(sys.stdin) and is_terminal(sys.stdout)
        if self._edits:
            _prepare_editing(earlier)

    def line(self) -> str | None:
        """The next line; None where there will be no more.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        try:
            if self._edits:
                return input(self._text)
            print(self._text, end="", file=sys.stderr, flush=True)  # noqa: T201 - the command line's own voice
            line = sys.stdin.readline()
        except EOFError:
            line = ""
        except UnicodeDecodeError:
            say("that line was not UTF-8")
            return ""
        if not line:
            say("")
        return line or None


def _prepare_editing(earlier: Sequence[str]) -> None:
    # Some builds of Python have none: `input` does without.
    with contextlib.suppress(ImportError):
        import readline

        readline.clear_history()
        for line in earlier[-OLD_LINES:]:
            readline.add_history(one_line(line, 10_000))
        # A tab is a tab: the names to complete would be those of this process's Python.
        readline.parse_and_bind("tab: tab-insert")
