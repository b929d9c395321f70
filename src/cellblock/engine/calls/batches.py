"""Work on many items at once, as many as may be: results in the order of the items, whatever order they end in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import anyio

from ...errors import CellblockError

Item = TypeVar("Item")
Result = TypeVar("Result")


async def each(work: Callable[[Item], Awaitable[Result]], items: Sequence[Item], at_once: int) -> list[Result]:
    """What `work` gives for each item, in order.

    Args:
        work: turns the failure of an item into its result, if the others are to go on.
        at_once: items in work at any time.

    Raises:
        CellblockError: the first that `work` raised. No item is begun after it; those in work are paid for and end first.
    """
    batch = _Batch(work, items)
    async with anyio.create_task_group() as group:
        for _ in range(min(len(items), at_once)):
            group.start_soon(batch.work_through)
    if batch.stop is not None:
        raise batch.stop
    return [batch.results[index] for index in range(len(items))]


class _Batch(Generic[Item, Result]):
    def __init__(self, work: Callable[[Item], Awaitable[Result]], items: Sequence[Item]) -> None:
        self._work, self._queue = work, iter(enumerate(items))
        self.results: dict[int, Result] = {}
        self.stop: CellblockError | None = None

    async def work_through(self) -> None:
        for index, item in self._queue:
            if self.stop is not None:
                return
            try:
                self.results[index] = await self._work(item)
            except CellblockError as error:
                self.stop = self.stop or error
