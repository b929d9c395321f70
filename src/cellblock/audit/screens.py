"""What the command line shows of a hostile run: the real commands, on a pipe and on a terminal, and whether it is fit to be looked at."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWING_SECONDS = 60.0
_STYLE = re.compile(r"\x1b\[(?:[0-9]|2[1-9]|3[0-79])?(?:;(?:[0-9]|2[1-9]|3[0-79]))*m")
"""What our own styles need: bold, dim, italic, underlined, the eight colours, and their end. No 256 colours, no background."""
_LIVE = re.compile(r"\x1b\[\?25[lh]|\x1b\[1A|\x1b\[2K|\r(?!\n)")
"""How a live view draws itself anew: hides and shows the cursor, goes up a line, clears it, goes to its start."""
_LINE_END = re.compile(r"\r+\n")
_JOINED = frozenset({"\n", "\t"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Screen:
    """What one command showed."""

    command: str
    terminal: bool
    stdout: str
    stderr: str
    """Empty on a terminal, where both are one."""
    code: int

    @property
    def name(self) -> str:
        """For a report."""
        return f"{'terminal' if self.terminal else 'pipe'}: cellblock {self.command}"


def commands_for(run_id: str, thread: str | None) -> list[list[str]]:
    """Every command that shows something of a run or a thread."""
    found = [
        ["runs", "--all"],
        ["runs", "--json"],
        ["runs", "show", run_id],
        ["runs", "show", run_id, "--json"],
        ["files", run_id],
        ["files", run_id, "--json"],
        ["replay", run_id, "--list"],
        ["replay", run_id, "-v"],
        ["export-sft", run_id, "--with-failed"],
        ["store", "check"],
    ]
    if thread is not None:
        found += [["threads", "list"], ["threads", "show", thread], ["threads", "show", thread, "--json"], ["threads", "export", thread]]
    return found


class Screens:
    """The command line in a process of its own, started when it is first needed. For one caller at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def shown(self, journal: Path, commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> list[Screen]:
        """Run the commands over a journal, on a pipe and on a terminal; what is JSON on a pipe alone. Blocks.

        Raises:
            TimeoutError: they do not come to an end.
            RuntimeError: their process died.
        """
        words = [[*command, "--journal", str(journal)] for command in commands]
        wanted = [(line, terminal) for line in words for terminal in (False, True) if not (terminal and "--json" in line)]
        request = json.dumps({"commands": wanted, "environment": dict(environment)})
        return [Screen(**row) for row in json.loads(self._answer(request.encode() + b"\n"))]

    def _answer(self, request: bytes) -> bytes:
        process = self._process = self._process or self._started()
        assert process.stdin is not None and process.stdout is not None
        ends, answer = time.monotonic() + SHOWING_SECONDS, b""
        try:
            process.stdin.write(request)
            process.stdin.flush()
            while not answer.endswith(b"\n"):
                if not select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))[0]:
                    raise TimeoutError(f"the command line did not end within {SHOWING_SECONDS:g} s")
                if not (more := os.read(process.stdout.fileno(), 1 << 20)):
                    raise RuntimeError(f"the process of the command line ended with {process.wait()}")
                answer += more
        except BaseException:
            self.close()
            raise
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "cellblock.audit.showing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
        )

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def faults_of(screen: Screen) -> Iterator[str]:
    """What must not be on it: control and invisible characters, sequences and errors that are not ours, JSON that is none."""
    for where, text in (("", screen.stdout), (" (standard error)", screen.stderr)):
        for sign in unfit(text, terminal=screen.terminal, live=screen.command.startswith("replay")):
            yield f"{screen.name}{where} shows {sign}"
        if "cellblock: unexpected " in text:
            yield f"{screen.name}{where} ended with an error that is not ours: {text[-300:]!r}"
    if "--json" in screen.command and screen.code == 0 and (why := not_json(screen.stdout)) is not None:
        yield f"{screen.name} is no JSON: {why}"


def unfit(text: str, *, terminal: bool, live: bool = False) -> list[str]:
    """Characters that act on a terminal or hide, and are not our own styling.

    Args:
        terminal: our colours may be there.
        live: our live view may be, too.
    """
    if terminal:
        text = _STYLE.sub("", _LINE_END.sub("\n", text))
    if terminal and live:
        text = _LIVE.sub("", text)
    return strange(text)


def strange(text: str) -> list[str]:
    """Which characters of a text act or hide, newlines and tabs aside."""
    return sorted(f"U+{ord(char):04X}" for char in set(text) - _JOINED if acts(char))


def acts(char: str) -> bool:
    """Whether a character is a control, is invisible, or changes the direction of what is read."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def not_json(text: str) -> str | None:
    """Why a text is not JSON of the strict kind, without NaN and without halves of characters; None if it is."""
    try:
        json.dumps(json.loads(text, parse_constant=_no_constant), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # an UnicodeEncodeError is one
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")
