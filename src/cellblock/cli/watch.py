"""Follow a run's events: a live view on a terminal, plain lines elsewhere, cells for `-v`, a trace in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import msgspec

from ..errors import ConfigError
from ..events import AnyEvent, CellEnded, CellStarted, RunStarted, to_jsonl
from .board import Board, cell_name, describe, fold
from .terminal import clip, console, is_terminal, one_line, safe, say

if TYPE_CHECKING:
    from rich.console import Console

TICK_SECONDS = 5.0
"""At most one plain line about sub-calls in this time."""
CODE_CHARS = 20_000
"""Of one cell's code or output under `-v`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Show:
    """What the caller wants to see."""

    json: bool = False
    trace: Path | None = None
    verbose: bool = False
    quiet: bool = False
    recorded: bool = True
    """Whether the run is in a journal that outlives it."""


class Sink(Protocol):
    """Sees each event after it was folded into the board."""

    def see(self, event: AnyEvent, board: Board) -> None:
        """Show or store `event`; `board` holds it already."""
        ...


class Watcher:
    """The board of one run and everything that shows it."""

    __slots__ = ("board", "sinks", "trace")

    def __init__(self, board: Board) -> None:
        self.board = board
        self.sinks: list[Sink] = []
        self.trace: TraceFile | None = None

    def see(self, event: AnyEvent) -> None:
        """Fold and show one event."""
        self.board = fold(self.board, event)
        for sink in self.sinks:
            sink.see(event, self.board)

    def check_trace(self) -> None:
        """Complain about a trace that is not whole.

        Raises:
            OSError: the trace could not be written to its end.
        """
        if self.trace is not None and self.trace.failed is not None:
            error = self.trace.failed
            raise OSError(error.errno, f"the trace is incomplete: {error.strerror}", str(self.trace.path))


@contextmanager
def watching(show: Show, *, max_steps: int) -> Iterator[Watcher]:
    """A watcher with the sinks that `show` asks for; the terminal is as before when it ends.

    Raises:
        ConfigError: the trace's file cannot be opened.
    """
    watcher = Watcher(Board(max_steps=max_steps, names_run=show.recorded))
    with ExitStack() as stack:
        if show.trace is not None:
            watcher.trace = stack.enter_context(tracing(show.trace))
            watcher.sinks.append(watcher.trace)
        screen = console(sys.stderr)
        if is_terminal(sys.stderr) and not show.quiet:
            screen = stack.enter_context(_live(watcher))
        elif not show.quiet:
            watcher.sinks.append(PlainLines(with_cells=not show.verbose))
        if show.verbose:
            watcher.sinks.append(Cells(screen))
        yield watcher


@contextmanager
def _live(watcher: Watcher) -> Iterator[Console]:
    from rich.live import Live

    from .view import panel, total

    screen = console(sys.stderr)
    # It redraws by itself, so that the clock runs while a model thinks; the board is frozen, so no lock is needed.
    with Live(console=screen, transient=True, refresh_per_second=8, get_renderable=lambda: panel(watcher.board, time.time())):
        yield screen
    if watcher.board.ended is not None and watcher.board.started_at is not None:
        say(total(watcher.board))


class PlainLines:
    """Occasional lines on standard error, for logs and pipes."""

    __slots__ = ("last", "with_cells")

    def __init__(self, *, with_cells: bool) -> None:
        self.last, self.with_cells = 0.0, with_cells

    def see(self, event: AnyEvent, board: Board) -> None:
        """Say what happened, and now and then how far the sub-calls are."""
        line = self._line(event, board)
        if line is not None:
            say(line)

    def _line(self, event: AnyEvent, board: Board) -> str | None:
        from .view import opening, plain, progress, total

        if event.depth == 0 and isinstance(event, RunStarted):
            return opening(board)
        if board.ended is event:
            # A run that never started has its reason told elsewhere, and nothing to add up.
            return total(board) if board.started_at is not None else None
        row = describe(board, event)
        if row is None:
            return progress(board, event.at) if self._is_time(event.at, board) else None
        return plain(row) if self.with_cells or not isinstance(event, CellEnded) else None

    def _is_time(self, now: float, board: Board) -> bool:
        if not board.in_flight or now - max(self.last, board.started_at or 0.0) < TICK_SECONDS:
            return False
        self.last = now
        return True


class Cells:
    """Each cell's code before it runs, and its output after."""

    __slots__ = ("screen",)

    def __init__(self, screen: Console) -> None:
        self.screen = screen

    def see(self, event: AnyEvent, board: Board) -> None:
        """Print the code or the output, as text and never as markup."""
        if isinstance(event, CellStarted):
            self._block(f"cell {_where(event)}", event.code, "cyan", event.depth)
        elif isinstance(event, CellEnded):
            output = event.stdout if event.value_preview is None else f"{event.stdout}{event.value_preview}\n"
            if output:
                self._block(f"output of cell {_where(event)}", output, "dim", event.depth)
            if event.error is not None:
                self._block(f"error in cell {_where(event)}", event.error, "red", event.depth)

    def _block(self, title: str, text: str, style: str, depth: int) -> None:
        from rich.text import Text

        margin = "  " * depth
        lines = safe(clip(text, CODE_CHARS)).rstrip("\n").split("\n")
        block = Text(f"{margin}── {title}\n", style=style)
        for line in lines:
            block.append(f"{margin}│ ", style=style).append(line + "\n", style="default not dim")
        self.screen.print(block, end="", soft_wrap=True)


def _where(event: CellStarted | CellEnded) -> str:
    """The cell's name, and which child run it belongs to: several of them may take turns."""
    return cell_name(event) if event.depth == 0 else f"{cell_name(event)} of {one_line(event.run_id, 60)}"


class TraceFile:
    """The run's events in a file, a line each, flushed one by one."""

    __slots__ = ("failed", "file", "path")

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.failed: OSError | None = None

    def see(self, event: AnyEvent, board: Board) -> None:
        """Append `event`. After a failure nothing more is written: the run has been paid for and goes on."""
        if self.failed is None:
            try:
                self.file.write(_line(event))
                self.file.flush()
            except OSError as error:
                self.failed = error


@contextmanager
def tracing(path: Path) -> Iterator[TraceFile]:
    """A trace in `path`; an older one there is replaced."""
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(f"--trace {path}: {error.strerror}") from error
    trace = TraceFile(path, file)
    try:
        yield trace
    finally:
        try:
            file.close()
        except OSError as error:
            trace.failed = trace.failed or error


def _line(event: AnyEvent) -> bytes:
    try:
        return to_jsonl(event)
    except UnicodeEncodeError:
        # A model can send half of a surrogate pair, which UTF-8 cannot say.
        texts = {name: text for name in event.__struct_fields__ if isinstance(text := getattr(event, name), str)}
        whole = {name: text.encode("utf-8", "replace").decode() for name, text in texts.items()}
        return to_jsonl(msgspec.structs.replace(event, **whole))
