"""A reply in the editor of whoever calls.

A model wrote that text, and editors obey some of what they read: vim takes settings from the first and last lines of a file, Emacs from its
first line and its last page. So lines of ours stand there.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from .terminal import one_line

MOST_BYTES = 4 * 2**20
"""Of a reply."""
GUARD_LINES = 8
"""Above and below; vim looks at five by default."""
UNCHANGED = "nothing was changed"


def edited(text: str, title: str) -> str:
    """What the editor was left with; the file is this user's alone, and gone afterwards.

    Args:
        title: what the text is, in one line.

    Raises:
        ConfigError: there is no editor, it failed, it saved nothing, or what it saved cannot be a reply.
    """
    command = _editor()
    mark = f"{'-' * 20} {secrets.token_hex(4)} {'-' * 20}"
    with tempfile.TemporaryDirectory(prefix="cellblock-reply-") as folder:
        path = Path(folder) / "reply.md"
        path.write_text(_framed(text, title, mark), encoding="utf-8", newline="")
        _run(command, path)
        saved = _framed_in(read_bounded(path), mark)
    if saved == text:
        raise ConfigError(f"the editor saved no change, so {UNCHANGED}; --ask-again asks the model anew")
    return saved


def read_bounded(path: Path | None) -> str:
    """A reply from a file; None is standard input.

    Raises:
        ConfigError: it cannot be read, is too large, or is not UTF-8.
    """
    name = "standard input" if path is None else str(path)
    try:
        if path is None:
            data = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin is not None else b""
        else:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror or error}; {UNCHANGED}") from error
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{name}: more than {MOST_BYTES:,} bytes are no reply; {UNCHANGED}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: not UTF-8; {UNCHANGED}") from None


def _editor() -> Sequence[str]:
    for name in ("VISUAL", "EDITOR"):
        value = os.environ.get(name, "").strip()
        if value:
            try:
                return shlex.split(value)
            except ValueError as error:
                raise ConfigError(f"{name}={one_line(value, 80)}: {error}; {UNCHANGED}") from None
    raise ConfigError(f"no editor is named: set EDITOR, or give --reply or --reply-file; {UNCHANGED}")


def _run(command: Sequence[str], path: Path) -> None:
    shown = one_line(command[0], 80)
    try:
        # Its screen is where standard error goes: standard output gets the answer.
        done = subprocess.run([*command, str(path)], stdout=2, check=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"editor {shown}: {reason}; set EDITOR, or give --reply or --reply-file; {UNCHANGED}") from None
    if done.returncode:
        raise ConfigError(f"editor {shown} failed with exit status {done.returncode}; {UNCHANGED}")


def _framed(text: str, title: str, mark: str) -> str:
    above = [
        title,
        "Change what stands between the two lines of dashes, save, and leave: a new run branches off with it.",
        "The lines of dashes have to stay; what is above the first and below the second does not count.",
        "Leave without saving, and nothing is changed.",
    ]
    head = above + [""] * (GUARD_LINES - len(above))
    return "\n".join([*head, mark, text, mark, "\f", *[""] * GUARD_LINES])


def _framed_in(text: str, mark: str) -> str:
    parts = text.replace("\r\n", "\n").split(f"{mark}\n")
    if len(parts) != 3:
        raise ConfigError(f"the two lines of dashes are not where they were; {UNCHANGED}")
    return parts[1].removesuffix("\n")
