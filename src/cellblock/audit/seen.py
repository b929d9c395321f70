"""What an attempt left behind: evidence as plain data, for whoever judges it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class Seen:
    """Evidence of one step."""

    texts: dict[str, str] = field(default_factory=dict)
    """Everything that came out, by where it came out: `answer`, `prompt 3 user`, `terminal runs show` …"""
    figures: dict[str, float] = field(default_factory=dict)
    """Seconds, bytes and counts, by name."""
    faults: list[str] = field(default_factory=list)
    """What happened that must not, as far as it showed at once: one line each."""

    def measured(self, name: str, value: float) -> None:
        """Keep the largest value of a figure."""
        self.figures[name] = max(self.figures.get(name, 0.0), value)
