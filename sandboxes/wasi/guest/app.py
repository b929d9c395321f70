"""The guest's entry: CPython runs this module when the artefact is built, and its memory afterwards is what sessions start from."""

from __future__ import annotations

import gc
import sys

import wit_world

from wasi.guest import bridge, loop, modules
from wasi.guest.cells import Session
from wasi.values import ERROR, VALUE, pack, unpack

MISSING = modules.import_all()
loop.install()
bridge.listen()
SESSION = Session()


def do(operation: str, data: str) -> str:
    """One request of the worker."""
    if operation == "cell":
        return SESSION.run(*unpack(data))
    if operation.startswith("text "):  # the whole context, perhaps: no packing
        SESSION.names[operation[5:]] = data
        return pack(None)
    if operation == "bind":
        SESSION.names.update(unpack(data))
        return pack(None)
    if operation == "open":
        SESSION.open(*unpack(data))
        return pack(None)
    if operation == "get":
        return pack(SESSION.value(unpack(data)))
    if operation == "names":
        return pack(SESSION.bound())
    if operation == "forget":
        SESSION.forget()
        return pack(None)
    if operation == "about":
        return pack({"missing": MISSING, "version": sys.version.split()[0], "modules": len(sys.modules)})
    raise ValueError(operation)


class WitWorld(wit_world.WitWorld):
    """What the bindings call."""

    def run(self, operation: str, data: str) -> tuple[int, str]:
        """One request; an error is an answer too."""
        try:
            return VALUE, do(operation, data)
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
        do("cell", pack([code, "_cb_show" in code]))

    async def nothing() -> None:
        await asyncio.sleep(0)

    asyncio.run(nothing())
    SESSION.forget()


_warm_up()
gc.collect()
gc.freeze()
