"""An answer for the eye: pipe tables are drawn as tables, all the rest is shown as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

MOST_COLUMNS, MOST_ROWS = 12, 200
"""A larger table is shown as it stands: it would not be read anyway."""


def drawn(text: str) -> RenderableType:
    """`text`, which is safe already, with its pipe tables drawn.

    Not a Markdown renderer: that would parse a model's text with all that a parser can get wrong, and follow its links.
    """
    return Group(*_parts(text.split("\n")))


def _parts(lines: Sequence[str]) -> Iterator[RenderableType]:
    plain: list[str] = []
    at = 0
    while at < len(lines):
        end = _table_end(lines, at)
        if end == at:
            plain.append(lines[at])
            at += 1
            continue
        if plain:
            yield Text("\n".join(plain))
        yield _table(lines[at:end])
        plain, at = [], end
    if plain:
        yield Text("\n".join(plain))


def _table_end(lines: Sequence[str], at: int) -> int:
    """Where the table that begins at `at` ends; `at` if none begins there."""
    if not _is_row(lines[at]) or at + 1 >= len(lines) or not _is_rule(lines[at + 1]):
        return at
    end = at + 2
    while end < len(lines) and _is_row(lines[end]):
        end += 1
    fits = end - at - 2 <= MOST_ROWS and len(_cells(lines[at])) <= MOST_COLUMNS
    return end if fits else at


def _is_row(line: str) -> bool:
    return len(line) > 1 and line.startswith("|") and line.rstrip().endswith("|")


def _is_rule(line: str) -> bool:
    return _is_row(line) and "-" in line and not line.strip("|-: ")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _table(lines: Sequence[str]) -> Table:
    grid = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    head = _cells(lines[0])
    for number, name in enumerate(head):
        grid.add_column(Text(name), no_wrap=number == 0, overflow="ellipsis" if number == 0 else "fold")
    for line in lines[2:]:
        cells = [Text(cell) for cell in _cells(line)[: len(head)]]
        grid.add_row(*cells)
    return grid
