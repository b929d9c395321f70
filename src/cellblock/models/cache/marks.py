"""What two prompts must have in common to the letter, whatever their embeddings say: pure, and one pass over the text.

Embeddings hardly see a digit, a name or a "not": "over $500" and "over $5000" are as near as paraphrases.
"""

from __future__ import annotations

import unicodedata


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLOSING = {'"': '"', "“": "”", "„": "“", "«": "»", "‘": "’", "`": "`", "「": "」", "『": "』"}
_NEGATIONS = _words(
    "no not never none nobody nothing neither nor nowhere cannot without lack lacks lacking fail fails failed deny denies denied except "
    "unless hardly barely rarely seldom nicht kein keine nie ohne ne pas jamais sans sin nunca jamás non mai senza não sem niet geen"
)
_NUMBERS = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion dozen half quarter third fourth "
    "fifth tenth once twice thrice double triple single both pair first second last next previous"
)
# Of a common and a rare word, as in "and" and "or", the rare one is enough: it is there or it is not.
_DIRECTIONS = _words(
    "over under above below more less fewer most least before after until since between within outside inside max min maximum minimum "
    "highest lowest higher lower largest smallest larger smaller longest shortest longer shorter best worst better worse early late "
    "earlier later earliest latest oldest newest increase decrease increased decreased up down left right or only all any some "
    "every each always often from out against true false yes male female he she his her him"
)
_ALONE = _NEGATIONS | _NUMBERS | _DIRECTIONS
_APOSTROPHES = "'’"
_EDGES = ".,;:!?…()[]{}*_#\"'“”‘’«»、。，！？"
"""What says nothing at the edge of a word."""


def marks(text: str) -> tuple[str, ...]:
    """Numbers, quoted texts, negations, capitalised words, signs, and words that turn a question round, in their order.

    Also marks: single letters, words with anything but letters in them, and every word of a script without capitals, in which names
    cannot be told from other words.
    """
    found: list[str] = []
    start = 0
    for begin, end in _quoted(text):
        found += _marks_of_words(text[start:begin])
        found.append(text[begin:end])
        start = end
    found += _marks_of_words(text[start:])
    return tuple(found)


def _quoted(text: str) -> list[tuple[int, int]]:
    """Where quoted texts begin and end, quotation marks included. One that is not closed is none."""
    spans: list[tuple[int, int]] = []
    unclosed: set[str] = set()
    position = 0
    while position < len(text):
        closing = _CLOSING.get(text[position]) or _single(text, position)
        end = -1 if closing is None or closing in unclosed else text.find(closing, position + 1)
        if end < 0:
            # Remembered, or each of many opening marks would be a search to the end of the text.
            unclosed |= {closing} if closing else set()
            position += 1
            continue
        spans.append((position, end + 1))
        position = end + 1
    return spans


def _single(text: str, position: int) -> str | None:
    """A straight single quotation mark opens only before a word: inside one it is an apostrophe."""
    opens = text[position] == "'" and not text[position - 1 : position].isalnum() and text[position + 1 : position + 2].isalnum()
    return "'" if opens else None


def _marks_of_words(text: str) -> list[str]:
    cores = (word.strip(_EDGES) for word in text.split())
    return [core for core in cores if core and not _is_plain(core)]


def _is_plain(core: str) -> bool:
    """Whether another word could stand there without changing what is asked."""
    letters = core.translate({ord(char): None for char in _APOSTROPHES + "-"})
    if len(letters) < 2 or core.replace("’", "'").endswith("n't"):
        return False
    if not _ALONE.isdisjoint(core.split("-")):
        return False
    return letters.isalpha() and letters.islower() and all(unicodedata.category(char) == "Ll" for char in letters)
