"""A product's own tools, and the system that an audit attacks: `pytest --cellblock-audit --cellblock-system shop:system`."""

from dataclasses import replace
from pathlib import Path

from cellblock.audit import of_sandbox

NOTES = Path(__file__).parent / "notes"


def price(article: str) -> float:
    """What an article costs."""
    return {"pear": 0.5, "plum": 0.25}[article]


def note(name: str) -> str:
    """A note by its name. A name is no path: the notes are listed, and only what is there is read."""
    there = {path.stem: path for path in NOTES.glob("*.txt")}
    return there[name].read_text()


system = replace(of_sandbox("monty"), name="shop", tools=(price, note))
