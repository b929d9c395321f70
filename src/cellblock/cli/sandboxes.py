"""`cellblock sandboxes`: what can run here, and which walls stand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from . import options as o
from .terminal import console, one_line, to_json, write

if TYPE_CHECKING:
    from rich.table import Table

    from ..repl.registry import SandboxInfo

EPILOG = """
**Examples**

cellblock sandboxes

cellblock sandboxes --json | jq '.sandboxes[].layers'
"""


def sandboxes(json: o.Json = False, verbose: o.Verbose = False) -> None:
    """List the sandboxes: version, usable or why not, and each layer as it really is on this machine."""
    found = known_to_this_machine()
    if json:
        write(to_json({"sandboxes": [asdict(info) for info in found]}))
    elif sys.stdout is not None and sys.stdout.isatty():
        console(sys.stdout).print(table(found))
    else:
        write("\n".join(lines(found)))


def known_to_this_machine() -> Sequence[SandboxInfo]:
    """Every sandbox, tried for real."""
    import anyio

    from ..repl.registry import describe_sandboxes

    return anyio.run(describe_sandboxes)


def usable(info: SandboxInfo) -> str:
    """`usable`, or why not."""
    return "usable" if info.available else f"not usable: {one_line(info.why)}"


def lines(found: Sequence[SandboxInfo]) -> list[str]:
    """A plain listing: a line per sandbox, an indented one per layer."""
    text = []
    for info in found:
        text.append(f"{one_line(info.name)} {one_line(info.version)}: {usable(info)}")
        text += [f"  {one_line(layer)}: {one_line(state)}" for layer, state in info.layers.items()]
    return text


def table(found: Sequence[SandboxInfo]) -> Table:
    """The listing for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("sandbox", "version", "here", "layer", "state"):
        grid.add_column(name, no_wrap=name in ("sandbox", "layer"), overflow="fold")
    for info in found:
        colour = "green" if info.available else "red"
        head = [Text(one_line(info.name), style="bold"), Text(one_line(info.version)), Text(usable(info), style=colour)]
        layers = list(info.layers.items()) or [("", "")]
        for number, (layer, state) in enumerate(layers):
            first = head if number == 0 else [Text(), Text(), Text()]
            style = "green" if state == "on" else "yellow"
            grid.add_row(*first, Text(one_line(layer)), Text(one_line(state), style=style), end_section=number == len(layers) - 1)
    return grid
