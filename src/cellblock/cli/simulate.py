"""`cellblock simulate`: the simulated model behind a real socket, faults included."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o

FAULTS = "Faults (shares of all calls, 0 to 1)"

EPILOG = """
**Examples**

cellblock simulate --port 8910

cellblock simulate --port 8910 --latency 0.2 --rate-limit-rate 0.1

cellblock run "How many files are there?" -c src/ -m simulated --base-url http://127.0.0.1:8910/v1
"""

Rate = Annotated[float, typer.Option(min=0.0, max=1.0, rich_help_panel=FAULTS)]


def simulate(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="On 127.0.0.1; 0 takes a free one.")],
    latency: Annotated[float, typer.Option("--latency", min=0.0, help="Seconds before each answer.")] = 0.0,
    seed: o.Seed = 0,
    verbose: o.Verbose = False,
) -> None:
    """Serve the simulated model on this machine, to try clients, retries and limits. Ctrl-C ends it."""
    raise NotImplementedError
