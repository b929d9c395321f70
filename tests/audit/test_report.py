"""What people see of an audit: figures, findings, the exit code, and a page that hostile text cannot act on."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from cellblock.audit import Attempt, Outcome, Report, Result
from cellblock.audit.attempts import Expectation, Step
from cellblock.audit.html import page
from cellblock.audit.plan import trials
from cellblock.audit.report import SEEN_BY_CONTROLS, Part

HOSTILE = '</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)\x1b]0;t\x07\u202eevil'


def result(id: str = "A/one", outcome: Outcome = Outcome.CONTAINED, *, why: tuple[str, ...] = (), system: str = "monty") -> Result:
    return Result(id=id, kind=id[0], technique="t", system=system, outcome=outcome, why=why, seconds=0.5, memory_bytes=10**7)


def part(*results: Result, control: bool = False) -> Part:
    return Part(system="exec" if control else "monty", walls="both", is_control=control, results=results, seconds=1.0)


def attempt(id: str, *source: str | Step) -> Attempt:
    return Attempt(kind=id[0], technique=HOSTILE, about=HOSTILE, source=list(source), expectation=Expectation(), id=id)  # type: ignore[arg-type]


ALL_SEEN = part(result(outcome=Outcome.ESCAPED, why=tuple(SEEN_BY_CONTROLS)), control=True)


@pytest.mark.parametrize("outcome", [Outcome.ESCAPED, Outcome.CRASHED, Outcome.OVERRUN])
def test_what_is_not_contained_is_an_exit_code_of_1(outcome: Outcome) -> None:
    report = Report(parts=[part(result(), result("B/two", outcome)), ALL_SEEN])
    assert report.exit_code == 1
    assert [found.id for found in report.findings()] == ["B/two"]


def test_escapes_from_controls_are_none_of_a_sandbox() -> None:
    report = Report(parts=[part(result(), result("B/two", Outcome.NOT_APPLICABLE)), ALL_SEEN])
    assert report.exit_code == 0 and not report.findings()


@pytest.mark.parametrize("missing", SEEN_BY_CONTROLS)
def test_controls_that_do_not_show_everything_are_an_exit_code_of_1(missing: str) -> None:
    why = tuple(word for word in SEEN_BY_CONTROLS if word != missing)
    report = Report(parts=[part(result()), part(result(outcome=Outcome.ESCAPED, why=why), control=True)])
    assert report.unseen() == [f"no control showed: {missing}"] and report.exit_code == 1


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_a_page_shows_hostile_text_and_does_not_obey_it() -> None:
    attempts = [attempt("A/one", HOSTILE), attempt("H/two", Step(run=[HOSTILE], query=HOSTILE))]
    report = Report(parts=[part(result(), result("H/two", Outcome.ESCAPED, why=(HOSTILE,), system=HOSTILE))])
    text = page(report, attempts)
    parser = _Seen()
    parser.feed(text)
    assert not parser.tags & {"script", "img", "svg", "iframe", "link", "object"}
    assert not {name for name in parser.attributes if name.startswith("on") or name in ("src", "href")}
    assert not {char for char in text if char in "\x1b\x07\u202e"}
    assert "&lt;script&gt;" in text and "default-src 'none'" in text


def test_an_audit_of_one_sandbox_tries_each_wall_once() -> None:
    attempts = [attempt("A/one", "x"), attempt("B/two", "x"), attempt("E/three", "x")]
    planned = list(trials(attempts, ["monty", "restricted"], walls=("both", "interpreter", "jail"), controls=True))
    told = [(trial.name, trial.walls, [one.id for one in trial.attempts]) for trial in planned]
    assert told == [
        ("monty", "both", ["A/one", "B/two", "E/three"]),
        ("restricted", "both", ["A/one", "B/two", "E/three"]),
        ("monty", "interpreter", ["A/one"]),
        ("restricted", "interpreter", ["A/one"]),
        ("monty", "jail", ["A/one"]),
        ("exec", "both", ["A/one", "B/two"]),
        ("restrictedpython", "both", ["A/one", "B/two"]),
    ]
