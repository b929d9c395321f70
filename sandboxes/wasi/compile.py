"""Compiles the artefact ahead of time, in a process of its own: `python -m wasi.compile ARTEFACT CACHE` in `sandboxes/`.

Writes one JSON object a line: `{"module": 3, "of": 12}` before each module, at the end `{"done": true, ...}` or `{"error": "..."}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from wasmtime import Engine, Module, WasmtimeError

from .artefact import ArtefactError, read_head, read_modules
from .cache import Cache, CacheError
from .engine import cache_key, make_engine


def prepared(engine: Engine, artefact: Path, cache: Cache) -> bool:
    """Whether compiled code for this artefact is there and can be loaded.

    Raises:
        ArtefactError: there is no artefact.
    """
    head = read_head(artefact)
    try:
        load_modules(engine, cache.open_files(cache_key(head.digest), len(head.plan.steps)))
    except (CacheError, WasmtimeError):
        return False
    return True


def load_modules(engine: Engine, descriptors: list[int]) -> list[Module]:
    """Map compiled code; closes the descriptors.

    Raises:
        WasmtimeError: it was made by another version, or with other settings.
    """
    try:
        # By descriptor: the file that was checked is the file that is mapped.
        return [Module.deserialize_file(engine, f"/proc/self/fd/{descriptor}") for descriptor in descriptors]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def compile_all(artefact: Path, cache: Cache) -> dict[str, object]:
    """Compile and store, unless that was done. Returns what happened.

    Raises:
        ArtefactError, CacheError, OSError, WasmtimeError: it cannot be done.
    """
    started = time.monotonic()
    engine = make_engine()
    if prepared(engine, artefact, cache):
        return {"done": True, "fresh": False, "seconds": time.monotonic() - started, "folder": str(cache.folder)}
    cache.make_ready()
    head, modules = read_modules(artefact)
    codes = []
    for number, module in enumerate(modules, 1):
        _say({"module": number, "of": len(modules), "bytes": len(module)})
        codes.append(bytes(Module(engine, module).serialize()))
    cache.store(cache_key(head.digest), codes)
    if not prepared(engine, artefact, cache):
        raise CacheError("what was compiled cannot be loaded again")
    seconds = time.monotonic() - started
    return {"done": True, "fresh": True, "seconds": seconds, "folder": str(cache.folder), "bytes": sum(map(len, codes))}


def _say(event: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Compile, and report."""
    artefact, folder = sys.argv[1:]
    try:
        _say(compile_all(Path(artefact), Cache(Path(folder))))
    except OSError as error:
        _say({"error": f"{error.filename or folder}: {error.strerror}"})
        return 1
    except (ArtefactError, CacheError, WasmtimeError) as error:
        _say({"error": str(error).splitlines()[0]})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
