"""`cellblock prepare`: what has to be done once on a machine before a sandbox can be used."""

from __future__ import annotations

import json as jsonlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError, SandboxUnavailable
from . import options as o
from .terminal import one_line, say, to_json, write

EPILOG = """
**Examples**

cellblock prepare wasi

CELLBLOCK_CACHE=/srv/cellblock cellblock prepare wasi
"""


def prepare(
    sandbox: Annotated[str, typer.Argument(metavar="SANDBOX", help="`wasi` is the one that needs it.")] = "wasi",
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Compile a sandbox's interpreter ahead of time, into a cache of the user's own.

    Takes some ten seconds the first time, and nothing after that. In a checkout the interpreter is built first.
    """
    _check_name(sandbox)
    from ..repl.wasi_cache import driver_options

    options = driver_options()
    artefact = Path(options["artefact"])
    _build(artefact)
    done = _compile(artefact, options["cache"])
    if json:
        write(to_json({"sandbox": sandbox, "folder": done["folder"], "compiled": done["fresh"], "seconds": round(done["seconds"], 3)}))
    elif done["fresh"]:
        write(f"wasi: compiled in {done['seconds']:.1f} s, {done['bytes'] / 2**20:.0f} MiB in {one_line(done['folder'])}")
    else:
        write(f"wasi: was compiled already, in {one_line(done['folder'])}")


def _check_name(sandbox: str) -> None:
    from ..repl.registry import find_sandbox

    if sandbox != "wasi":
        find_sandbox(sandbox)
        raise ConfigError(f"sandbox {sandbox[:100]!r} needs no preparation")


def _build(artefact: Path) -> None:
    def show(line: str) -> None:
        say(f"wasi: {one_line(line)}")

    # A child process: what is built and compiled is the untrusted side's, and this side never imports that.
    code, errors = _run("wasi.builder.make", [str(artefact)], artefact, show)
    if code:
        raise SandboxUnavailable(
            f"the guest of sandbox 'wasi' cannot be built: {errors.strip().splitlines()[0] if errors.strip() else code}"
        )


def _compile(artefact: Path, cache: str) -> dict[str, Any]:
    events: list[dict[str, Any]] = []

    def show(line: str) -> None:
        events.append(jsonlib.loads(line))
        if "module" in events[-1]:
            say("wasi: compiling module {module} of {of} ({bytes:,} bytes)".format(**events[-1]))

    code, errors = _run("wasi.compile", [str(artefact), cache], artefact, show)
    last: dict[str, Any] = events[-1] if events else {}
    if code or not last.get("done"):
        lines = errors.strip().splitlines()
        raise SandboxUnavailable(
            f"sandbox 'wasi' cannot be prepared: {last.get('error') or (lines[-1] if lines else f'exit status {code}')}"
        )
    return last


def _run(module: str, arguments: list[str], artefact: Path, show: Callable[[str], None]) -> tuple[int, str]:
    command = [sys.executable, "-s", "-m", module, *arguments]
    with subprocess.Popen(command, cwd=artefact.parents[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        for line in _lines(child):
            show(line)
        errors = child.stderr.read() if child.stderr else ""
    return child.returncode, errors


def _lines(child: subprocess.Popen[str]) -> Iterator[str]:
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip():
            yield line
