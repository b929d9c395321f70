"""From a question to a plan: which cells to write, in which order, with which values in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from .transcript import Conversation

DEMO_QUESTION = "Which standard-library modules warn most often about deprecated use, and what do the notices tell people to use instead?"
"""A question over the source of Python's standard library that takes search, sub-calls and aggregation."""

FEW_HITS = 500
"""More matching places than this are counted window by window instead."""
WINDOW_CHARS = 1_000_000
"""Read from the context at a time."""
_CELLS_PER_SCAN = 12
_ROWS_PER_PROMPT, _MOST_ROWS_PER_PROMPT, _PROMPTS = 25, 2_000, 1_200
_CHARS_PER_ROW = 100
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """about after again also and are been before between both could does each from give have into many more most much name only
        other over should some such tell than that the their them then there these they this those through very was were what when
        where which while who whom whose will with would your""",
    )
)
_NEEDLES = re.compile(r"special magic (\w+) for (.+)\?")
_NEEDLES_PLACE = re.compile(r" (?:mentioned )?in the (?:provided )?(?:text|context)\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The cells for one kind of question. The last one gives the answer."""

    kind: str
    stages: tuple[tuple[str, str], ...]
    """What the reply says, and the file of the cell."""
    values: dict[str, object]
    """By name in the cell; written as Python literals."""

    def cell(self, stage: int) -> str:
        """The source of a stage's cell; a number past the end is the last stage."""
        source = files(__package__).joinpath("cells", self.stages[self.clamped(stage) - 1][1]).read_text(encoding="utf-8")
        return Template(source).substitute({name: repr(value) for name, value in self.values.items()})

    def thought(self, stage: int) -> str:
        """What the reply says before the cell."""
        return self.stages[self.clamped(stage) - 1][0]

    def clamped(self, stage: int) -> int:
        """`stage`, within the plan."""
        return min(max(stage, 1), len(self.stages))


def plan_for(conversation: Conversation) -> Plan:
    """The plan for this question; the one for unknown questions if nothing else fits."""
    for recognise in (_needles, _lines, _labels, _ledger, _deprecations):
        plan = recognise(conversation)
        if plan is not None:
            return plan
    return _unknown(conversation)


def _needles(at: Conversation) -> Plan | None:
    match = _NEEDLES.search(at.question)
    if match is None:
        return None
    whole = _NEEDLES_PLACE.sub("", match[2]).strip()
    parts = [part.strip() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", whole) if part.strip()]
    return Plan(
        kind="needles",
        stages=(
            ("Each fact is one sentence of a fixed form, so an exact search finds them all.", "needles_1_find.cell"),
            ("Those are all of them, in order of first appearance.", "needles_2_final.cell"),
        ),
        # The whole text is tried as one key first: a key may hold a comma or an "and".
        values={"noun": match[1], "whole": whole, "parts": parts},
    )


def _lines(at: Conversation) -> Plan | None:
    quoted = re.search(r"[Hh]ow many lines (?:of \w+ \w+ )?contain (?:the \w+ )?(['\"`])(.+)\1", at.question, re.DOTALL)
    plain = re.search(r"[Hh]ow many lines (?:of \w+ \w+ )?contain (.+?)\s*\?", at.question, re.DOTALL)
    needle = quoted[2] if quoted else plain[1] if plain else ""
    if not needle:
        return None
    return Plan(
        kind="lines",
        stages=(
            ("A rare text is found by search; a line with several hits must count once.", "lines_1_find.cell"),
            ("There are many such lines, so I read the context window by window and count.", "lines_2_scan.cell"),
            ("The count is complete.", "count_final.cell"),
        ),
        values={"needle": needle, "limit": FEW_HITS, "window": WINDOW_CHARS, "budget": _per_cell(at, 40 * WINDOW_CHARS)},
    )


def _per_cell(at: Conversation, least: int) -> int:
    return max(least, at.num_chars // _CELLS_PER_SCAN + 1)


def _labels(at: Conversation) -> Plan | None:
    listed = re.search(r"[Ll]abels?(?: are)?\s*:\s*(.+?)(?:\.(?:\s|$)|\n|\?|$)", at.question)
    if listed is None:
        return None
    parts = re.split(r"[,;]\s*(?:and |or )?", listed[1])
    labels = [label for label in (part.strip(" '\"`") for part in parts) if label]
    counted = re.search(r"[Hh]ow many\b.*?['\"]([^'\"]+)['\"]", at.question, re.DOTALL)
    wanted = f"count of {counted[1]}" if counted else "least" if re.search(r"least (?:frequent|common|often)", at.question) else "most"
    rows = at.num_chars // _CHARS_PER_ROW
    values: dict[str, object] = {
        "labels": labels,
        "wanted": wanted,
        "per_prompt": min(max(_ROWS_PER_PROMPT, rows // _PROMPTS + 1), _MOST_ROWS_PER_PROMPT),
        "window": WINDOW_CHARS,
        "budget": _per_cell(at, 4 * WINDOW_CHARS),
    }
    return Plan(
        kind="labels",
        stages=(
            ("The label is not in the rows, so I look at their form first.", "labels_1_look.cell"),
            ("Sub-calls label the rows in batches; the cell counts what they say.", "labels_2_classify.cell"),
            ("All rows are labelled.", "labels_3_final.cell"),
        ),
        values=values,
    )


def _ledger(at: Conversation) -> Plan | None:
    if not re.search(r"\bbalance\b", at.question, re.IGNORECASE) or "ledger" not in at.question.lower():
        return None
    date = re.search(r"\b\d{4}-\d{2}-\d{2}\b", at.question)
    return Plan(
        kind="ledger",
        stages=(
            ("I look at the form of the entries.", "ledger_1_look.cell"),
            ("Every line counts, so I add them up exactly, window by window.", "ledger_2_add.cell"),
            ("The sum is complete.", "ledger_3_final.cell"),
        ),
        values={"until": date[0] if date else "9999-12-31", "window": WINDOW_CHARS, "budget": _per_cell(at, 20 * WINDOW_CHARS)},
    )


def _deprecations(at: Conversation) -> Plan | None:
    if "deprecat" not in at.question.lower():
        return None
    return Plan(
        kind="deprecations",
        stages=(
            ("First a look at what is there.", "demo_1_look.cell"),
            ("Deprecated use is announced by warnings.warn, so I search for its calls and group them by module.", "demo_2_search.cell"),
            ("What a notice recommends is prose: sub-calls read the notices of the leading modules.", "demo_3_read.cell"),
            ("Now one sub-call per module puts its notices together.", "demo_4_combine.cell"),
            ("That is enough for the answer.", "demo_5_final.cell"),
        ),
        values={"modules": 12, "notices": 8},
    )


def _unknown(at: Conversation) -> Plan:
    words = sorted(set(re.findall(r"\w{4,40}", at.question[:5_000])) - _STOP_WORDS, key=lambda word: (-len(word), word))
    words = [word for word in words if word.lower() not in _STOP_WORDS][:8]
    return Plan(
        kind="unknown",
        stages=(
            ("I look at samples and search for the question's words.", "unknown_1_search.cell"),
            ("Sub-calls read the passages that have most of those words.", "unknown_2_read.cell"),
            ("That is what can be said.", "unknown_3_final.cell"),
        ),
        values={"words": words, "question": at.question[:2_000], "exact": at.num_chars > 20_000_000},
    )
