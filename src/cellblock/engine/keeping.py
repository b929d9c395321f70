"""What is kept beside a run's record, so that it can go on in another process: its context, and the state that it began with."""

from __future__ import annotations

import anyio.to_thread

from ..errors import ConfigError, StoreError
from ..host.context import Context
from ..host.saved import restored, saved
from ..store.blobs import Packed
from ..store.opening import Store
from .contexts import ContextSource, open_context
from .kept_states import owner_of
from .settings import Kept, Turn
from .tasks import RecordedTask

CONTEXT_BYTES = 64 * 2**20
"""A larger context is not kept: whoever goes on with its run gives it again."""
CONTEXT, SNAPSHOT = "context", "snapshot"


async def keep(store: Store, run_id: str, context: Context, turn: Turn) -> Kept:
    """Keep what a run begins with.

    Raises:
        StoreError: it could not be written.
    """
    if not store.keeps:
        return Kept()
    owner = owner_of(run_id)
    kept_context = kept_snapshot = None
    if context.size <= CONTEXT_BYTES:
        packed = await anyio.to_thread.run_sync(lambda: Packed.of(saved(context)))
        kept_context = store.blobs.put(packed, kind=CONTEXT, owner=owner, name=CONTEXT)
    if turn.carry is not None and (snapshot := turn.carry.snapshot) is not None:
        packed = await anyio.to_thread.run_sync(Packed.of, snapshot)
        kept_snapshot = store.blobs.put(packed, kind=SNAPSHOT, owner=owner, name=SNAPSHOT)
    return Kept(context=kept_context, snapshot=kept_snapshot)


async def kept_context(store: Store, task: RecordedTask, given: ContextSource | None) -> Context:
    """The context of a recorded run: the one that is given again, or the one that was kept.

    Raises:
        ConfigError: the one that is given is another one, or none is given and none was kept.
        StoreError: what was kept is gone or damaged.
    """
    blob = task.fields["context"]
    if given is None and blob is None:
        chars = task.fields["context_chars"]
        raise ConfigError(f"run {task.run_id}: its context of {chars:,} characters was not kept; give it again")
    if given is not None:
        context = await open_context(given)
    else:
        data = store.blobs.get(blob)
        context = await anyio.to_thread.run_sync(restored, data)
    if context.sha256 != task.fields["context_sha256"]:
        if context is not given:
            context.close()
        raise ConfigError(f"run {task.run_id}: this is not the context that it was asked about; give the same one, unchanged")
    return context


def kept_snapshot(store: Store, task: RecordedTask) -> bytes | None:
    """The state that a recorded run's session began with.

    Raises:
        StoreError: it is gone or damaged.
    """
    blob = task.fields["snapshot"]
    try:
        return None if blob is None else store.blobs.get(blob)
    except StoreError as error:
        raise type(error)(f"run {task.run_id} goes on from an earlier question's variables, and these are not on record: {error}") from None
