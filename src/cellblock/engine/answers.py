"""Taking a final answer: where it may come from, what it must pass, and what is left when none came. Parts of the loop."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import TypeAlias, TypeVar

from ..values import Value
from . import asides, endings, guards
from .effects import Conclusion, Effect, Ending, GetVariable, Got, Outcome, Reply, Stopped
from .finals import TextFinal
from .parse import Parsed, parse_reply
from .turns import Turns
from .value_texts import answer_text

T = TypeVar("T")
Part: TypeAlias = Generator[Effect, Outcome, Conclusion | None]
"""A part of the loop: its conclusion ends the run, None lets it go on."""
_Reason: TypeAlias = Generator[Effect, Outcome, "str | Conclusion | None"]


def offer(turns: Turns, value: Value, reason: str | None = None, *, ending: Ending = "final") -> Part:
    """Take a final answer, or refuse it and say why.

    Args:
        reason: why it is refused in any case; None if nothing is known against it yet.
    """
    reason = reason or guards.refused_final(turns.task.guards, turns.facts)
    if reason is None:
        checked = turns.task.answer_type.check(value)
        verified: bool | None = None
        if checked.problem is not None:
            reason = f"the answer does not fit what was asked for: {checked.problem}"
        elif turns.task.guards.verifications:
            verdict = yield from _verdict(turns, checked.value)
            if isinstance(verdict, Conclusion):
                return verdict
            reason, verified = _weighed(turns, verdict)
        if reason is None:
            return endings.answered(checked.value, checked.output, ending=ending, verified=verified)
    turns.partial, turns.refused_value = value, True
    yield turns.refuse(reason)
    return None


def _weighed(turns: Turns, verdict: str | None) -> tuple[str | None, bool]:
    """Whether a verdict still counts: after some rejections, an answer is better than none, and says that it is not verified."""
    if verdict is None or turns.rejections >= turns.task.guards.verifier_rejections:
        return None, verdict is None
    turns.rejections += 1
    return f"the verifier turned it down: {verdict}", False


def _verdict(turns: Turns, value: Value) -> _Reason:
    """Why the verifier turns the answer down, at its first check that does; None if it passed all."""
    record = "\n\n".join([message.content for message in turns.transcript.messages()[2:]] + turns.notes)
    for check in range(turns.task.guards.verifications):
        messages = asides.verify_messages(turns.task.brief.question, answer_text(value), record, check)
        reply = yield turns.aside("verify", messages)
        if isinstance(reply, Stopped):
            return endings.cut_short(reply.error, value)
        reason = asides.verdict(expect(reply, Reply).text)
        if reason is not None:
            return reason
    return None


def text_final(turns: Turns, final: TextFinal, *, ending: Ending = "final") -> Part:
    """Take a FINAL in a reply's text."""
    # At the last step nobody can ask which one `FINAL(total)` meant; a variable of that name is the likelier reading.
    by_name = final.is_variable or (turns.last and not final.quoted and final.body in turns.variables)
    reason = guards.refused_text(final, by_name=by_name, variables=turns.variables)
    got: Outcome = Got(value=final.body, missing=reason)
    if reason is None and by_name:
        got = yield GetVariable(name=final.body, step=turns.step)
        if isinstance(got, Stopped):
            return endings.cut_short(got.error, turns.best)
    answer = expect(got, Got)
    if answer.missing is not None:
        yield turns.refuse(answer.missing)
        return None
    return (yield from offer(turns, answer.value, ending=ending))


def variable_is_due(turns: Turns, changed: Collection[str]) -> bool:
    """Whether the agreed variable is to be looked at after a cell that bound these names."""
    return turns.task.guards.auto_finalize_var in changed or (
        turns.variable_waits and guards.refused_final(turns.task.guards, turns.facts) is None
    )


def auto_variable(turns: Turns) -> Part:
    """Offer the variable of `auto_finalize_var`, once it is set to something that can be an answer."""
    settings = turns.task.guards
    name = settings.auto_finalize_var
    if name is None or name not in turns.variables:
        return None
    got = yield GetVariable(name=name, step=turns.step)
    if isinstance(got, Stopped):
        return endings.cut_short(got.error, turns.best)
    answer = expect(got, Got)
    ready = answer.missing is None and guards.ready(settings, answer.value, answer_text(answer.value))
    turns.variable_waits = not ready or guards.refused_final(settings, turns.facts) is not None
    return (yield from offer(turns, answer.value, ending="auto_variable")) if ready else None


def last_resort(turns: Turns, why: str | None) -> Generator[Effect, Outcome, Conclusion]:
    """The end of a run without an accepted answer: the agreed variable, an answer on demand, the last output, or nothing.

    Args:
        why: the loop gave up; None if it took all its steps.
    """
    failure = endings.out_of_steps(turns.task.steps) if why is None else None
    standing = guards.refused_final(turns.task.guards, turns.facts)
    conclusion = (yield from auto_variable(turns)) if standing is None else None
    if conclusion is None and standing is None and turns.task.guards.forced_final:
        conclusion = yield from _on_demand(turns)
    if conclusion is not None:
        return conclusion
    refusal = (turns.last_refusal if turns.refused_value else None) or standing
    told = why or f"all {turns.task.steps} steps were taken without a final answer"
    if refusal is not None:
        told = f"the final answer was refused: {refusal}" if turns.refused_value and why is None else f"{told}; {refusal}"
    return endings.given_up(told, turns.best, failure)


def _on_demand(turns: Turns) -> Part:
    """Ask for an answer alone; nothing that the reply holds is run."""
    reply = yield turns.last_call(asides.LAST_CALL)
    if isinstance(reply, Stopped):
        return endings.cut_short(reply.error, turns.best)
    parsed = parse_reply(expect(reply, Reply).text)
    return (yield from said(turns, parsed, ending="forced_final"))


def said(turns: Turns, parsed: Parsed, *, ending: Ending) -> Part:
    """Take what a reply says in place of cells: a final answer in one of its forms, or plain prose where it was told to answer now."""
    if parsed.answer:
        return (yield from offer(turns, parsed.answer[0], ending=ending))
    if parsed.final is not None:
        return (yield from text_final(turns, parsed.final, ending=ending))
    if parsed.text and not parsed.cells:
        return (yield from offer(turns, parsed.text, ending=ending))
    return None


def expect(outcome: Outcome, kind: type[T]) -> T:
    """The outcome, which is of the kind that was due."""
    if not isinstance(outcome, kind):
        raise TypeError(f"the loop was sent a {type(outcome).__name__} where a {kind.__name__} was due")
    return outcome
