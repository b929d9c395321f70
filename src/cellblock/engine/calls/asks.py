"""Short answers from passages: `ask`, `ask_chunks`, `ask_chunks_first`, `pick_first_answer`. No answer is the text `NO_ANSWER`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import anyio.lowlevel

from ...repl.protocol import CellError, External
from ...values import Value
from . import arguments
from .subcalls import FAILED, Subcalls

NO_ANSWER = "NO_ANSWER"
FIRST_WAVE = 4
"""Chunks that `ask_chunks_first` asks at once to begin with; each wave is twice the one before. So it makes at most about twice the calls
that the answer took, and waits a few times where one after the other would wait for each chunk."""
SAID_CHARS = 500
"""From each end of a reply: where it says `NO_ANSWER` if it does. All lines of a long one would hold up the event loop."""
SAID_LINES = 5
ANSWERS_AT_ONCE = 1_000
"""That are looked at before the event loop has its turn."""
_AROUND = " \t\"'`*_.,:;!-()[]<>"


class Asks:
    """The questions of one run's cells about passages."""

    def __init__(self, subcalls: Subcalls) -> None:
        self._subcalls = subcalls

    def externals(self) -> dict[str, External]:
        """By the names that cells use."""
        return {
            "ask": self.ask,
            "ask_chunks": self.ask_chunks,
            "ask_chunks_first": self.ask_chunks_first,
            "pick_first_answer": self.pick_first_answer,
        }

    async def ask(self, *args: Value, **kwargs: Value) -> Value:
        """The answer from one text alone: `ask(question, text, model=None)`; `NO_ANSWER` if the text does not hold it.

        Raises:
            CellError: the arguments are wrong, the call failed, or the budget is used up.
        """
        bound = arguments.bind("ask", ("question", "text", "model"), args, kwargs)
        question = arguments.text("ask", "question", bound.get("question"))
        passage = arguments.text("ask", "text", bound.get("text"))
        return read(await self._subcalls.answer(_prompt(question, passage), self._subcalls.manner("ask", bound)))

    async def ask_chunks(self, *args: Value, **kwargs: Value) -> Value:
        """The answer from each chunk, in order: `ask_chunks(question, chunks, model=None, parallel=True)`.

        A failed one is the text `ERROR: …`.

        Raises:
            CellError: the arguments are wrong, or the budget is used up.
        """
        bound = arguments.bind("ask_chunks", ("question", "chunks", "model", "parallel"), args, kwargs)
        prompts = _prompts("ask_chunks", bound)
        at_once = arguments.at_once("ask_chunks", bound.get("parallel", True), self._subcalls.at_once)
        replies = await self._subcalls.answers(prompts, self._subcalls.manner("ask_chunks", bound), at_once)
        # Once each: ten thousand equal chunks have one reply, and whatever is stripped is a copy.
        said = {reply: read(reply) for reply in dict.fromkeys(replies)}
        return [said[reply] for reply in replies]

    async def ask_chunks_first(self, *args: Value, **kwargs: Value) -> Value:
        """The first real answer in the order of chunks: `ask_chunks_first(question, chunks, model=None)`; `NO_ANSWER` if none holds it.

        Raises:
            CellError: the arguments are wrong, the budget is used up, or no chunk had an answer and some calls failed.
        """
        bound = arguments.bind("ask_chunks_first", ("question", "chunks", "model"), args, kwargs)
        prompts = _prompts("ask_chunks_first", bound)
        manner = self._subcalls.manner("ask_chunks_first", bound)
        failed: list[str] = []
        for wave in _waves(list(dict.fromkeys(prompts)), self._subcalls.at_once):
            replies = [read(reply) for reply in await self._subcalls.answers(wave, manner)]
            if (found := first_answer(replies)) != NO_ANSWER:
                return found
            failed += [reply for reply in replies if reply.startswith(FAILED)]
        if failed:
            # To say that there is no answer would be more than is known.
            raise CellError(
                "RuntimeError", f"{len(failed)} of {len(prompts)} chunks could not be asked, the others have no answer: {failed[0]}"
            )
        return NO_ANSWER

    async def pick_first_answer(self, *args: Value, **kwargs: Value) -> Value:
        """The first of `answers` that is one, without a call: `pick_first_answer(answers)`; `NO_ANSWER` if none is.

        Raises:
            CellError: the arguments are wrong.
        """
        bound = arguments.bind("pick_first_answer", ("answers",), args, kwargs)
        answers = bound.get("answers")
        if not isinstance(answers, list):
            raise CellError("TypeError", f"pick_first_answer(): answers must be a list of str, not {type(answers).__name__}")
        found = NO_ANSWER
        for start in range(0, len(answers), ANSWERS_AT_ONCE):
            if (found := first_answer(answers[start : start + ANSWERS_AT_ONCE])) != NO_ANSWER:
                break
            await anyio.lowlevel.checkpoint()
        return found


def read(reply: str) -> str:
    """The answer in a reply: stripped, and exactly `NO_ANSWER` where it says so in whatever dress, or says nothing."""
    text = reply.strip()
    return NO_ANSWER if not text or any(map(_denies, _said(text))) else text


def _said(text: str) -> list[str]:
    """The first and the last lines."""
    if len(text) <= 2 * SAID_CHARS:
        lines = text.splitlines()
        return lines if len(lines) <= 2 * SAID_LINES else lines[:SAID_LINES] + lines[-SAID_LINES:]
    return text[:SAID_CHARS].splitlines()[:SAID_LINES] + text[-SAID_CHARS:].splitlines()[1:][-SAID_LINES:]


def first_answer(answers: Sequence[Value]) -> str:
    """The first text that is neither a failure nor no answer; `NO_ANSWER` if there is none."""
    for answer in answers:
        if isinstance(answer, str) and not answer.startswith(FAILED) and (text := read(answer)) != NO_ANSWER:
            return text
    return NO_ANSWER


def _denies(line: str) -> bool:
    """Whether a line says `NO_ANSWER`: alone or before anything else, in any case, with quotes, marks or `Answer:` around it."""
    words = line[:200].strip(_AROUND).upper().removeprefix("ANSWER").lstrip(_AROUND)
    # "No answer came until 1990" is one.
    return words == "NO ANSWER" or (words.startswith(NO_ANSWER) and not words[len(NO_ANSWER) :][:1].isalnum())


def _prompts(function: str, bound: dict[str, Value]) -> list[str]:
    question = arguments.text(function, "question", bound.get("question"))
    chunks = arguments.chunks(function, bound.get("chunks"))
    arguments.shared(function, "question", len(question), chunks)
    return [_prompt(question, chunk) for chunk in chunks]


def _prompt(question: str, passage: str) -> str:
    return (
        "Answer the question from the passage alone, in as few words as it takes. "
        f"If the passage does not hold the answer, say {NO_ANSWER} and nothing else.\nQuestion: {question}\nPassage:\n{passage}"
    )


def _waves(prompts: list[str], most: int) -> Iterator[list[str]]:
    start, size = 0, min(FIRST_WAVE, most)
    while start < len(prompts):
        yield prompts[start : start + size]
        start, size = start + size, min(2 * size, most)
