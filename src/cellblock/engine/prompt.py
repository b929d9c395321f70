"""What the model reads first: the system message and the question. Both list exactly what this run has.

The frames of the user messages are fixed: the simulated model reads them too. Text of the user, the model or a cell is joined in as it
is, never used as a format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ConfigError
from ..limits import ExecLimits, check_type
from ..models.protocol import Message
from ..repl.facts import PromptFacts
from .guards import Guards
from .observations import OBSERVATION_CHARS, clip, one_line
from .vocabulary import CALLS, OBJECTS

FIRST_LINE = "You answer a question about a context by writing Python cells for a REPL."
GO_ON = "Write the next cell, or give the final answer."
LAST_STEP = "This is the last step: answer now with FINAL(...)"
SAMPLE_CHARS = 500
MAX_SAMPLE_CHARS = 100_000
FILE_NAMES = 20
BRIEF_CHARS = 4_000
"""Of a context engineer's brief."""
EARLIER_TURNS = 20
"""Questions of a conversation that the prompt repeats, with their answers."""
EARLIER_CHARS = 1_000
"""Of each such answer."""

_NAMES = """Names in every cell:
- P: the whole context as text: len(P), P[a:b], P.find(...). context and CONTEXT are the same.
- ctx: the context object. ctx.len_chars(), ctx.num_documents(), ctx.get_document(i), ctx.document_lengths(), ctx.slice(start, end),
  ctx.find(pattern, regex=False, max_matches=20, case_sensitive=True) -> [(start, end, text)], ctx.chunk(size, overlap=0) ->
  [(start, end, text)], ctx.chunk_documents(docs_per_chunk=10) -> [(first, last, [texts])], ctx.page(n), ctx.lines(a, b),
  ctx.search(query), ctx.metadata().
- FILES: names and sizes of the files behind the context.
- peek(n=2000), tail(n=2000): the first and the last n characters. lenP(): the length.
  extract_after(marker, max_len=128): the text after it."""
_SHORT_NAMES = """In every cell: P (the whole context: len(P), P[a:b], P.find), ctx (.find(pattern, regex=False, max_matches=20) and
.chunk(size, overlap=0) -> [(start, end, text)], .slice(a, b), .get_document(i), .num_documents(), .search(query)), FILES,
peek(n), tail(n)."""
_MORE_NAMES = """
- SHOW_VARS(): names, types and sizes of the variables. print(...): what you want to see.
- FINAL(value): gives the final answer; the value keeps its type. FINAL_VAR(name): gives a variable as the answer."""
_SHORT_MORE_NAMES = """
- SHOW_VARS(), print(...). FINAL(value) gives the final answer, FINAL_VAR(name) a variable as the answer."""
_FENCES = (
    "- A cell is Python in a ```repl fence. All cells of a reply run in order; after an error the rest of them do not. Variables persist."
)
_FORM = """- Every reply is one JSON object and nothing else: {"reasoning": str, "code": str, "is_final": bool, "final_answer": any}.
  code is a Python cell, or empty; variables persist. To answer, leave code empty, set is_final to true and give final_answer with its
  type."""
_RULES = """Rules:
- The context is in the REPL, not in this conversation. Look at it with cells before you answer.
{cells}
- You see what a cell prints, clipped. Keep long texts in variables and print what you need.
- Give the final answer with FINAL(...) in a cell, or as text outside fences at the start of a line: FINAL(your answer) or
  FINAL_VAR(variable_name). Text is taken as it stands, so use FINAL_VAR for a variable. Beside a cell, a FINAL in the text is ignored."""
_SHORT_RULES = """Rules: look at the context with cells before you answer.
{cells}
- You see what a cell prints, clipped. Answer with FINAL(...) in a cell, or alone at the start of a line outside fences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSettings:
    """How a run's prompt is made.

    Raises:
        ConfigError: a setting is out of range.
    """

    system_prompt: str | None = None
    """Takes the place of the opening line and the rules. What the cells have and what limits hold is told below it all the same."""
    compact: bool = False
    """A form of about two thirds of the length: names and rules take half, what the sandbox says of its Python stays."""
    supplements: tuple[str, ...] = ()
    """Paragraphs of yours, after all others."""
    sample_chars: int = SAMPLE_CHARS
    """Of the context's start, in the first message; 0 shows none."""
    structured_replies: bool | Literal["probe"] = False
    """Ask for replies that are one JSON object. A model that writes cells all the same is understood, too. "probe" finds out first, by one
    small call, whether the model can: once for each model of a run and its child runs."""
    context_brief: Literal["off", "pre_loop", "per_query", "both"] = "off"
    """Whether the engineer's model writes a brief first: before the root's loop, before each child run's, or both."""

    def __post_init__(self) -> None:
        if self.system_prompt is not None:
            check_type("system_prompt", self.system_prompt, str)
        check_type("compact", self.compact, bool)
        if self.structured_replies not in (True, False, "probe"):
            raise ConfigError(f"structured_replies={self.structured_replies!r}: use True, False or 'probe'")
        check_type("sample_chars", self.sample_chars, int)
        if not isinstance(self.supplements, tuple) or not all(isinstance(text, str) for text in self.supplements):
            raise ConfigError(f"supplements={repr(self.supplements)[:60]}: a tuple of texts is needed")
        if not 0 <= self.sample_chars <= MAX_SAMPLE_CHARS:
            raise ConfigError(f"sample_chars={self.sample_chars}: between 0 and {MAX_SAMPLE_CHARS:,}")
        if self.context_brief not in ("off", "pre_loop", "per_query", "both"):
            raise ConfigError(f"context_brief={self.context_brief!r}: use off, pre_loop, per_query or both")

    def wants_brief(self, depth: int) -> bool:
        """Whether a run at `depth` begins with a brief."""
        return self.context_brief == "both" or self.context_brief == ("pre_loop" if depth == 0 else "per_query")


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """What the first two messages say."""

    question: str
    num_chars: int
    num_documents: int
    sample: str = ""
    """The start of the context."""
    file_names: tuple[str, ...] = ()
    """The first 20 of them."""
    more_files: int = 0
    externals: tuple[str, ...] = tuple(CALLS)
    """Names of the functions of the host that a cell may call."""
    models: tuple[str, ...] = ()
    """Names that `llm_query(prompt, model=...)` takes beside root and sub."""
    tools: tuple[str, ...] = ()
    """What is told of each custom tool, a line each."""
    python: PromptFacts = field(default_factory=PromptFacts)
    """What this sandbox says of its Python."""
    soft_limits: bool = False
    """Whether a cell that is stopped by its time limit keeps its variables."""
    exec_limits: ExecLimits = field(default_factory=ExecLimits)
    steps: int = 20
    children: bool = True
    """Whether `rlm_query` may still open a child run at this depth."""
    settings: PromptSettings = field(default_factory=PromptSettings)
    guards: Guards = field(default_factory=Guards)
    answer_schema: str = ""
    """JSON Schema that the final answer has to fit; empty if anything will do."""
    earlier: tuple[tuple[str, str], ...] = ()
    """Questions that this session has been asked before, and its answers."""
    left_out: tuple[str, ...] = ()
    """Variables of that time that could not be kept, and why."""
    wants_brief: bool = False
    """The engineer is asked first."""


def system_message(brief: Brief) -> Message:
    """Names, rules and limits, exactly as this run has them."""
    settings = brief.settings
    rules = _RULES if not settings.compact else _SHORT_RULES
    told = rules.replace("{cells}", _FORM if settings.structured_replies is True else _FENCES)
    opening = [FIRST_LINE] if settings.system_prompt is None else [settings.system_prompt]
    parts = [
        *opening,
        _names(brief),
        *([told] if settings.system_prompt is None else []),
        _demands(brief),
        _limits(brief),
        _python(brief),
        *settings.supplements,
    ]
    return Message("system", "\n\n".join(part for part in parts if part))


def _names(brief: Brief) -> str:
    compact = brief.settings.compact
    known = {**CALLS, **OBJECTS}
    told = [known[name] for name in brief.externals if name in known and (brief.children or not name.startswith("rlm_query"))]
    calls = "".join(f"\n{call.short if compact else call.full}" for call in told)
    models = f"\n- llm_query(prompt, model=...) also takes these models: {', '.join(brief.models)}." if brief.models else ""
    tools = "".join(f"\n{line}" for line in brief.tools)
    return (_SHORT_NAMES if compact else _NAMES) + calls + models + tools + (_SHORT_MORE_NAMES if compact else _MORE_NAMES)


def _demands(brief: Brief) -> str:
    """What the guards and the answer's type ask for."""
    guards, lines = brief.guards, []
    if guards.depth_enforcement != "off" and (guards.require_min_depth or guards.require_min_recursive_calls):
        depth = f" and let them open child runs of their own, {guards.require_min_depth} deep" if guards.require_min_depth > 1 else ""
        count = max(1, guards.require_min_recursive_calls)
        runs = "one child run" if count == 1 else f"{count} child runs"
        lines.append(f"Split the question: give parts of it to at least {runs} with rlm_query{depth} before you answer.")
    if guards.require_subcall_before_final:
        lines.append("Make at least one sub-call before you answer.")
    if guards.auto_finalize_var is not None:
        lines.append(f"Put the final answer into the variable {guards.auto_finalize_var}: as soon as it is set, the run ends with it.")
    if brief.answer_schema:
        lines.append(f"The final answer has to fit this JSON Schema; give it in a cell with FINAL(value):\n{brief.answer_schema}")
    return "\n".join(lines)


def _python(brief: Brief) -> str:
    facts = brief.python
    modules = f"Modules: {', '.join(facts.modules)}. Do not count on others." if facts.modules else ""
    files = facts.files.strip() if "vfs__read" in brief.externals else ""
    told = [f"This REPL's Python:\n{facts.python.strip()}" if facts.python else "", files, modules]
    return "\n".join(part for part in told if part)


def _limits(brief: Brief) -> str:
    limits = brief.exec_limits
    if brief.settings.compact:
        return (
            f"Limits: {brief.steps} replies; a cell {limits.wall_seconds:g} s, {limits.memory_bytes // 2**20} MiB, "
            f"{limits.host_calls} calls, "
            f"{min(limits.output_chars, OBSERVATION_CHARS)} characters shown. Out of time, "
            + ("its variables are kept." if brief.soft_limits else "it leaves no trace.")
        )
    return (
        f"Limits: {brief.steps} replies. One cell: {limits.wall_seconds:g} s of its own time, {limits.memory_bytes // 2**20} MiB, "
        f"{limits.host_calls} calls of llm_query and the like (a batch is one), "
        f"{min(limits.output_chars, OBSERVATION_CHARS)} printed characters shown. A cell that runs out of time "
        + ("keeps what it did so far." if brief.soft_limits else "leaves no trace: the variables are as they were before it.")
    )


def first_message(brief: Brief, *, advice: str = "", last_step: bool = False) -> Message:
    """The question, the context's size, files and start.

    Args:
        advice: the engineer's brief.
    """
    parts = [context_facts(brief), *_earlier(brief.earlier, brief.left_out)]
    if advice:
        parts.append(f"Brief:\n{clip(advice, BRIEF_CHARS)}")
    return Message("user", "\n\n".join([*parts, _invitation(last_step)]))


def context_facts(brief: Brief) -> str:
    """The question and what is known of the context."""
    head = f"Question:\n{brief.question}\n\nContext: {brief.num_chars} characters, {brief.num_documents} documents.\n"
    shown = brief.sample[: brief.settings.sample_chars]
    sample = "Start of the context:\n" + shown if brief.settings.sample_chars else ""
    return (head + _file_line(brief.file_names, brief.more_files) + sample).rstrip("\n")


def _earlier(turns: Sequence[tuple[str, str]], left_out: Sequence[str]) -> list[str]:
    if not turns:
        return []
    lost = "" if not left_out else f"\nNot there any more: {', '.join(map(one_line, left_out[:FILE_NAMES]))}."
    shown = [f"Q: {clip(question, EARLIER_CHARS)}\nA: {clip(answer, EARLIER_CHARS)}" for question, answer in turns[-EARLIER_TURNS:]]
    head = "Earlier in this session (its variables are still there; the list `history` has all questions and answers):\n"
    return [head + "\n".join(shown) + lost]


def _file_line(names: tuple[str, ...], more: int) -> str:
    if not names:
        return ""
    return "Files: " + ", ".join(map(one_line, names)) + (f", ... ({more} more)" if more else "") + "\n"


def next_message(notes: Sequence[str], *, last_step: bool = False) -> Message:
    """What happened since the last reply: outputs and refusals, then the invitation to go on."""
    return Message("user", "\n\n".join([*notes, _invitation(last_step)]))


def _invitation(last_step: bool) -> str:
    return f"{LAST_STEP}\n{GO_ON}" if last_step else GO_ON
