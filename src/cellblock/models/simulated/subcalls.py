"""What the simulated model answers to a sub-call: fixed rules, no understanding."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from .json_answers import ASKED, json_answer
from .lexicon import label_of

NOTICE = "[simulated: no language model was called]"
"""The first line of every reply."""
NO_ANSWER = "NO_ANSWER"
_READ_CHARS = 2_000_000
_PHRASE_CHARS = 110
_ADVICE = 3
"""Replacements that are named for one module."""
_ITEM = re.compile(r"^\d+\. (.*)$", re.MULTILINE)
_STRING = re.compile(r'"((?:[^"\\\n]|\\.){3,})"|\'((?:[^\'\\\n]|\\.){3,})\'')
_USE = re.compile(r"\b[Uu]se (?:the )?([^,;]{2,70}?)(?: instead| and is | \(available|\. | for |$|\.$)")
_FAVOUR = re.compile(r"\b(?:in favou?r of|replaced by|replacement is|superseded by) (?:the )?([^,;]{2,70}?)(?:\. |$|\.$| instead| and is )")


def answer(prompt: str) -> str:
    """The answer to one prompt, always the same for the same prompt; its first line is `NOTICE`."""
    read = prompt[:_READ_CHARS]
    if ASKED in read:
        return f"{NOTICE}\n{json_answer(read, _said(read.partition(ASKED)[0]))}"
    return f"{NOTICE}\n{_said(read)}"


def _said(prompt: str) -> str:
    for start, rule in _RULES:
        if prompt.startswith(start):
            return rule(prompt)
    words = " ".join(prompt[:400].split())
    return f"Nobody read this prompt, so this is no judgement. It began: {words[:120]}"


def _classify(prompt: str) -> str:
    head, _, items = prompt.partition("\n")
    labels = [label.strip() for label in head.partition(" as one of: ")[2].rstrip(".").split(";") if label.strip()]
    return "\n".join(label_of(item, labels) for item in _ITEM.findall(items)) if labels else NO_ANSWER


def _summarise(prompt: str) -> str:
    """The replacement that a deprecation notice names, taken from the texts in the call."""
    code = prompt.partition("\n")[2].partition("DeprecationWarning")[0]
    text = " ".join("".join(double or single for double, single in _STRING.findall(code)).split())
    found = _USE.search(text) or _FAVOUR.search(text)
    if found:
        return f"use {found[1].strip().rstrip('.')}"
    return f"no replacement named: {text[:_PHRASE_CHARS]}" if text else "no replacement named"


def _combine(prompt: str) -> str:
    notices = [line[2:].strip() for line in prompt.split("\n") if line.startswith("- ")]
    named = Counter(notice for notice in notices if notice.startswith("use "))
    said = [f"{notice} ({count} notices)" if count > 1 else notice for notice, count in named.most_common(_ADVICE)]
    if len(named) > _ADVICE:
        said.append(f"{len(named) - _ADVICE} more")
    unnamed = len(notices) - named.total()
    if unnamed:
        said.append(f"{unnamed} without a replacement")
    return "; ".join(said) or NO_ANSWER


def _from_passage(prompt: str) -> str:
    head, _, passage = prompt.partition("\nPassage:\n")
    return from_passage(head.partition("\nQuestion: ")[2], passage)


def from_passage(question: str, passage: str) -> str:
    """The sentence of the passage that shares most words with the question, if it shares half of them; else `NO_ANSWER`."""
    wanted = set(re.findall(r"\w{4,}", question.lower()))
    sentences = [" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+|\n", passage) if part.strip()]
    shared = [len(wanted.intersection(re.findall(r"\w{4,}", sentence.lower()))) for sentence in sentences]
    if not shared or max(shared) * 2 < len(wanted) or not wanted:
        return NO_ANSWER
    return sentences[shared.index(max(shared))][:300]


_RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("Classify each of the following", _classify),
    ("Summarise this deprecation notice in one phrase", _summarise),
    ("Combine these notices", _combine),
    ("Answer the question from the passage alone", _from_passage),
)
