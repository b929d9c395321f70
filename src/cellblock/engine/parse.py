"""A model's reply becomes cells, text and perhaps a final answer. Linear time, nothing evaluated.

Fences follow CommonMark: three or more backticks or tildes, at most three spaces before them, closed by a fence of the
same character that is at least as long, or by the reply's end. A fence marked `repl`, `python`, `py` or not at all is a
cell; other languages are text. Thoughts (`<think>`), and tool calls and their results that the model imagined, are left out first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..values import Value
from .finals import TextFinal, find_final
from .structured import Structured, structured_reply

MAX_REPLY_CHARS = 1_000_000
"""More than any provider's answer holds. The rest is dropped, and `Parsed.clipped` says so."""
MAX_CELLS = 32
"""Cells of one reply that run; `Parsed.dropped_cells` counts the rest."""

_CELL_LANGUAGES = frozenset({"", "repl", "python", "py"})
# A backtick fence has no backtick in its info string: that would be inline code.
_FENCE = re.compile(r"( {0,3})(?:(`{3,})([^`]*)|(~{3,})(.*))\Z", re.DOTALL)
_HIDDEN = re.compile(
    r"[ \t]*<(?:((?i:think|thinking))>"
    r"|(tool_(?:calls?|use|code|responses?|results?|outputs?)|function_(?:calls?|responses?|results?)|function(?==)|invoke"
    r"|antml:function_calls|antml:invoke)\b[^<>\n]{0,200}>)"
)
_FINAL_START = re.compile(r" {0,3}\*{0,3}FINAL(?:_VAR)?\*{0,3}[ \t]*[(:]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """One reply, taken apart."""

    cells: tuple[str, ...] = ()
    """Source of the cells, in order; empty ones left out."""
    final: TextFinal | None = None
    """The first final answer in the text. With cells in the same reply it does not count."""
    text: str = ""
    """What is left: no cells, thoughts or tool calls."""
    unbalanced_final: bool = False
    """A `FINAL(` was never closed."""
    tool_calls: int = 0
    """Imagined tool calls and results that were left out."""
    dropped_cells: int = 0
    clipped: bool = False
    answer: tuple[Value, ...] = ()
    """The final answer of a structured reply, with its type. With code in the same reply it does not count."""
    structured: bool = False
    """The reply was a JSON object, see `structured`."""


def parse_reply(reply: str) -> Parsed:
    """Take a reply apart. Never raises; time is linear in the reply's length."""
    clipped = len(reply) > MAX_REPLY_CHARS
    source = reply[:MAX_REPLY_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    form = structured_reply(source)
    return _parsed(source, clipped) if form is None else _filled_in(form)


def _filled_in(form: Structured) -> Parsed:
    """A structured reply. Its code may stand in fences of its own all the same."""
    fenced = _parsed(form.code, clipped=False).cells if "```" in form.code else ()
    cells = fenced or ((form.code,) if form.code else ())
    return Parsed(cells=cells, text=form.reasoning.strip(), answer=form.answer, structured=True)


def _parsed(source: str, clipped: bool) -> Parsed:
    scan = _Scan(source)
    scan.run()
    text = "".join(scan.text)
    final, unbalanced = find_final(text, scan.final_starts)
    return Parsed(
        cells=tuple(scan.cells[:MAX_CELLS]),
        final=final,
        text=text.strip(),
        unbalanced_final=unbalanced and final is None,
        tool_calls=scan.tool_calls,
        dropped_cells=max(0, len(scan.cells) - MAX_CELLS),
        clipped=clipped,
    )


@dataclass(slots=True)
class _Scan:
    """One pass over the lines. Every jump goes forward, which is what makes it linear."""

    source: str
    at: int = 0
    cells: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    text_chars: int = 0
    final_starts: list[int] = field(default_factory=list)
    """Offsets into the text, of lines outside every fence that look like a final answer."""
    tool_calls: int = 0
    last_close: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        while self.at < len(self.source):
            start = self.at
            # In the source itself: one line may hold a hundred thousand of them, and its rest is not to be copied for each.
            if hidden := _HIDDEN.match(self.source, start):
                self.hide(hidden)
                continue
            line = self.next_line()
            if fence := _FENCE.match(line.rstrip("\n")):
                self.fence(fence, start)
            elif (closing := _end_of_thought(line)) >= 0:
                self.forget(start + closing)
            else:
                self.prose(line)

    def hide(self, opening: re.Match[str]) -> None:
        """Go past a thought, or past a tool call; one that is never closed is only its opening."""
        thought, tool = opening.groups()
        self.tool_calls += tool is not None
        self.at = self.after_close(thought or tool, opening.end(), otherwise=len(self.source) if thought else opening.end())

    def next_line(self) -> str:
        end = self.source.find("\n", self.at) + 1 or len(self.source)
        line = self.source[self.at : end]
        self.at = end
        return line

    def prose(self, line: str) -> None:
        if _FINAL_START.match(line):
            self.final_starts.append(self.text_chars)
        self.keep(line)

    def keep(self, text: str) -> None:
        self.text.append(text)
        self.text_chars += len(text)

    def forget(self, at: int) -> None:
        """Some chat templates open the thought before the reply: all up to `</think>` was thought."""
        self.at = at
        self.cells.clear()
        self.text.clear()
        self.final_starts.clear()
        self.text_chars = self.tool_calls = 0

    def after_close(self, tag: str, at: int, *, otherwise: int) -> int:
        # The last closing tag is looked up once per name, so that a million unclosed ones cost one search.
        closing = f"</{tag}>"
        if closing not in self.last_close:
            self.last_close[closing] = self.source.rfind(closing)
        if self.last_close[closing] < at:
            return otherwise
        return self.source.index(closing, at) + len(closing)

    def fence(self, opening: re.Match[str], start: int) -> None:
        indent, mark = len(opening[1]), opening[2] or opening[4]
        language = _language(opening[3] or opening[5] or "")
        body = list(self.fenced_lines(mark, indent))
        if language not in _CELL_LANGUAGES:
            self.keep(self.source[start : self.at])
        elif (code := "".join(body)).strip():
            self.cells.append(code)

    def fenced_lines(self, mark: str, indent: int) -> Iterator[str]:
        while self.at < len(self.source):
            line = self.next_line()
            if _closes(line, mark):
                return
            yield line[_leading_spaces(line, indent) :] if indent else line


def _closes(line: str, mark: str) -> bool:
    bare = line.rstrip(" \t\n")
    inner = bare.lstrip(" ")
    return len(bare) - len(inner) <= 3 and len(inner) >= len(mark) and inner == mark[0] * len(inner)


def _leading_spaces(line: str, at_most: int) -> int:
    return min(at_most, len(line) - len(line.lstrip(" ")))


def _language(info: str) -> str:
    words = info[:100].strip().strip("{}").split(None, 1)
    return words[0].lower().lstrip(".") if words else ""


def _end_of_thought(line: str) -> int:
    """Where the text goes on after the last `</think>` of a line that nothing opened; -1 without one."""
    at = line.rfind("</think>")
    return at + len("</think>") if at >= 0 else -1
