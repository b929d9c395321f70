"""What a cell prints, clipped to head and tail before it leaves the worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Printed:
    """Text that a cell prints: the head goes out at once, of the rest the tail is kept, what lies between is counted."""

    def __init__(self, limit: int, send: Callable[[str], None], keep: Callable[[str | None], None]) -> None:
        """`keep` is told what waits to be sent, and None once it is: the host finds it there if the worker is killed."""
        self._head_left = limit // 2
        self._tail_room = limit - self._head_left
        self._send, self._keep = send, keep
        self._pending: list[str] = []
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self.dropped = 0

    def write(self, text: str) -> None:
        """Take more text."""
        if self._head_left:
            head, text = text[: self._head_left], text[self._head_left :]
            self._head_left -= len(head)
            self._pending.append(head)
            self._keep(head)
        if text:
            self._keep_tail(text)

    def _keep_tail(self, text: str) -> None:
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size > self._tail_room:
            excess = self._tail_size - self._tail_room
            first = self._tail.popleft()
            cut = min(excess, len(first))
            self.dropped += cut
            self._tail_size -= cut
            if cut < len(first):
                self._tail.appendleft(first[cut:])

    def flush(self) -> None:
        """Send what was kept of the head so far."""
        if self._pending:
            text, self._pending = "".join(self._pending), []
            self._send(text)
            self._keep(None)

    def finish(self) -> None:
        """Send the rest of the head, and the tail."""
        self._pending.extend(self._tail)
        self._tail.clear()
        self.flush()
