"""The WebAssembly engine: its settings, and the name that compiled code has in the cache."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import wasmtime._ffi as ffi
from wasmtime import Config, Engine

MIB = 2**20
STACK_BYTES = 32 * MIB
"""Of the guest's stack; one more byte is a trap."""
HOST_STACK_BYTES = 8 * MIB
"""Of the thread that runs the guest, beyond that: host functions run on top of the guest's frames."""
SETTINGS = {"epoch_interruption": True, "max_wasm_stack": STACK_BYTES, "async_stack": STACK_BYTES + MIB}


def make_engine() -> Engine:
    """An engine with our settings."""
    config = Config()
    config.epoch_interruption = True
    # Never used, but has to be larger than the guest's stack: else the library ends the process.
    ffi.wasmtime_config_async_stack_size_set(config.ptr(), SETTINGS["async_stack"])
    config.max_wasm_stack = STACK_BYTES
    return Engine(config)


def cache_key(artefact: str) -> str:
    """The name of compiled code: changes with the artefact, the library, our settings, and the processor."""
    parts = [artefact, version("wasmtime"), SETTINGS, platform.machine(), _processor()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _processor() -> str:
    # Compiled code uses what this processor can do; a home folder may be shared by machines that differ.
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))), "")
