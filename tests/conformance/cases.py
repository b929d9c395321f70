"""Case files: a session's cells as ordinary Python, and last what each of them has to give. `sandboxes/cases/README.md` says it all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellblock.repl.guests import sandboxes_folder

MARKER = "# %%"
EXPECTED = "# expected"
STEPS = ("cell", "quoted", "set", "get", "dump", "fork", "back")
HEADERS = ("context", "far", "limits", "seed", "clock")
CLOCK = 1_700_000_000.0
PRE_IMPORTED = ("re", "json", "math", "collections", "itertools", "functools", "datetime", "time", "random")
"""Modules that a cell finds without importing them, on every sandbox."""
_ERROR = re.compile(r"(?P<kinds>[\w.|]+)(?:: (?P<part>.*?))?(?: @(?P<line>\d+))?")


class CaseError(ValueError):
    """A case file that is not as it should be; the message names the line."""


@dataclass(frozen=True)
class ExpectedError:
    """An error by its kind, a part of its message, and its line; or the limit that was passed. Of kinds and limits, one of several."""

    kinds: tuple[str, ...] = ()
    part: str = ""
    line: int | None = None
    limits: tuple[str, ...] = ()


@dataclass
class Expected:
    """What one step has to give. What is not mentioned must not be there."""

    stdout: str = ""
    preview: str | None = None
    error: ExpectedError | None = None
    may_pass: bool = False
    """The error may be missing."""
    final: str | None = None
    notes: dict[str, str] = field(default_factory=dict)


@dataclass
class Observed:
    """What one step gave. Values are given by their `repr`: it tells 1 from True and from 1.0."""

    stdout: str = ""
    preview: str | None = None
    error: tuple[str, str, int | None] | None = None
    limit: str | None = None
    final: str | None = None
    changed: str = ""
    dropped: int = 0


@dataclass(frozen=True)
class Step:
    """A cell, or something that the host does between two cells."""

    kind: str
    code: str = ""
    name: str = ""
    value: Any = None


@dataclass
class Case:
    """One behaviour."""

    id: str
    says: str
    steps: list[Step]
    expected: list[Expected]
    context: Any = None
    far: tuple[str, ...] = ()
    limits: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    clock: float = CLOCK


def all_cases(folder: Path | None = None) -> list[Case]:
    """Every case of `sandboxes/cases`, by area and name."""
    folder = folder or sandboxes_folder() / "cases"
    return [parse(path.relative_to(folder).with_suffix("").as_posix(), path.read_text("utf-8")) for path in sorted(folder.rglob("*.py"))]


def parse(name: str, text: str) -> Case:
    """The case that a file's text describes.

    Raises:
        CaseError: it is not as `README.md` says.
    """
    lines = text.splitlines()
    if not lines or not lines[0].startswith("# "):
        raise CaseError(f"{name}: the first line has to be a comment that says what the case shows")
    if lines.count(EXPECTED) != 1:
        raise CaseError(f"{name}: one line `{EXPECTED}` is needed")
    end = lines.index(EXPECTED)
    body = next((at for at, line in enumerate(lines) if not line.startswith("#") or line.startswith(MARKER)), end)
    headers = _headers(name, lines[1:body])
    steps = [_step(name, marker, part) for marker, part in _parts(lines[body:end])]
    expected = [_expected(name, part) for _, part in _parts(lines[end + 1 :], keep_first=True)]
    if len(steps) != len(expected):
        raise CaseError(f"{name}: {len(steps)} steps, {len(expected)} expectations")
    return Case(name, lines[0][2:], steps, expected, **headers)


def _parts(lines: Iterable[str], *, keep_first: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Lines by the marker above them. Code before the first marker is a cell, if there is any."""
    marker, part = "", list[str]()
    for line in lines:
        if line.startswith(MARKER):
            if keep_first or marker or any(part):
                yield marker, part
            marker, part, keep_first = line[len(MARKER) :].strip() or "cell", [], False
        else:
            part.append(line)
    yield marker, part


def _headers(name: str, lines: Iterable[str]) -> dict[str, Any]:
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        key, colon, value = line[1:].strip().partition(":")
        if line.startswith("#   ") and last:
            found[last] += " " + line[1:].strip()
        elif colon and key in HEADERS:
            last, found[key] = key, value.strip()
        elif last:
            raise CaseError(f"{name}: {line!r} is no header; known: {', '.join(HEADERS)}")
    return {key: _header(key, value) for key, value in found.items()}


def _header(key: str, value: str) -> Any:
    if key == "far":
        return tuple(value.replace(",", " ").split())
    # Expressions, not literals alone, so that a large context is a short line. The files are the project's own.
    return eval(f"dict({value})" if key == "limits" else value)


def _step(name: str, marker: str, lines: list[str]) -> Step:
    kind, _, rest = (marker or "cell").partition(" ")
    if kind not in STEPS:
        raise CaseError(f"{name}: no step {kind!r}; known: {', '.join(STEPS)}")
    if kind == "quoted":
        return Step("cell", _cell(line.removeprefix("#").removeprefix(" ") for line in lines))
    if kind == "cell":
        return Step(kind, _cell(lines))
    variable, _, value = rest.partition("=")
    return Step(kind, name=variable.strip(), value=eval(value) if kind == "set" else None)


def _cell(lines: Iterable[str]) -> str:
    return "\n".join(lines).strip("\n")


def _expected(name: str, lines: Iterable[str]) -> Expected:
    expected = Expected()
    for line in filter(None, lines):
        mark, text = line[:2], line[2:].removeprefix(" ")
        if mark == "#>":
            expected.stdout += text + "\n"
        elif mark == "#|":
            expected.stdout += text
        elif mark == "#=":
            expected.preview = text if expected.preview is None else f"{expected.preview}\n{text}"
        elif mark in ("#!", "#?"):
            expected.error, expected.may_pass = _error(name, text), mark == "#?"
        elif mark == "#.":
            expected.final = text
        elif mark == "#~":
            key, _, value = text.partition(":")
            expected.notes[key] = value.strip()
        else:
            raise CaseError(f"{name}: {line!r} is no expectation")
    return expected


def _error(name: str, text: str) -> ExpectedError:
    if text.startswith("limit "):
        return ExpectedError(limits=tuple(text.removeprefix("limit ").split("|")))
    found = _ERROR.fullmatch(text)
    if found is None:
        raise CaseError(f"{name}: {text!r} is no error")
    line = found["line"]
    return ExpectedError(tuple(found["kinds"].split("|")), found["part"] or "", int(line) if line else None)


def problems(case: Case, observed: list[Observed]) -> list[str]:
    """What differs from the expectation, one line each."""
    if len(observed) != len(case.steps):
        return [f"{len(observed)} of {len(case.steps)} steps were taken"]
    return [
        f"step {number}: {problem}"
        for number, (expected, got) in enumerate(zip(case.expected, observed, strict=True), 1)
        for problem in _differences(expected, got)
    ]


def _differences(expected: Expected, got: Observed) -> Iterator[str]:
    if not _same_error(expected.error, got) and not (expected.may_pass and got.error is None):
        yield f"error: {expected.error} expected, got {got.error} limit={got.limit}"
    for what in ("stdout", "preview", "final"):
        wanted, found = getattr(expected, what), getattr(got, what)
        if wanted != found:
            yield f"{what}: {wanted!r} expected, got {found!r}"
    for note, wanted in expected.notes.items():
        if wanted != str(getattr(got, note)):
            yield f"{note}: {wanted!r} expected, got {getattr(got, note)!r}"


def _same_error(expected: ExpectedError | None, got: Observed) -> bool:
    if expected is None or got.error is None:
        return expected is None and got.error is None
    if expected.limits or got.limit:
        return got.limit in expected.limits
    kind, message, line = got.error
    return kind in expected.kinds and expected.part in message and expected.line in (None, line)
