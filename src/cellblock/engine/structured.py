"""Replies that are one JSON object: `{"reasoning": …, "code": …, "is_final": …, "final_answer": …}`. Any of the four may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from ..values import Value, plain

MAX_JSON_CHARS = 1_000_000


class _Fields(msgspec.Struct):
    reasoning: str | None = None
    code: str | None = None
    is_final: bool | None = None
    final_answer: Any = msgspec.UNSET


@dataclass(frozen=True, kw_only=True, slots=True)
class Structured:
    """Such a reply."""

    reasoning: str
    code: str
    """Empty if there is none."""
    answer: tuple[Value, ...]
    """The final answer with its JSON type, if the reply says that it is final; else nothing."""


def structured_reply(reply: str) -> Structured | None:
    """The reply's fields; None if it is not one JSON object of this form, bare or in a `json` fence."""
    text = _unfenced(reply.strip())
    if not (text.startswith("{") and text.endswith("}")) or len(text) > MAX_JSON_CHARS:
        return None
    try:
        fields = msgspec.json.decode(text.encode("utf-8", "replace"), type=_Fields)
    except (msgspec.DecodeError, RecursionError):
        return None
    code = (fields.code or "").strip("\n")
    given = fields.final_answer is not msgspec.UNSET
    if not (code.strip() or given):
        return None
    # A null beside "is_final": true is an answer; one beside code is the field of a form that was not filled in.
    final = given and (fields.is_final is True or (fields.is_final is None and not code.strip() and fields.final_answer is not None))
    try:
        answer = (plain(fields.final_answer),) if final else ()
    except (TypeError, ValueError):
        return None
    return Structured(reasoning=fields.reasoning or "", code=code if code.strip() else "", answer=answer)


def _unfenced(text: str) -> str:
    head, newline, rest = text.partition("\n")
    if newline and head.strip().lower() in ("```json", "```") and rest.endswith("```"):
        return rest[:-3].strip()
    return text
