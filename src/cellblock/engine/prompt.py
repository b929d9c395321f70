"""What the model reads: the system message, the question, and what its cells did.

The first line of the system message and the frames of the user messages are fixed: the simulated model reads them too. Text of
the user, the model or a cell is joined in as it is, never used as a format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..limits import ExecLimits
from ..models.protocol import Message
from ..repl.facts import PromptFacts
from ..repl.protocol import ExecError, ExecResult

FIRST_LINE = "You answer a question about a context by writing Python cells for a REPL."
GO_ON = "Write the next cell, or give the final answer."
LAST_STEP = "This is the last step: answer now with FINAL(...)"
SAMPLE_CHARS = 500
OBSERVATION_CHARS = 10_000
"""Of one cell's output in the prompt; the session's own `output_chars` has clipped it before."""
ERROR_CHARS = 2_000
FILE_NAMES = 20
CHANGED_NAMES = 30

_NAMES = """Names in every cell:
- P: the whole context as text: len(P), P[a:b], P.find(...). context and CONTEXT are the same.
- ctx: the context object. ctx.len_chars(), ctx.num_documents(), ctx.get_document(i), ctx.document_lengths(), ctx.slice(start, end),
  ctx.find(pattern, regex=False, max_matches=20, case_sensitive=True) -> [(start, end, text)], ctx.chunk(size, overlap=0) ->
  [(start, end, text)], ctx.chunk_documents(docs_per_chunk=10) -> [(first, last, [texts])], ctx.page(n), ctx.lines(a, b),
  ctx.search(query), ctx.metadata().
- FILES: names and sizes of the files behind the context.
- peek(n=2000), tail(n=2000): the first and the last n characters. lenP(): the length.
  extract_after(marker, max_len=128): the text after it."""
_CALLS = {
    "llm_query": """
- llm_query(prompt, model=None, max_tokens=None): asks a language model once and returns its text. It sees the prompt alone.""",
    "llm_query_batched": """
- llm_query_batched(prompts): the same for a list, in parallel, answers in order. A failed item starts with "ERROR:".""",
    "rlm_query": """
- rlm_query(prompt, context=None): a child run with a REPL of its own. context is a text or a list of texts; None shares yours.""",
}
"""What the model is told of each external. Aliases that models have learned elsewhere work too, and are not told."""
_MORE_NAMES = """
- SHOW_VARS(): names, types and sizes of the variables. print(...): what you want to see.
- FINAL(value): gives the final answer; the value keeps its type. FINAL_VAR(name): gives a variable as the answer."""
_RULES = """Rules:
- The context is in the REPL, not in this conversation. Look at it with cells before you answer.
- A cell is Python in a ```repl fence. All cells of a reply run in order; after an error the rest of them do not. Variables persist.
- You see what a cell prints, clipped. Keep long texts in variables and print what you need.
- Give the final answer with FINAL(...) in a cell, or as text outside fences at the start of a line: FINAL(your answer) or
  FINAL_VAR(variable_name). Text is taken as it stands, so use FINAL_VAR for a variable. Beside a cell, a FINAL in the text is ignored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """What the first two messages say."""

    question: str
    num_chars: int
    num_documents: int
    sample: str = ""
    """The start of the context; clipped to 500 characters."""
    file_names: tuple[str, ...] = ()
    """The first 20 of them."""
    more_files: int = 0
    externals: tuple[str, ...] = tuple(_CALLS)
    """Names of the functions of the host that a cell may call."""
    python: PromptFacts = field(default_factory=PromptFacts)
    """What this sandbox says of its Python."""
    soft_limits: bool = False
    """Whether a cell that is stopped by its time limit keeps its variables."""
    exec_limits: ExecLimits = field(default_factory=ExecLimits)
    steps: int = 20
    children: bool = True
    """Whether `rlm_query` may still open a child run at this depth."""


def system_message(brief: Brief) -> Message:
    """Names, rules and limits, exactly as this run has them."""
    told = [_CALLS[name] for name in brief.externals if name in _CALLS and (brief.children or name != "rlm_query")]
    names = _NAMES + "".join(told) + _MORE_NAMES
    parts = [FIRST_LINE, names, _RULES, _limits(brief), _python(brief.python)]
    return Message("system", "\n\n".join(part for part in parts if part))


def _python(facts: PromptFacts) -> str:
    modules = f"\nModules: {', '.join(facts.modules)}. No others, no files." if facts.modules else ""
    return f"This REPL's Python:\n{facts.python.strip()}{modules}" if facts.python else modules.strip()


def _limits(brief: Brief) -> str:
    limits = brief.exec_limits
    return (
        f"Limits: {brief.steps} replies. One cell: {limits.wall_seconds:g} s of its own time, {limits.memory_bytes // 2**20} MiB, "
        f"{limits.host_calls} calls of llm_query and the like (a batch is one), "
        f"{min(limits.output_chars, OBSERVATION_CHARS)} printed characters shown. A cell that runs out of time "
        + ("keeps what it did so far." if brief.soft_limits else "leaves no trace: the variables are as they were before it.")
    )


def first_message(brief: Brief, *, last_step: bool = False) -> Message:
    """The question, the context's size, files and start."""
    head = f"Question:\n{brief.question}\n\nContext: {brief.num_chars} characters, {brief.num_documents} documents.\n"
    files = _file_line(brief.file_names, brief.more_files)
    sample = "Start of the context:\n" + brief.sample[:SAMPLE_CHARS]
    return Message("user", head + files + sample + "\n\n" + _invitation(last_step))


def _file_line(names: tuple[str, ...], more: int) -> str:
    if not names:
        return ""
    return "Files: " + ", ".join(map(_one_line, names)) + (f", ... ({more} more)" if more else "") + "\n"


def next_message(notes: Sequence[str], *, last_step: bool = False) -> Message:
    """What happened since the last reply: outputs and refusals, then the invitation to go on."""
    return Message("user", "\n\n".join([*notes, _invitation(last_step)]))


def _invitation(last_step: bool) -> str:
    return f"{LAST_STEP}\n{GO_ON}" if last_step else GO_ON


def refusal(reason: str) -> str:
    """A guard's refusal as the model reads it."""
    return "Refused: " + reason


def observation(number: int, result: ExecResult) -> str:
    """What the model sees of one cell.

    Args:
        number: of the cell in the run, from 1.
    """
    return f"Output of cell {number}:\n" + "\n".join(_observed(result))


def _observed(result: ExecResult) -> list[str]:
    lines = [clip(result.stdout, OBSERVATION_CHARS).rstrip("\n")] if result.stdout else []
    if result.stdout_dropped:
        lines.append(f"[{result.stdout_dropped} characters of output were dropped]")
    if result.value_preview is not None:
        lines.append("Value: " + clip(result.value_preview, ERROR_CHARS))
    if result.error is not None:
        lines.extend(_error_lines(result.error, result.state == "rolled_back"))
    elif not lines:
        lines.append(_silent(result.changed))
    return lines


def _silent(changed: tuple[str, ...]) -> str:
    if not changed:
        return "(no output, no variable changed)"
    left = len(changed) - CHANGED_NAMES
    return "(no output) Changed variables: " + ", ".join(changed[:CHANGED_NAMES]) + (f" and {left} more" if left > 0 else "")


def _error_lines(error: ExecError, rolled_back: bool) -> list[str]:
    lines = ["Error: " + error_text(error)]
    if error.limit is not None:
        lines.append("The cell was stopped by its limit " + error.limit + ".")
    lines.append("The variables are as they were before this cell." if rolled_back else "What the cell did before that is kept.")
    return lines


def error_text(error: ExecError) -> str:
    """`Kind: message (line n)`, bounded."""
    where = "" if error.line is None else f" (line {error.line})"
    return _one_line(error.kind[:100]) + ": " + clip(error.message, ERROR_CHARS) + where


def clip(text: str, limit: int) -> str:
    """Head and tail of a text that is longer than `limit` characters, saying how much was left out."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    return text[:head] + f"\n[... {len(text) - head - tail} characters left out ...]\n" + text[len(text) - tail :]


def _one_line(text: str) -> str:
    return " ".join(text[:200].split())
