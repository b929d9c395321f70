"""What a run that has ended leaves beside its record: its files stay, states of its sessions go."""

from __future__ import annotations

import anyio.lowlevel

from ..in_thread import in_thread
from ..store.blobs import Packed
from ..store.trees import owner_of
from .tree import Run

FILE = "file:"
"""How the name of a kept file begins; its path follows."""
LARGE_BYTES = 100_000
"""A larger file is compressed in a thread."""
STATE, PINNED = "cell ", "pinned cell "
"""How the name of a kept state begins; the key of the cell follows that left it. A pinned one cannot be had by running cells again."""


async def keep_files(run: Run) -> None:
    """Keep the run's own virtual files as they are now, and none that an earlier attempt had left.

    Raises:
        StoreError: they could not be written.
    """
    blobs, owner, files = run.tree.blobs, owner_of(run.run_id), run.files.files()
    if blobs is None or run.record.replays:
        return
    for path, data in files.items():
        await anyio.lowlevel.checkpoint()
        packed = await in_thread(Packed.of, data) if len(data) > LARGE_BYTES else data
        blobs.put(packed, kind="file", owner=owner, name=FILE + path)
    for name in blobs.links(owner):
        if name.startswith(FILE) and name.removeprefix(FILE) not in files:
            blobs.unlink(owner, name)


def forget_states(run: Run) -> None:
    """Let go of the states that only a run which goes on needs; `gc` removes them later.

    Raises:
        StoreError: that could not be written.
    """
    blobs = run.tree.blobs
    if blobs is None or run.record.replays:
        return
    owner = owner_of(run.run_id)
    for name in blobs.links(owner):
        if name.startswith(STATE):
            blobs.unlink(owner, name)
