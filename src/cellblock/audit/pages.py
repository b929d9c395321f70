"""What a page makes of hostile text: the page of an audit, with everything in it that came of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .attempts import Attempt, Expectation
from .evidence import TEXT_CHARS
from .html import page
from .judging import Outcome
from .report import Part, Report
from .runner import Result

SHOWN_CHARS = 2_000
"""Of one text; a page shows no more of it either."""
MOST = 200


OVERLAP = 1_000
"""Between two pieces, so that what is looked for stands in one of them whole."""


def showing(texts: Sequence[str]) -> Iterator[str]:
    """Pieces of a page in which each of these texts stands as what was tried, as why it could work and as what came of it."""
    shown = [text[:SHOWN_CHARS] for text in texts[:MOST]]
    attempts = [
        Attempt(kind="H", technique=text, source=[text], expectation=Expectation(), about=text, id=f"H/{number}")
        for number, text in enumerate(shown)
    ]
    results = [
        Result(id=attempt.id, kind="H", technique=text, system=text, outcome=Outcome.ESCAPED, why=(text,))
        for attempt, text in zip(attempts, shown, strict=True)
    ]
    made = page(Report(parts=[Part(system="page", walls="both", is_control=False, results=results, seconds=0.0)]), attempts)
    yield from (made[start : start + TEXT_CHARS] for start in range(0, len(made), TEXT_CHARS - OVERLAP))
