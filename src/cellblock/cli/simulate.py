"""`cellblock simulate`: the simulated model behind a real socket, faults included."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from . import options as o
from .checks import check_number, check_share
from .terminal import write

SERVER = "Faults of the server (shares of all requests, 0 to 1)"
MODEL = "Faults of the model (shares of all replies, 0 to 1)"

EPILOG = """
**Examples**

cellblock simulate --port 8910

cellblock simulate --port 8910 --latency 0.2 --rate-limit-rate 0.1

cellblock run QUESTION -c src/ -m openai:simulated --base-url http://127.0.0.1:8910/v1
"""


def _share(option: str, panel: str, text: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(option, metavar="SHARE", help=text, rich_help_panel=panel)
    return info


def simulate(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, metavar="N", help="On 127.0.0.1; 0 takes a free one.")],
    latency: Annotated[float, typer.Option("--latency", metavar="SECONDS", help="Before each answer.")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the faults.")] = 0,
    error_rate: Annotated[float, _share("--error-rate", SERVER, "HTTP 500.")] = 0.0,
    rate_limit_rate: Annotated[float, _share("--rate-limit-rate", SERVER, "HTTP 429 with retry-after-ms.")] = 0.0,
    overload_rate: Annotated[float, _share("--overload-rate", SERVER, "HTTP 529, or an overload within a stream.")] = 0.0,
    cut_stream_rate: Annotated[float, _share("--cut-stream-rate", SERVER, "The connection closes within the answer.")] = 0.0,
    syntax_error: Annotated[float, _share("--syntax-error", MODEL, "A cell that does not parse.")] = 0.0,
    name_error: Annotated[float, _share("--name-error", MODEL, "A cell with a name that nobody defined.")] = 0.0,
    final_misuse: Annotated[float, _share("--final-misuse", MODEL, "An answer that names a variable nobody set.")] = 0.0,
    runaway_loop: Annotated[float, _share("--runaway-loop", MODEL, "A cell that never ends.")] = 0.0,
    verbose: o.Verbose = False,
) -> None:
    """Serve the simulated model on this machine, to try clients, retries and limits.

    It speaks the chat completions and the messages API. No language model is called. Ctrl-C ends it, with exit code 0.
    """
    check_number("--seed", seed)
    from ..models import SimulatedModel
    from ..serve.simulate import ServerFaults, serve_simulated

    # Told by their options; the model and the server check them once more, under their own names.
    shares = {"error-rate": error_rate, "rate-limit-rate": rate_limit_rate, "overload-rate": overload_rate}
    shares |= {"cut-stream-rate": cut_stream_rate, "syntax-error": syntax_error, "name-error": name_error}
    for option, share in {**shares, "final-misuse": final_misuse, "runaway-loop": runaway_loop}.items():
        check_share(f"--{option}", share)
    faults = ServerFaults(
        error_rate=error_rate, rate_limit_rate=rate_limit_rate, overload_rate=overload_rate, cut_stream_rate=cut_stream_rate, seed=seed
    )
    model = SimulatedModel(
        seed,
        syntax_error=syntax_error,
        name_error=name_error,
        final_misuse=final_misuse,
        runaway_loop=runaway_loop,
        latency_seconds=latency,
    )
    # Ctrl-C is how one ends a server, so it is no failure.
    with suppress(KeyboardInterrupt):
        serve_simulated(port, model=model, faults=faults, on_started=announce)


def announce(host: str, port: int) -> None:
    """The one line that says where it is and how to use it."""
    address = f"http://{host}:{port}"
    chat, messages = f"{address}/v1", address
    hint = f"cellblock run QUESTION -c PATH -m openai:simulated --base-url {chat}"
    write(f"simulated model on {address} · OpenAI base_url {chat} · Anthropic base_url {messages} · try: {hint}")
