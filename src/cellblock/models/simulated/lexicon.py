"""The simulated model's whole knowledge of language: tell-tale phrases per label. Public, so that rows with a known truth can be made."""

from __future__ import annotations

import re
from collections.abc import Sequence

LEXICON: dict[str, tuple[str, ...]] = {
    "abbreviation": ("stand for", "full form", "short for", "acronym"),
    "entity": ("what kind", "which animal", "sailors call", "used to carve", "what instrument"),
    "description and abstract concept": ("why", "how does", "how do", "origin of", "meaning of"),
    "human being": ("who", "whose", "which composer", "which person"),
    "location": ("where", "which city", "what county", "which country"),
    "numeric value": ("how many", "how much", "how tall", "how far", "what year"),
    "positive": ("great", "wonderful", "excellent", "love", "delightful"),
    "negative": ("terrible", "awful", "disappointing", "hate", "useless"),
    "neutral": ("okay", "average", "ordinary", "acceptable"),
    "spam": ("winner", "free", "prize", "click", "urgent"),
    "ham": ("meeting", "lunch", "tomorrow", "thanks", "agenda"),
    "sports": ("match", "goal", "league", "coach", "stadium"),
    "business": ("shares", "profit", "merger", "investors", "quarterly"),
    "technology": ("software", "processor", "robot", "algorithm", "startup"),
    "world": ("election", "treaty", "minister", "border", "summit"),
    "science": ("experiment", "molecule", "telescope", "fossil", "laboratory"),
    "health": ("doctor", "vaccine", "clinic", "patients", "symptoms"),
    "travel": ("flight", "hotel", "itinerary", "passport", "beach"),
    "food": ("recipe", "restaurant", "dessert", "spicy", "kitchen"),
    "bug": ("crash", "traceback", "fails", "broken", "regression"),
    "feature": ("please add", "would be nice", "support for", "wish", "proposal"),
    "billing": ("invoice", "refund", "charged", "payment", "subscription"),
}
"""Label to tell-tale phrases, all in lower case. A phrase counts where it stands between other words or at an end."""

_WORDS = re.compile(r"\w+")


def label_of(text: str, labels: Sequence[str]) -> str:
    """The label with the most tell-tale phrases in `text`.

    A label that the lexicon does not have is told by its own name. Of equals, and if nothing fits, the first one wins.

    Raises:
        ValueError: there are no labels.
    """
    if not labels:
        raise ValueError("label_of needs at least one label")
    words = f" {' '.join(_WORDS.findall(text.lower()))} "
    return max(labels, key=lambda label: sum(f" {phrase} " in words for phrase in _phrases(label)))


def _phrases(label: str) -> tuple[str, ...]:
    name = label.lower()
    return (*LEXICON.get(name, ()), " ".join(_WORDS.findall(name)))
