"""Where the wasi sandbox's artefact and its compiled form lie. Nothing is loaded here: the host never maps compiled guests."""

from __future__ import annotations

import hashlib
import os
import struct
from functools import cache
from pathlib import Path

from .guests import GuestSpec, sandboxes_folder

CACHE_VARIABLE = "CELLBLOCK_CACHE"
"""Names another cache folder than the user's: for deployments, and for tests, which have an empty home."""
# The artefact's layout; `sandboxes/wasi/artefact.py` says it in full, and a test holds the two together.
_MAGIC = b"cellblock guest 1\n"
_HEAD_BYTES = 2**20


def artefact_path() -> Path:
    """The file that is built with the package; in a checkout it may not be there yet."""
    return sandboxes_folder() / "wasi" / "guest.bin"


def cache_folder() -> Path:
    """The folder for compiled guests: absolute, may not be there yet.

    `CELLBLOCK_CACHE` or the user's cache folder, which respects `XDG_CACHE_HOME`.
    """
    from platformdirs import user_cache_path

    given = os.environ.get(CACHE_VARIABLE)
    return (Path(given).absolute() if given else user_cache_path("cellblock")) / "wasi"


def driver_options() -> dict[str, str]:
    """What the wasi driver has to be told."""
    return {"artefact": str(artefact_path()), "cache": str(cache_folder())}


def artefact_hash() -> str:
    """What identifies the artefact, read from its head; empty where it is not there."""
    try:
        with artefact_path().open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    start = len(_MAGIC) + 4
    if len(head) < start or not head.startswith(_MAGIC):
        return ""
    return hashlib.sha256(head[: start + struct.unpack_from("<I", head, len(_MAGIC))[0]]).hexdigest()


def wasi() -> GuestSpec:
    """CPython compiled to WebAssembly, in the worker's own process."""
    try:
        about = artefact_path().stat()
    except OSError:
        return _spec(cache_folder(), (0, 0, 0))
    return _spec(cache_folder(), (about.st_ino, about.st_size, about.st_mtime_ns))


@cache
def _spec(_cache: Path, _artefact: tuple[int, int, int]) -> GuestSpec:
    # Remembered for as long as both are the same: to read the artefact's head at each session's start would take a millisecond.
    return GuestSpec.from_folder(sandboxes_folder() / "wasi", options=driver_options(), artefact=artefact_hash())
