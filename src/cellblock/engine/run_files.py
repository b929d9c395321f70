"""The virtual files of a recorded run: those that were kept at its end, or those that its record leads to."""

from __future__ import annotations

import msgspec

from ..errors import StoreError
from ..host.vfs import Vfs, VfsLimits
from ..store.journal import Journal, RunRow
from ..store.opening import Store
from ..store.trees import owner_of
from .cells import BRANCH, FILES, change
from .kept_states import FILE
from .reruns import recorded

MOVES = frozenset({"checkpoint.restore", "fork.switch", "strategy.commit"})
"""Acts after which a run has other files than those that its own cells wrote."""


def recorded_files(store: Store, run_id: str) -> dict[str, bytes]:
    """A run's own files by path: as they were at its end, or where it was cut off.

    Raises:
        ConfigError: there is no such run.
        StoreError: they are gone or damaged; or it was cut off, and its cells had gone to another branch or back.
    """
    row = recorded(store.journal, run_id)
    if row.result is None:
        return _rebuilt(store.journal, row)
    links = store.blobs.links(owner_of(run_id))
    kept = {name.removeprefix(FILE): store.blobs.get(blob) for name, blob in links.items() if name.startswith(FILE)}
    # Where nothing is kept beside a record, it is all there is.
    return kept if kept or not row.result.get("files") else _rebuilt(store.journal, row)


def _rebuilt(journal: Journal, row: RunRow) -> dict[str, bytes]:
    try:
        files = Vfs(msgspec.convert(row.task["vfs"], VfsLimits))
        for effect in journal.each_effect(row.run_id, kinds=(FILES, BRANCH)):
            if effect.kind == FILES:
                change(files, **effect.payload)
            elif effect.payload["act"] in MOVES:
                what = effect.payload["act"]
                raise StoreError(f"run {row.run_id} was cut off after {what}; which files it had then, only resuming it brings to light")
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise StoreError(f"run {row.run_id}: its record of files is not as it should be ({type(error).__name__})") from error
    return files.files()
