"""What a run that has ended leaves beside its record: its files stay, states of its sessions go."""

from __future__ import annotations

from .tree import Run

FILE = "file:"
"""How the name of a kept file begins; its path follows."""
STATE, PINNED = "cell ", "pinned cell "
"""How the name of a kept state begins; the key of the cell follows that left it. A pinned one cannot be had by running cells again."""


def owner_of(run_id: str) -> str:
    """Who owns what is kept for a run; also the name of the lease on it."""
    return f"run:{run_id}"


def keep_files(run: Run) -> None:
    """Keep the run's own virtual files as they are now.

    Raises:
        StoreError: they could not be written.
    """
    if run.tree.blobs is None or run.record.replays:
        return
    for path, data in run.files.files().items():
        run.tree.blobs.put(data, kind="file", owner=owner_of(run.run_id), name=FILE + path)


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
