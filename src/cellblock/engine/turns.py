"""What the loop remembers of one run: its conversation, what was counted, the best answer so far. No I/O, no decisions."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..models.protocol import Message
from ..values import Value
from . import prompt
from .effects import Ask, Purpose, Ran, Refuse
from .guards import Facts, Guards
from .history import History, Transcript
from .observations import OBSERVATION_CHARS, clip, observation, refusal
from .parse import Parsed, parse_reply
from .prompt import Brief
from .typed import AnswerType, Anything


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One question for the loop."""

    brief: Brief
    guards: Guards = field(default_factory=Guards)
    history: History = field(default_factory=History)
    answer_type: AnswerType = field(default_factory=Anything)

    @property
    def steps(self) -> int:
        """Replies that the model may give."""
        return self.brief.steps


@dataclass(slots=True)
class Turns:
    """One run's memory."""

    task: Task
    transcript: Transcript
    step: int = 0
    cells: int = 0
    subcalls: int = 0
    children: int = 0
    deepest: int = 0
    invalid: int = 0
    """Replies in a row with neither a cell nor an answer."""
    failed: int = 0
    """Cells in a row that failed."""
    repeats: int = 0
    """Replies in a row whose cells and outputs are those of the reply before."""
    rejections: int = 0
    """Answers that the verifier turned down."""
    fallback_used: bool = False
    last_done: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """Cells of the last reply that had some, and what they showed."""
    seen: list[str] = field(default_factory=list)
    """What the cells of this reply showed."""
    notes: list[str] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    advice: str = ""
    """The engineer's brief."""
    partial: Value = ""
    """The best there is without an accepted answer: a refused one, else the last output."""
    words: str = ""
    """What the last reply said that was neither a cell nor an answer."""
    last_refusal: str | None = None
    refused_value: bool = False
    variable_waits: bool = False
    """The agreed variable is set, but was not ready yet or not to be taken yet: it is looked at again, also where no cell binds it anew."""
    asked: int = 0
    """Asks beside the replies, in this step."""

    @classmethod
    def of(cls, task: Task) -> Turns:
        """A fresh memory."""
        return cls(task=task, transcript=Transcript(task.history))

    @property
    def best(self) -> Value:
        """What a run without an accepted answer ends with."""
        return self.words if self.partial == "" else self.partial

    @property
    def last(self) -> bool:
        """Whether this is the last step."""
        return self.step == self.task.steps

    @property
    def facts(self) -> Facts:
        """For the guards."""
        return Facts(step=self.step, cells=self.cells, subcalls=self.subcalls, children=self.children, deepest=self.deepest)

    def next_step(self) -> None:
        """Tell the model what happened since its last reply."""
        self.step += 1
        self.asked = 0
        if self.transcript.begun:
            self.transcript.told(prompt.next_message(self.notes, last_step=self.last))
        else:
            brief = self.task.brief
            self.transcript.begin(prompt.system_message(brief), prompt.first_message(brief, advice=self.advice, last_step=self.last))
        self.notes = []
        self.last_refusal = None

    def ask(self) -> Ask:
        """For the next reply."""
        return Ask(messages=self.transcript.messages(), new=self.transcript.take_new(), step=self.step)

    def last_call(self, told: str) -> Ask:
        """For an answer and nothing else, after all that happened."""
        self.transcript.told(Message("user", "\n\n".join([*self.notes, told])))
        self.notes = []
        self.asked += 1
        messages, new = self.transcript.messages(), self.transcript.take_new()
        return Ask(messages=messages, new=new, step=self.step, purpose="final", index=self.asked)

    def aside(self, purpose: Purpose, messages: tuple[Message, ...]) -> Ask:
        """For something else than a reply."""
        self.asked += 1
        return Ask(messages=messages, new=messages, step=self.step, purpose=purpose, index=self.asked)

    def heard(self, text: str) -> Parsed:
        """Take the model's reply apart and remember it."""
        parsed = parse_reply(text)
        self.transcript.said(clip(text, OBSERVATION_CHARS) if parsed.clipped else text)
        self.notes.extend(_remarks(parsed))
        return parsed

    def saw(self, ran: Ran) -> None:
        """Remember what a cell did."""
        result = ran.result
        self.cells += 1
        self.subcalls += ran.subcalls
        self.children, self.deepest = ran.children, ran.deepest
        self.failed = self.failed + 1 if result.error is not None else 0
        self.variables.update(result.changed)
        shown = observation(self.cells, result)
        self.notes.append(shown)
        self.seen.append(shown.partition("\n")[2])
        output = result.stdout or result.value_preview
        if output and not self.refused_value:
            self.partial = output.strip()

    def compare(self, cells: tuple[str, ...]) -> None:
        """Count a reply that did again what the one before it did, and got the same."""
        done = (cells, tuple(self.seen))
        self.repeats = self.repeats + 1 if done == self.last_done else 1
        self.last_done, self.seen = done, []
        if self.repeats > 1:
            self.notes.append("These cells gave the same output as in the reply before. Do something else, or give the final answer.")

    def refuse(self, reason: str) -> Refuse:
        """Tell the model, and the record, why something was not taken."""
        self.notes.append(refusal(reason))
        self.last_refusal = reason
        return Refuse(reason=reason, step=self.step)


def _remarks(parsed: Parsed) -> list[str]:
    remarks = []
    if parsed.cells and (parsed.final is not None or parsed.answer):
        remarks.append(refusal("the FINAL in the text was ignored, since the reply also had a cell; give it alone, or in a cell"))
    if parsed.dropped_cells:
        remarks.append(refusal(f"the last {parsed.dropped_cells} cells of the reply were too many and did not run"))
    if parsed.clipped:
        remarks.append(refusal("the reply was too long; only its start was read"))
    return remarks
