"""What the model is told of what happened: outputs of cells, errors, refusals. All of it bounded."""

from __future__ import annotations

from ..repl.protocol import ExecError, ExecResult

OBSERVATION_CHARS = 10_000
"""Of one cell's output in the prompt; the session's own `output_chars` has clipped it before."""
ERROR_CHARS = 2_000
CHANGED_NAMES = 30


def refusal(reason: str) -> str:
    """A guard's refusal as the model reads it."""
    return "Refused: " + reason


def observation(number: int, result: ExecResult) -> str:
    """What the model sees of one cell.

    Args:
        number: of the cell in the run, from 1.
    """
    return f"Output of cell {number}:\n" + "\n".join(_observed(result))


def _observed(result: ExecResult) -> list[str]:
    lines = [clip(result.stdout, OBSERVATION_CHARS).rstrip("\n")] if result.stdout else []
    if result.stdout_dropped:
        lines.append(f"[{result.stdout_dropped} characters of output were dropped]")
    if result.value_preview is not None:
        lines.append("Value: " + clip(result.value_preview, ERROR_CHARS))
    if result.error is not None:
        lines.extend(_error_lines(result.error, result.state == "rolled_back"))
    elif not lines:
        lines.append(_silent(result.changed))
    return lines


def _silent(changed: tuple[str, ...]) -> str:
    if not changed:
        return "(no output, no variable changed)"
    left = len(changed) - CHANGED_NAMES
    return "(no output) Changed variables: " + ", ".join(changed[:CHANGED_NAMES]) + (f" and {left} more" if left > 0 else "")


def _error_lines(error: ExecError, rolled_back: bool) -> list[str]:
    lines = ["Error: " + error_text(error)]
    if error.limit is not None:
        lines.append("The cell was stopped by its limit " + error.limit + ".")
    lines.append(
        "The variables are as they were before this cell; files are as it left them."
        if rolled_back
        else "What the cell did before that is kept."
    )
    return lines


def error_text(error: ExecError) -> str:
    """`Kind: message (line n)`, bounded."""
    where = "" if error.line is None else f" (line {error.line})"
    return one_line(error.kind[:100]) + ": " + clip(error.message, ERROR_CHARS) + where


def clip(text: str, limit: int) -> str:
    """Head and tail of a text that is longer than `limit` characters, saying how much was left out."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    return text[:head] + f"\n[... {len(text) - head - tail} characters left out ...]\n" + text[len(text) - tail :]


def one_line(text: str) -> str:
    """The start of a text, without line breaks."""
    return " ".join(text[:200].split())
