"""A command of ours that speaks the `claude` command's JSON. The model's name says how it behaves; it notes what it was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

USAGE = {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 3}


def install(folder: Path) -> Path:
    """Put it into a folder for `PATH`; returns that folder."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    command = bin_folder / "claude"
    command.write_text(f"#!{sys.executable} -SE\n" + Path(__file__).read_text())
    command.chmod(0o755)
    return bin_folder


def calls(folder: Path) -> list[dict[str, object]]:
    """What the command in that folder was given, call by call."""
    path = folder / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def result(**more: object) -> dict[str, object]:
    given = {"type": "result", "subtype": "success", "is_error": False, "result": "four", "session_id": "s1", "total_cost_usd": 0.25}
    return {**given, "usage": USAGE, "modelUsage": {"claude-sonnet-9": {}}, "num_turns": 1, "duration_ms": 5, **more}


def behave(model: str, here: Path) -> None:
    count = len(calls(here))
    if model == "overloaded" and count == 1:
        print(json.dumps(result(is_error=True, result="API Error: 529 Overloaded", api_error_status=529)))
        sys.exit(1)
    if model == "login":
        print(json.dumps(result(is_error=True, result=f"Invalid API key {os.environ.get('ANTHROPIC_API_KEY')}", usage=None)))
        sys.exit(1)
    if model == "old":
        print("error: unknown option '--tools'", file=sys.stderr)
        sys.exit(2)
    if model == "endless":
        while True:
            sys.stdout.write("x" * 2**16)
    if model in ("hang", "leaves"):
        child = subprocess.Popen(["/bin/sleep", "1000"])
        (here / "pids.new").write_text(json.dumps([os.getpid(), child.pid]))
        (here / "pids.new").rename(here / "pids")
        if model == "hang":
            time.sleep(1000)
    print(
        {
            "html": "<html>",
            "empty": "",
            "echo": json.dumps(result(result=f"key: {os.environ.get('ANTHROPIC_API_KEY')}")),
            "array": json.dumps([{"type": "system", "result": None}, {"type": "assistant", "message": {}}, result()]),
            "odd": json.dumps(result(result=7)),
            "nothing": json.dumps(result(result=None)),
            "negative": json.dumps(result(usage={"input_tokens": -1})),
        }.get(model, json.dumps(result())),
        end="",
    )


def main() -> None:
    here = Path(__file__).parent
    arguments = sys.argv[1:]
    system = Path(arguments[arguments.index("--system-prompt-file") + 1]).read_text()
    given = {
        "arguments": arguments,
        "stdin": sys.stdin.buffer.read().decode(),
        "system": system,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": os.listdir(),
        "leader": os.getsid(0) == os.getpid(),
    }
    with open(here / "calls", "a") as notes:
        notes.write(json.dumps(given) + "\n")
    behave(arguments[arguments.index("--model") + 1], here)


if __name__ == "__main__":
    main()
