"""What a model is shown again of its own conversation: all of it, the newest part, or a summary and the newest part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import ConfigError
from ..limits import MINIMUM_TOKENS, check_type
from ..models.protocol import Message
from ..models.replies import BYTES_PER_TOKEN, token_bytes
from .observations import clip

SUMMARY_CHARS = 20_000
"""It is in every prompt from then on."""
WORTHWHILE = 0.25
"""Share of the room for a conversation that a summary has to give back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """How much of its conversation the model is shown again. The system message and the first one always are.

    Raises:
        ConfigError: a number is out of range, or the settings contradict each other.
    """

    keep_turns: bool = True
    """False: of the turns, the last one alone."""
    max_history_tokens: int | None = None
    """Of all messages, estimated; the oldest turns are left out until they fit. The last turn stays in any case."""
    compact_at: float | None = None
    """Share of `window_tokens` at which old turns are replaced by a summary that the model itself writes."""
    window_tokens: int = 128_000
    """What the model's window holds."""

    def __post_init__(self) -> None:
        check_type("keep_turns", self.keep_turns, bool)
        check_type("window_tokens", self.window_tokens, int)
        if self.max_history_tokens is not None:
            check_type("max_history_tokens", self.max_history_tokens, int)
        if self.compact_at is not None and (isinstance(self.compact_at, bool) or not isinstance(self.compact_at, (int, float))):
            raise ConfigError(f"compact_at={self.compact_at!r}: a share of the window, above 0 and at most 1")
        if self.max_history_tokens is not None and self.max_history_tokens < MINIMUM_TOKENS:
            raise ConfigError(f"max_history_tokens={self.max_history_tokens}: at least {MINIMUM_TOKENS}, or None for all")
        if self.window_tokens < MINIMUM_TOKENS:
            raise ConfigError(f"window_tokens={self.window_tokens}: at least {MINIMUM_TOKENS}")
        if self.compact_at is not None and not 0 < self.compact_at <= 1:
            raise ConfigError(f"compact_at={self.compact_at}: a share of the window, above 0 and at most 1")
        if self.compact_at is not None and not self.keep_turns:
            raise ConfigError("compact_at with keep_turns=False: there would be nothing to summarise; drop one of the two")


@dataclass(slots=True)
class Transcript:
    """One conversation. Turns are a reply and what it was told, so that what is left always alternates."""

    history: History
    _head: list[Message] = field(default_factory=list)
    _turns: list[tuple[Message, Message]] = field(default_factory=list)
    _reply: Message | None = None
    _new: list[Message] = field(default_factory=list)
    _summary: str = ""
    _summed_up: int = 0
    """Turns that the summary stands for."""

    @property
    def begun(self) -> bool:
        """Whether there is a first message."""
        return bool(self._head)

    def begin(self, system: Message, first: Message) -> None:
        """Set the two messages that always stay."""
        self._head = [system, first]
        self._new += self._head

    def said(self, text: str) -> None:
        """Add the model's reply."""
        # Some providers refuse an empty turn.
        self._reply = Message("assistant", text or "(empty)")
        self._new.append(self._reply)

    def told(self, message: Message) -> None:
        """Add what the reply was answered, which ends a turn."""
        assert self._reply is not None, "a turn begins with a reply"
        self._turns.append((self._reply, message))
        self._new.append(message)

    def take_new(self) -> tuple[Message, ...]:
        """What was added since the last time."""
        new, self._new = tuple(self._new), []
        return new

    def messages(self) -> tuple[Message, ...]:
        """What the model is shown."""
        kept = self._turns if self.history.keep_turns else self._turns[-1:]
        budget = self.history.max_history_tokens
        if budget is not None:
            kept = self._fitting(kept, budget)
        return tuple(self._shown(kept))

    @property
    def too_long(self) -> bool:
        """Whether old turns are to be replaced by a summary now."""
        share = self.history.compact_at
        if share is None or len(self._turns) < 2:
            return False
        most = share * self.history.window_tokens
        # A summary is a call of its own: it has to make room for several turns, or it would be due again after the next one.
        old = _tokens([message for pair in self._turns[:-1] for message in pair])
        return _tokens(self._shown(self._turns)) > most and old > WORTHWHILE * most

    def old_turns(self) -> str:
        """All turns but the last as one text, an earlier summary first."""
        lines = [f"Summary of what came before:\n{self._summary}"] if self._summary else []
        for reply, told in self._turns[:-1]:
            lines += [f"Reply:\n{reply.content}", f"What it was told:\n{told.content}"]
        return "\n\n".join(lines)

    def sum_up(self, summary: str) -> None:
        """Put `summary` in the place of all turns but the last. Of one that is longer than any should be, its ends are kept."""
        self._summary = clip(summary, SUMMARY_CHARS)
        self._summed_up += len(self._turns) - 1
        self._turns = self._turns[-1:]

    def _fitting(self, turns: list[tuple[Message, Message]], tokens: int) -> list[tuple[Message, Message]]:
        left = tokens - _tokens(self._head)
        kept = 0
        for pair in reversed(turns):
            left -= _tokens(pair)
            if left < 0 and kept:
                break
            kept += 1
        return turns[len(turns) - kept :]

    def _shown(self, turns: list[tuple[Message, Message]]) -> list[Message]:
        system, first = self._head
        notes = [first.content]
        if self._summary:
            notes.append(f"Summary of the first {self._summed_up} turns of this conversation:\n{self._summary}")
        left_out = len(self._turns) - len(turns)
        if left_out:
            notes.append(f"[{left_out} earlier turns of this conversation are left out; the variables are as they left them.]")
        return [system, Message(first.role, "\n\n".join(notes)), *(message for pair in turns for message in pair)]


def _tokens(messages: Sequence[Message]) -> int:
    return token_bytes(messages) // BYTES_PER_TOKEN
