"""An audit as a page of its own: figures as a table, each attempt with its source and what became of it. No script, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from ..unseen import safe
from .attempts import CLASSES, Attempt, Step
from .judging import Outcome
from .report import FINDINGS, Part, Report, Row, machine
from .runner import Result

SOURCE_CHARS = 4_000
"""Of one cell that is shown; others are made of a million characters."""
HEADINGS = ("class", "tried", "contained", *FINDINGS, "not applicable", "slowest", "memory", "host's lag")
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def page(report: Report, attempts: Sequence[Attempt]) -> str:
    """The whole page."""
    there = machine()
    where = f"{there['kernel']}, {there['architecture']}, Python {there['python']}, as {there['user']}"
    made = _Page(report, attempts)
    body = [
        "<h1>What was tried, and what each wall stopped</h1>",
        f'<p class="dim">{harmless(where)}</p>',
        made.verdict(),
        *made.overview(),
        *made.figures(),
        *made.findings(),
        *made.attempts(),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Cellblock audit</title><style>{STYLE}</style></head><body>"
    )
    return head + "\n".join(body) + "\n</body></html>\n"


def harmless(text: str) -> str:
    """A text that may be anybody's, for a page."""
    return escape(safe(text))


class _Page:
    def __init__(self, report: Report, attempts: Sequence[Attempt]) -> None:
        self._report, self._attempts = report, attempts
        self._results: dict[str, list[Result]] = {}
        for part in report.parts:
            for result in part.results:
                self._results.setdefault(result.id, []).append(result)

    def verdict(self) -> str:
        """In a sentence."""
        found, blind = self._report.findings(), self._report.unseen()
        tried = sum(row.tried for part in self._report.parts if not part.is_control for row in part.rows())
        said = f"{tried:,} attempts, all contained." if not found else f"{tried:,} attempts, {len(found):,} not contained."
        tone = "bad" if found or blind else "good"
        more = "".join(f'<p class="bad">The audit is blind: {harmless(what)}.</p>' for what in blind)
        return f'<p class="verdict {tone}">{said}</p>{more}'

    def overview(self) -> Iterator[str]:
        """Contained of tried, by class and system."""
        parts = self._report.parts
        rows = [{row.kind: row for row in part.rows()} for part in parts]
        heads = "".join(f"<th>{harmless(part.system)}</th>" for part in parts)
        yield f'<h2>Contained, of those tried</h2><div class="scroll"><table><tr><th>class</th>{heads}</tr>'
        for kind, what in CLASSES.items():
            if any(kind in mine for mine in rows):
                cells = "".join(_contained(part, mine.get(kind)) for part, mine in zip(parts, rows, strict=True))
                yield f"<tr><td>{kind} {what}</td>{cells}</tr>"
        yield "</table></div>"

    def figures(self) -> Iterator[str]:
        """A table for each system."""
        for part in self._report.parts:
            heads = "".join(f"<th>{name}</th>" for name in HEADINGS)
            yield f'<h2>{harmless(part.title)}</h2><div class="scroll"><table><tr>{heads}</tr>'
            yield from (_row(part, row) for row in part.rows())
            yield "</table></div>"

    def findings(self) -> Iterator[str]:
        """What was not contained by a sandbox."""
        if found := self._report.findings():
            yield "<h2>Not contained</h2><ul>"
            for result in found:
                why = harmless("; ".join(result.why)[:1_000])
                what = f'<span class="bad">{result.outcome}</span> <code>{harmless(result.id)}</code> on {harmless(result.system)}'
                yield f"<li>{what}: {why}</li>"
            yield "</ul>"

    def attempts(self) -> Iterator[str]:
        """Each with its source, by class."""
        for kind, what in CLASSES.items():
            mine = [attempt for attempt in self._attempts if attempt.kind == kind and attempt.id in self._results]
            if mine:
                yield f"<h2>{kind}: {what}, {len(mine)} attempts</h2>"
                yield from (self._attempt(attempt) for attempt in mine)

    def _attempt(self, attempt: Attempt) -> str:
        results = self._results[attempt.id]
        outcomes = " ".join(f'<span class="{_tone(result)}">{harmless(result.system)}: {result.outcome}</span>' for result in results)
        steps = "".join(f"<pre>{harmless(_shown(step))}</pre>" for step in attempt.source)
        why = "".join(f"<p>{harmless(r.system)}: {harmless('; '.join(r.why)[:1_000])}</p>" for r in results if r.why)
        head = f'<summary><code>{harmless(attempt.id)}</code><span class="what">{harmless(attempt.technique)}</span>{outcomes}</summary>'
        return f"<details>{head}<p>{harmless(attempt.about)}</p>{steps}{why}</details>"


def _tone(result: Result) -> str:
    return "bad" if result.outcome in FINDINGS else "good" if result.outcome is Outcome.CONTAINED else "dim"


def _contained(part: Part, row: Row | None) -> str:
    if row is None or not row.tried:
        return "<td></td>"
    contained = row.outcomes.get(Outcome.CONTAINED, 0)
    tone = "dim" if part.is_control else "good" if contained == row.tried else "bad"
    return f'<td class="n {tone}">{contained} of {row.tried}</td>'


def _row(part: Part, row: Row) -> str:
    counts = []
    for outcome in (Outcome.CONTAINED, *FINDINGS, Outcome.NOT_APPLICABLE):
        number = row.outcomes.get(outcome, 0)
        tone = "good" if outcome is Outcome.CONTAINED else "bad" if outcome in FINDINGS and number and not part.is_control else ""
        counts.append(f'<td class="n {tone}">{number or ""}</td>')
    figures = f"{row.seconds:.2f} s", f"{row.memory_bytes / 1e6:.0f} MB", f"{row.lag_seconds * 1000:.0f} ms"
    cells = "".join([f'<td class="n">{row.tried}</td>', *counts, *(f'<td class="n">{figure}</td>' for figure in figures)])
    return f"<tr><td>{row.kind} {CLASSES[row.kind]}</td>{cells}</tr>"


def _shown(step: str | Step) -> str:
    if isinstance(step, str):
        return step.strip("\n")[:SOURCE_CHARS]
    given = {name: value for name in step.__struct_fields__ if (value := getattr(step, name)) != _DEFAULTS[name]}
    return "\n".join(f"{name} = {value if isinstance(value, str) else repr(value)}" for name, value in given.items())[:SOURCE_CHARS]


_DEFAULTS = {name: getattr(Step(), name) for name in Step.__struct_fields__}
