"""The REPL loop, without I/O: a generator that yields effects and is sent their outcomes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ..models.protocol import Message
from ..values import Value
from . import guards, prompt
from .effects import Ask, Conclusion, Effect, Exec, GetVariable, Got, Loop, Outcome, Ran, Refuse, Reply, Stopped
from .finals import TextFinal
from .guards import Facts, Guards
from .parse import Parsed, parse_reply
from .prompt import Brief

_T = TypeVar("_T")
_Part: TypeAlias = Generator[Effect, Outcome, Conclusion | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One question for the loop."""

    brief: Brief
    guards: Guards = field(default_factory=Guards)

    @property
    def steps(self) -> int:
        """Replies that the model may give."""
        return self.brief.steps


def repl_loop(task: Task) -> Loop:
    """Ask, run the reply's cells, show their output, until a final answer or the last step."""
    turns = _Turns(task)
    while turns.step < task.steps:
        reply = yield turns.next_ask()
        if isinstance(reply, Stopped):
            return guards.cut_short(reply.error, turns.partial)
        conclusion = yield from _turn(turns, _expect(reply, Reply).text)
        if conclusion is not None:
            return conclusion
    return guards.out_of_steps(task.steps, turns.partial, turns.last_refusal)


@dataclass(slots=True)
class _Turns:
    """What the loop remembers."""

    task: Task
    step: int = 0
    cells: int = 0
    subcalls: int = 0
    invalid: int = 0
    transcript: list[Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    partial: Value = ""
    """The best there is without an accepted answer: a refused one, else the last output."""
    last_refusal: str | None = None
    refused_value: bool = False

    @property
    def last(self) -> bool:
        return self.step == self.task.steps

    @property
    def facts(self) -> Facts:
        return Facts(step=self.step, cells=self.cells, subcalls=self.subcalls)

    def next_ask(self) -> Ask:
        self.step += 1
        if self.transcript:
            self.transcript.append(prompt.next_message(self.notes, last_step=self.last))
        else:
            brief = self.task.brief
            self.transcript += [prompt.system_message(brief), prompt.first_message(brief, last_step=self.last)]
        self.notes = []
        self.last_refusal = None
        return Ask(messages=tuple(self.transcript), step=self.step)

    def heard(self, text: str) -> Parsed:
        parsed = parse_reply(text)
        kept = prompt.clip(text, prompt.OBSERVATION_CHARS) if parsed.clipped else text
        # Some providers refuse an empty turn.
        self.transcript.append(Message("assistant", kept or "(empty)"))
        self.notes.extend(_remarks(parsed))
        return parsed

    def saw(self, ran: Ran) -> None:
        result = ran.result
        self.cells += 1
        self.subcalls += ran.subcalls
        self.variables.update(result.changed)
        self.notes.append(prompt.observation(self.cells, result))
        shown = result.stdout or result.value_preview
        if shown and not self.refused_value:
            self.partial = shown.strip()

    def refuse(self, reason: str) -> Refuse:
        self.notes.append(prompt.refusal(reason))
        self.last_refusal = reason
        return Refuse(reason=reason, step=self.step)


def _remarks(parsed: Parsed) -> list[str]:
    remarks = []
    if parsed.cells and parsed.final is not None:
        remarks.append(prompt.refusal("the FINAL in the text was ignored, since the reply also had a cell; give it alone, or in a cell"))
    if parsed.dropped_cells:
        remarks.append(prompt.refusal(f"the last {parsed.dropped_cells} cells of the reply were too many and did not run"))
    if parsed.clipped:
        remarks.append(prompt.refusal("the reply was too long; only its start was read"))
    return remarks


def _turn(turns: _Turns, text: str) -> _Part:
    parsed = turns.heard(text)
    if parsed.cells:
        turns.invalid = 0
        return (yield from _run_cells(turns, parsed.cells))
    if parsed.final is not None:
        turns.invalid = 0
        return (yield from _text_final(turns, parsed.final))
    return (yield from _invalid(turns, parsed))


def _run_cells(turns: _Turns, cells: tuple[str, ...]) -> _Part:
    for index, code in enumerate(cells):
        outcome = yield Exec(code=code, step=turns.step, index=index)
        if isinstance(outcome, Stopped):
            return guards.cut_short(outcome.error, turns.partial)
        ran = _expect(outcome, Ran)
        conclusion = yield from _judge(turns, ran)
        if conclusion is not None:
            return conclusion
        left = len(cells) - index - 1
        # A later cell would work on what the failed one left undone.
        if left and ran.result.error is not None:
            turns.notes.append(f"The other {left} cells of the reply did not run, because of that error.")
            break
    return None


def _judge(turns: _Turns, ran: Ran) -> _Part:
    turns.saw(ran)
    if ran.result.has_final:
        failed = "the cell failed after FINAL; fix it and give the answer again" if ran.result.error is not None else None
        conclusion = yield from _offer(turns, ran.result.final, failed)
        if conclusion is not None:
            return conclusion
    return guards.cut_short(ran.stopped, turns.partial) if ran.stopped is not None else None


def _text_final(turns: _Turns, final: TextFinal) -> _Part:
    # At the last step nobody can ask which one `FINAL(total)` meant; a variable of that name is the likelier reading.
    by_name = final.is_variable or (turns.last and not final.quoted and final.body in turns.variables)
    reason = guards.refused_text(final, by_name=by_name, variables=turns.variables)
    got: Outcome = Got(value=final.body, missing=reason)
    if reason is None and by_name:
        got = yield GetVariable(name=final.body, step=turns.step)
        if isinstance(got, Stopped):
            return guards.cut_short(got.error, turns.partial)
    answer = _expect(got, Got)
    if answer.missing is not None:
        yield turns.refuse(answer.missing)
        return None
    return (yield from _offer(turns, answer.value, None))


def _offer(turns: _Turns, value: Value, reason: str | None) -> _Part:
    """Take a final answer, or refuse it and say why."""
    reason = reason or guards.refused_final(turns.task.guards, turns.facts)
    if reason is None:
        return Conclusion(success=True, value=value)
    turns.partial, turns.refused_value = value, True
    yield turns.refuse(reason)
    return None


def _invalid(turns: _Turns, parsed: Parsed) -> _Part:
    turns.invalid += 1
    if turns.last and parsed.text:
        # It was told to answer now, and this is what it said.
        return (yield from _offer(turns, parsed.text, None))
    yield turns.refuse(guards.invalid_reply(parsed))
    if turns.invalid >= turns.task.guards.invalid_response_limit:
        return guards.too_many_invalid(turns.invalid, turns.partial or parsed.text)
    return None


def _expect(outcome: Outcome, kind: type[_T]) -> _T:
    if not isinstance(outcome, kind):
        raise TypeError(f"the loop was sent a {type(outcome).__name__} where a {kind.__name__} was due")
    return outcome
