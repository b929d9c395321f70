"""The guest's entry: CPython runs this module when the artefact is built, and its memory afterwards is what sessions start from."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable
from typing import Any

import wit_world

from wasi.guest import bridge, disk, loop, modules
from wasi.guest.cells import Session
from wasi.values import (
    ABOUT,
    BIND,
    ERROR,
    FORGET,
    GET,
    LONG_TEXT,
    NAME,
    NAMES,
    OPEN,
    SHOWN_CELL,
    VALUE,
    pack,
    unpack,
)

MISSING = modules.import_all()
loop.install()
bridge.listen()
SESSION = Session()
disk.install(SESSION.files)


_OPERATIONS: dict[int, Callable[[str], Any]] = {
    OPEN: lambda data: SESSION.open(*unpack(data)),
    BIND: lambda data: SESSION.names.update(unpack(data)),
    NAME: lambda data: SESSION.next_text(unpack(data)),
    LONG_TEXT: lambda data: SESSION.take_text(data),
    NAMES: lambda data: SESSION.bound(),
    GET: lambda data: SESSION.value(unpack(data)),
    FORGET: lambda data: SESSION.forget(),
    ABOUT: lambda data: {"missing": MISSING, "version": sys.version.split()[0], "modules": len(sys.modules)},
}


def do(operation: int, data: str) -> tuple[int, str]:
    """One request of the worker."""
    if operation <= SHOWN_CELL:
        return SESSION.run(data, operation == SHOWN_CELL)
    return VALUE, pack(_OPERATIONS[operation](data))


class WitWorld(wit_world.WitWorld):
    """What the bindings call."""

    def run(self, operation: int, data: str) -> tuple[int, str]:
        """One request; an error is an answer too."""
        try:
            return do(operation, data)
        except BaseException as error:  # noqa: BLE001 - the guest's top frame: the bindings would end it
            SESSION.reserve.clear()
            return ERROR, pack((type(error).__name__, str(error)[:500]))


_WARM_UP = [
    "import math\ndef f():\n    return 1 / 0\nf()",
    "x = [1, 'a', {'b': 2.5}]\nprint(f'{x!r:>20}')\n_cb_show((x))",
    "class C:\n    pass\nC().missing",
]


def _warm_up() -> None:
    import asyncio

    for code in _WARM_UP:
        do(SHOWN_CELL, code)

    async def nothing() -> None:
        await asyncio.sleep(0)

    asyncio.run(nothing())
    SESSION.forget()


_warm_up()
# A model reads what a cell prints; advice to its author about the next version of Python is no part of that.
warnings.simplefilter("ignore")
gc.collect()
gc.freeze()
