"""What is kept beside a run's record, so that it can go on in another process: its context, and the state that it began with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

from ..errors import ConfigError, StoreError
from ..host.context import Context
from ..host.saved import restored, saved
from ..in_thread import in_thread
from ..store.blobs import Packed
from ..store.opening import Store
from ..store.trees import owner_of
from .contexts import ContextSource, open_context
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
    carried = None if turn.carry is None else turn.carry.snapshot
    return Kept(
        context=None if context.size > CONTEXT_BYTES else await _put(store, run_id, CONTEXT, partial(saved, context)),
        snapshot=None if carried is None else await _put(store, run_id, SNAPSHOT, lambda: carried),
    )


async def _put(store: Store, run_id: str, name: str, read: Callable[[], bytes]) -> str:
    """Keep bytes for a run. Most contexts are asked about more than once: what is there already is not compressed again."""
    data, blob = await in_thread(_hashed, read)
    try:
        store.blobs.link(owner_of(run_id), name, blob)
    except StoreError:
        packed = await in_thread(Packed.of, data)
        store.blobs.put(packed, kind=name, owner=owner_of(run_id), name=name)
    return blob


def _hashed(read: Callable[[], bytes]) -> tuple[bytes, str]:
    data = read()
    return data, hashlib.sha256(data).hexdigest()


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
        data = _kept(store, task, blob)
        context = await in_thread(restored, data, undo=Context.close)
    if context.sha256 != task.fields["context_sha256"]:
        if context is not given:
            context.close()
        raise ConfigError(f"run {task.run_id}: this is not the context that it was asked about; give the same one, unchanged")
    return context


def _kept(store: Store, task: RecordedTask, blob: str) -> bytes:
    try:
        return store.blobs.get(blob)
    except StoreError as error:
        raise type(error)(f"run {task.run_id}: its context is not on record any more; give it again ({error})") from None


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
